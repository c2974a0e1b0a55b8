// Standard normal noise from a seed. Not PyTorch's, so seed 3 is another image here than on the command line; but the
// same here each time.

// Image number `which` of the noises of a seed: 0 is what sampling starts from.
function noiseOf(seed, which, length) {
  const noise = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    // Box and Muller 1958: a radius and an angle, both from even numbers, give two independent normal numbers.
    const place = (which * length + i) | 0;
    const radius = Math.sqrt(-2 * Math.log(uniform(seed, place)));
    const angle = 2 * Math.PI * uniform(seed, place + 1);
    noise[i] = radius * Math.cos(angle);
    if (i + 1 < length) noise[i + 1] = radius * Math.sin(angle);
  }
  return noise;
}

// Number `place` of a seed, evenly spread over (0, 1): both are stirred until no bit remembers where it came from.
function uniform(seed, place) {
  return (stir(stir(seed + 1) ^ stir(place ^ 0x5bd1e995)) + 0.5) / 2 ** 32;
}

// Each bit of what comes in turns about half of the bits of what goes out: the last lines of MurmurHash3, A. Appleby.
function stir(bits) {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

// From noise a to noise b along an arc, so that what lies between has the length of noise, too. Shoemake 1985.
function slerp(a, b, share) {
  const dot = (x, y) => x.reduce((total, number, i) => total + number * y[i], 0);
  const angle = Math.acos(Math.min(Math.max(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), -1), 1));
  if (angle < 1e-6) return a;
  return mix(Math.sin((1 - share) * angle) / Math.sin(angle), a, Math.sin(share * angle) / Math.sin(angle), b);
}
