// The layers of the networks in cdm_tutor/unet.py, for one image at a time.
// An image, or what becomes of it inside, is { data, shape }: a Float32Array, channel after channel, and [C, H, W].
// A weight is the same with the shape it has in PyTorch.

const GROUPS = 8;

// A convolution as one product: under each position lie the numbers that its window sees, as a column.
function conv(x, weight, bias, stride = 1) {
  const [outChannels, inChannels, size] = weight.shape;
  const [height, width] = [x.shape[1] / stride, x.shape[2] / stride].map(Math.ceil);
  const inner = inChannels * size * size;
  const data = product(weight.data, windows(x, size, stride, height, width), outChannels, inner, height * width);
  const out = { data, shape: [outChannels, height, width] };
  eachChannel(out, (numbers, c) => numbers.forEach((number, i) => (numbers[i] = number + bias.data[c])));
  return out;
}

// (C * size * size) x (height * width): what each place of the window sees, zero beyond the rim.
function windows(x, size, stride, height, width) {
  if (size === 1 && stride === 1) return x.data;
  const [channels, H, W] = x.shape;
  const columns = new Float32Array(channels * size * size * height * width);
  const padding = (size - 1) / 2;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let down = -padding; down <= padding; down++) {
      for (let right = -padding; right <= padding; right++) {
        const [first, end] = inside(right, stride, width, W);
        for (let i = 0; i < height; i++, at += width) {
          const row = i * stride + down;
          if (row < 0 || row >= H) continue;
          const from = (c * H + row) * W + right;
          for (let j = first; j < end; j++) columns[at + j] = x.data[from + j * stride];
        }
      }
    }
  }
  return columns;
}

// For which j, from the first to before the end, j * stride + shift lies in a row of W numbers.
function inside(shift, stride, width, W) {
  return [Math.max(0, Math.ceil(-shift / stride)), Math.min(width, Math.floor((W - 1 - shift) / stride) + 1)];
}

// Mean 0 and variance 1 in each group of channels; then each channel's own weight and bias.
function groupNorm(x, weight, bias) {
  const out = copy(x);
  const size = out.data.length / GROUPS;
  for (let group = 0; group < GROUPS; group++) {
    const numbers = out.data.subarray(group * size, (group + 1) * size);
    let mean = 0;
    for (const number of numbers) mean += number / size;
    let variance = 0;
    for (const number of numbers) variance += (number - mean) ** 2 / size;
    const scale = 1 / Math.sqrt(variance + 1e-5);
    numbers.forEach((number, i) => (numbers[i] = (number - mean) * scale));
  }
  return scaleAndShift(out, weight.data, bias.data);
}

// Each channel times its scale plus its shift.
function scaleAndShift(x, scale, shift) {
  const out = copy(x);
  eachChannel(out, (numbers, c) => numbers.forEach((number, i) => (numbers[i] = number * scale[c] + shift[c])));
  return out;
}

function silu(x) {
  return { data: x.data.map((number) => number / (1 + Math.exp(-number))), shape: x.shape };
}

function linear(x, weight, bias) {
  const [outLength, inLength] = weight.shape;
  const data = product(weight.data, x.data, outLength, inLength, 1);
  return { data: data.map((number, i) => number + bias.data[i]), shape: [outLength] };
}

// Every position asks (q) all positions (k) and takes the more of what they hold (v) the better they match.
function attend(qkv) {
  const [three, height, width] = qkv.shape;
  const [channels, positions] = [three / 3, height * width];
  const part = (i) => qkv.data.subarray(i * channels * positions, (i + 1) * channels * positions);
  const [q, k, v] = [part(0), part(1), part(2)]; // each channels x positions
  const scores = product(transposed(q, channels, positions), k, positions, channels, positions);
  for (let i = 0; i < positions; i++) softmax(scores.subarray(i * positions, (i + 1) * positions), Math.sqrt(channels));
  const heard = product(v, transposed(scores, positions, positions), channels, positions, positions);
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
  return { data: a.data.map((number, i) => number + b.data[i]), shape: a.shape };
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

function copy(x) {
  return { data: x.data.slice(), shape: x.shape };
}

function eachChannel({ data, shape: [channels] }, use) {
  const size = data.length / channels;
  for (let c = 0; c < channels; c++) use(data.subarray(c * size, (c + 1) * size), c);
}
