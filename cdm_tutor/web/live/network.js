// SimpleUNet of cdm_tutor/unet.py, and with it those which are one, too: ImprovedRefinementNetwork of
// cdm_tutor/refiner.py, and ConditionalUNet of cdm_tutor/guidance.py, which has a row for each class besides.
// Channels, blocks and attention are read off the names and shapes of the weights; only `fold` cannot be.

const NOT_TOLD = -1; // the label of an image whose class the network is not told

class UNet {
  // weights: { name: { data, shape } }, with the names that PyTorch gives them.
  constructor(weights, fold) {
    this.weights = weights;
    for (const { data, shape } of Object.values(weights)) {
      if (shape.length > 1) product.keep?.(data, shape[0], data.length / shape[0]);
    }
    this.fold = fold;
    this.down = this.layersOf("down");
    this.up = this.layersOf("up");
    this.middle = this.has("attention.norm") ? ["middle1", "attention", "middle2"] : ["middle1", "middle2"];
    this.layers = ["conv_in", ...this.down, ...this.middle, ...this.up, "conv_out"];
  }

  has(name) {
    return `${name}.weight` in this.weights;
  }

  isBlock(name) {
    return this.has(`${name}.norm1`);
  }

  // down.0, down.1, ...: a place without weights is an upsampling.
  layersOf(part) {
    const places = Object.keys(this.weights).filter((name) => name.startsWith(`${part}.`));
    const count = 1 + Math.max(...places.map((name) => Number(name.split(".")[1])));
    return Array.from({ length: count }, (_, i) => `${part}.${i}`);
  }

  // A layer's weight and bias, in the order in which the functions of layers.js want them.
  of(name) {
    return [this.weights[`${name}.weight`], this.weights[`${name}.bias`]];
  }

  // The timestep's row, and where there are classes, the label's added to it.
  time(t, label) {
    const [weight] = this.of("time_mlp.0");
    const hidden = silu(linear(timestepEmbedding(t, weight.shape[1]), ...this.of("time_mlp.0")));
    const row = silu(linear(hidden, ...this.of("time_mlp.2")));
    if (!this.has("classes")) return row;
    const [{ data: rows }] = this.of("classes");
    const length = row.data.length;
    return plus(row, { data: rows.subarray((label + 1) * length, (label + 2) * length) });
  }

  block(name, x, time) {
    const of = (part) => this.of(`${name}.${part}`);
    let h = conv(silu(groupNorm(x, ...of("norm1"))), ...of("conv1"));
    const both = linear(time, ...of("time")).data;
    const [scale, shift] = [both.subarray(0, both.length / 2), both.subarray(both.length / 2)];
    const [weight, bias] = of("norm2");
    // (1 + scale) * norm2(h) + shift, at once
    const [scaled, shifted] = [weight.data, bias.data].map((own) => own.map((number, c) => number * (1 + scale[c])));
    h = groupNorm(h, { data: scaled }, plus({ data: shifted }, { data: shift }));
    h = conv(silu(h), ...of("conv2"));
    return plus(this.has(`${name}.shortcut`) ? conv(x, ...of("shortcut")) : x, h);
  }

  selfAttention(x) {
    const qkv = conv(groupNorm(x, ...this.of("attention.norm")), ...this.of("attention.qkv"));
    return plus(x, conv(attend(qkv), ...this.of("attention.out")));
  }

  // One call of the network. watch(name, image) is told what came out of each layer.
  forward(x_t, t, watch = () => {}, label = NOT_TOLD) {
    const seen = (name, image) => (watch(name, image), image);
    const time = this.time(t, label);
    const skips = [];
    let h = seen("conv_in", conv(pixelUnshuffle(x_t, this.fold), ...this.of("conv_in")));
    for (const name of this.down) {
      h = seen(name, this.isBlock(name) ? this.block(name, h, time) : conv(h, ...this.of(name), 2));
      if (this.isBlock(name)) skips.push(h);
    }
    for (const name of this.middle) {
      h = seen(name, name === "attention" ? this.selfAttention(h) : this.block(name, h, time));
    }
    for (const name of this.up) {
      h = seen(name, this.isBlock(name) ? this.block(name, concat(h, skips.pop()), time) : upsample(h));
    }
    const out = conv(silu(groupNorm(h, ...this.of("norm_out"))), ...this.of("conv_out"));
    return pixelShuffle(seen("conv_out", out), this.fold);
  }
}

// A network as its file has it, made ready: { network, schedule, prediction, side, length }, where length counts the
// numbers of an image; and where it is told classes their { names, examples }, a picture each or none. The file's
// numbers are in base64: the schedule's tables of 32 bits each, the weights one after another, of 16; the pictures'
// pixels of 8.
function unpack(file) {
  const halves = new Uint16Array(decode(file.weights).buffer);
  const weights = {};
  let at = 0;
  for (const [name, shape] of file.shapes) {
    const length = shape.reduce((a, b) => a * b, 1);
    const data = new Float32Array(length);
    for (let i = 0; i < length; i++) data[i] = fromHalf(halves[at++]);
    weights[name] = { data, shape };
  }
  const schedule = {};
  for (const name in file.schedule) schedule[name] = new Float32Array(decode(file.schedule[name]).buffer);
  const { prediction, side, channels, names, examples } = file;
  const pictures = examples?.map((picture) => Float32Array.from(decode(picture), (grey) => grey / 127.5 - 1));
  const network = new UNet(weights, file.fold);
  return { network, schedule, prediction, side, length: channels * side ** 2, names, examples: pictures };
}

function decode(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// A number in half precision: a sign, 5 bits of exponent, 10 bits of fraction.
function fromHalf(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14);
}
