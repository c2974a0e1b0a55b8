// The formulas of cdm_tutor/schedule.py and cdm_tutor/noising.py, and nothing of the page.
// tests/test_explorer.py holds them to the package's own results.

const MAX_BETA = 0.999;

function linearBetas(T) {
  const [first, last] = [1e-4, 0.02].map((beta) => (beta * 1000) / T);
  const step = (last - first) / Math.max(T - 1, 1);
  return Array.from({ length: T }, (_, t) => Math.min(first + step * t, MAX_BETA));
}

function cosineBetas(T, offset) {
  const f = (u) => Math.cos((((u + offset) / (1 + offset)) * Math.PI) / 2) ** 2;
  return Array.from({ length: T }, (_, t) => Math.min(1 - f((t + 1) / T) / f(t / T), MAX_BETA));
}

function alphasCumprod(betas) {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

function logSnr(alphaBar) {
  return Math.log(alphaBar) - Math.log1p(-alphaBar);
}

function qSample(x0, noise, alphaBar) {
  const [signal, sigma] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  return x0.map((pixel, i) => signal * pixel + sigma * noise[i]);
}

// From data.js to plain numbers: images in [-1, 1], and standard normal noise.
function decodeImage({ pixels }) {
  return Array.from(decode(pixels), (pixel) => pixel / 127.5 - 1);
}

function decodeNoise({ noise, noiseUnit }) {
  return Array.from(new Int16Array(decode(noise).buffer), (whole) => whole / noiseUnit);
}

function decode(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
