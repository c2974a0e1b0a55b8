// The layers of the networks in cdm_tutor/unet.py, for one image at a time.
// An image, or what becomes of it inside, is { data, shape }: a Float32Array, channel after channel, and [C, H, W].
// A weight is the same with the shape it has in PyTorch.

const GROUPS = 8;

// A convolution as one product. A place of the window sees, of a channel, at all positions, the same numbers in a row,
// only further on: so nothing is copied for it but zeros beyond the rim. With a stride, not all is kept.
function conv(x, weight, bias, stride = 1) {
  const [outChannels, inChannels, size] = weight.shape;
  const [, H, W] = x.shape;
  const padding = (size - 1) / 2;
  const row = W + padding; // the zeros to the right of a row are those to the left of the next
  const channel = (H + 2 * padding) * row + padding;
  const starts = new Int32Array(inChannels * size * size);
  for (let k = 0, c = 0; c < inChannels; c++) {
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) starts[k++] = c * channel + i * row + j;
  }
  const all = product(weight.data, padded(x, padding, row, channel), starts, outChannels, H * row - padding);
  const [height, width] = [Math.ceil(H / stride), Math.ceil(W / stride)];
  const data = new Float32Array(outChannels * height * width);
  for (let at = 0, c = 0; c < outChannels; c++) {
    for (let i = 0; i < height; i++) {
      const from = c * (H * row - padding) + i * stride * row;
      for (let j = 0; j < width; j++) data[at++] = all[from + j * stride] + bias.data[c];
    }
  }
  return { data, shape: [outChannels, height, width] };
}

// Each channel with `padding` rows of zeros above and below, and so many zeros before each row and after the last.
function padded({ data, shape: [channels, H, W] }, padding, row, channel) {
  if (!padding) return data;
  const out = new Float32Array(channels * channel);
  for (let from = 0, c = 0; c < channels; c++) {
    for (let i = 0; i < H; i++) {
      const at = c * channel + (i + padding) * row + padding;
      for (let j = 0; j < W; j++) out[at + j] = data[from++];
    }
  }
  return out;
}

// Mean 0 and variance 1 in each group of channels; then each channel's own weight and bias.
function groupNorm({ data, shape }, weight, bias) {
  const out = new Float32Array(data.length);
  const [inGroup, inChannel] = [data.length / GROUPS, data.length / shape[0]];
  for (let from = 0; from < data.length; from += inGroup) {
    let mean = 0;
    for (let i = from; i < from + inGroup; i++) mean += data[i];
    mean /= inGroup;
    let variance = 0;
    for (let i = from; i < from + inGroup; i++) variance += (data[i] - mean) * (data[i] - mean);
    const std = Math.sqrt(variance / inGroup + 1e-5);
    for (let channel = from; channel < from + inGroup; channel += inChannel) {
      const scale = weight.data[channel / inChannel] / std;
      const shift = bias.data[channel / inChannel] - mean * scale;
      for (let i = channel; i < channel + inChannel; i++) out[i] = data[i] * scale + shift;
    }
  }
  return { data: out, shape };
}

function silu({ data, shape }) {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = data[i] / (1 + Math.exp(-data[i]));
  return { data: out, shape };
}

function linear(x, weight, bias) {
  const [outLength, inLength] = weight.shape;
  const data = product(weight.data, x.data, rowStarts(inLength, 1), outLength, 1);
  return plus({ data, shape: [outLength] }, bias);
}

// Every position asks (q) all positions (k) and takes the more of what they hold (v) the better they match.
function attend(qkv) {
  const [three, height, width] = qkv.shape;
  const [channels, positions] = [three / 3, height * width];
  const part = (i) => qkv.data.subarray(i * channels * positions, (i + 1) * channels * positions);
  const [q, k, v] = [part(0), part(1), part(2)]; // each channels x positions
  const starts = rowStarts(channels, positions);
  const scores = product(transposed(q, channels, positions), k, starts, positions, positions);
  for (let i = 0; i < positions; i++) softmax(scores.subarray(i * positions, (i + 1) * positions), Math.sqrt(channels));
  const shares = transposed(scores, positions, positions);
  const heard = product(v, shares, rowStarts(positions, positions), channels, positions);
  return { data: heard, shape: [channels, height, width] };
}

function softmax(row, temperature) {
  const largest = row.reduce((a, b) => Math.max(a, b));
  let total = 0;
  row.forEach((score, i) => (total += row[i] = Math.exp((score - largest) / temperature)));
  row.forEach((share, i) => (row[i] = share / total));
}

function transposed(matrix, rows, columns) {
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
  return out;
}

// Each position becomes 2 x 2.
function upsample(x) {
  const [channels, height, width] = x.shape;
  return made([channels, 2 * height, 2 * width], (c, i, j) => x.data[(c * height + (i >> 1)) * width + (j >> 1)]);
}

// Squares of fold x fold pixels become the channels of one position, row by row; and back.
function pixelUnshuffle(x, fold) {
  const [channels, H, W] = x.shape;
  return made([channels * fold * fold, H / fold, W / fold], (c, i, j) => {
    const [channel, place] = [Math.floor(c / (fold * fold)), c % (fold * fold)];
    return x.data[(channel * H + i * fold + Math.floor(place / fold)) * W + j * fold + (place % fold)];
  });
}

function pixelShuffle(x, fold) {
  const [channels, H, W] = x.shape;
  return made([channels / (fold * fold), H * fold, W * fold], (c, i, j) => {
    const channel = (c * fold + (i % fold)) * fold + (j % fold);
    return x.data[(channel * H + Math.floor(i / fold)) * W + Math.floor(j / fold)];
  });
}

// The channels of a, then those of b.
function concat(a, b) {
  const data = new Float32Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, shape: [a.shape[0] + b.shape[0], ...a.shape.slice(1)] };
}

function plus(a, b) {
  const data = new Float32Array(a.data.length);
  for (let i = 0; i < data.length; i++) data[i] = a.data[i] + b.data[i];
  return { data, shape: a.shape };
}

// Cosines, then sines, of angles from fast to slow; rounded where PyTorch rounds.
function timestepEmbedding(t, dim) {
  const half = dim / 2;
  const angles = Array.from({ length: half }, (_, i) => {
    const exponent = Math.fround(Math.fround(-Math.log(10000)) * i) / half;
    return Math.fround(t * Math.fround(Math.exp(exponent)));
  });
  return { data: Float32Array.from([...angles.map(Math.cos), ...angles.map(Math.sin)]), shape: [dim] };
}

function made(shape, number) {
  const [channels, height, width] = shape;
  const data = new Float32Array(channels * height * width);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) data[at++] = number(c, i, j);
  }
  return { data, shape };
}
