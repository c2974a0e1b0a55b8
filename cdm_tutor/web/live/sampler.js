// The samplers of cdm_tutor/sampler.py, the refiner's two steps of cdm_tutor/refiner.py, and the jumps of
// cdm_tutor/consistency.py, with the names they have there. Images are Float32Arrays of all pixels; a model is what
// unpack in network.js makes of a file.

const REFINE_FROM = 200; // as cdm-tutor sample --refine does

function denoise(model, x_t, t) {
  const { network, schedule, prediction, side } = model;
  const out = network.forward({ data: x_t, shape: [x_t.length / side ** 2, side, side] }, t).data;
  const [signal, sigma] = levels(schedule, t);
  const x0 = prediction === "noise" ? mix(1 / signal, x_t, -sigma / signal, out) : mix(signal, x_t, -sigma, out);
  const pred_x0 = x0.map((pixel) => Math.min(Math.max(pixel, -1), 1));
  return { t, pred_x0, pred_noise: mix(1 / sigma, x_t, -signal / sigma, pred_x0) };
}

// The steps to visit, evenly spaced from T - 1 down, as pairs [t, prev_t]; the last prev_t is -1.
function spacedTimesteps(T, steps) {
  const visited = Array.from({ length: steps }, (_, i) => roundHalfToEven(T - (i * T) / steps) - 1);
  return visited.map((t, i) => [t, visited[i + 1] ?? -1]);
}

// As Python rounds: 937.5 to 938, and 812.5 to 812.
function roundHalfToEven(x) {
  return x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

function levels(schedule, t) {
  return t < 0 ? [1, 0] : [schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]];
}

function posterior(x_t, guess, prev_t, schedule) {
  const [signal_t, sigma_t] = levels(schedule, guess.t);
  const [signal_prev, sigma_prev] = levels(schedule, prev_t);
  const alpha = (signal_t / signal_prev) ** 2;
  const beta = sigma_t ** 2 - alpha * sigma_prev ** 2;
  const shares = [signal_prev * beta, Math.sqrt(alpha) * sigma_prev ** 2].map((share) => share / sigma_t ** 2);
  return [mix(shares[0], guess.pred_x0, shares[1], x_t), (beta * sigma_prev ** 2) / sigma_t ** 2];
}

function pSample(x_t, guess, prev_t, schedule, noise, eta) {
  const [mean, variance] = posterior(x_t, guess, prev_t, schedule);
  return mix(1, mean, eta * Math.sqrt(variance), noise);
}

function ddimStep(x_t, guess, prev_t, schedule, noise, eta) {
  const [signal_prev, sigma_prev] = levels(schedule, prev_t);
  const variance = eta ** 2 * posterior(x_t, guess, prev_t, schedule)[1];
  const kept = mix(signal_prev, guess.pred_x0, Math.sqrt(sigma_prev ** 2 - variance), guess.pred_noise);
  return mix(1, kept, Math.sqrt(variance), noise);
}

function dpmStep(x_t, guess, last, prev_t, schedule, noise, eta) {
  let ahead = guess.pred_x0;
  if (last && prev_t >= 0) {
    const [h, h_last] = [strideLength(schedule, guess.t, prev_t), strideLength(schedule, last.t, guess.t)];
    ahead = mix(1 + h / (2 * h_last), guess.pred_x0, -h / (2 * h_last), last.pred_x0);
  }
  return firstOrderStep(x_t, guess.t, prev_t, ahead, schedule, noise, eta);
}

function firstOrderStep(x_t, t, prev_t, pred_x0, schedule, noise, eta) {
  if (prev_t < 0) return pred_x0;
  const h = strideLength(schedule, t, prev_t);
  const [signal_prev, sigma_prev] = levels(schedule, prev_t);
  const keep = Math.exp(-(1 + eta) * h);
  const std = sigma_prev * Math.sqrt(1 - Math.exp(-2 * eta * h));
  const kept = mix((signal_prev * keep) / levels(schedule, t)[0], x_t, signal_prev * (1 - keep), pred_x0);
  return mix(1, kept, std, noise);
}

function strideLength(schedule, t, prev_t) {
  return (schedule.log_snr[prev_t] - schedule.log_snr[t]) / 2;
}

// The solvers: generators that take one step each time the next is asked for. fresh(i) is the noise of step i.
function* walk(step, ask, x, visits, schedule, fresh, eta) {
  for (const [i, [t, prev_t]] of visits.entries()) {
    const guess = ask(x, t);
    const x_prev = step(x, guess, prev_t, schedule, fresh(i), eta);
    yield { t, prev_t, x_t: x, pred_x0: guess.pred_x0, x_prev };
    x = x_prev;
  }
}

function* dpmWalk(ask, x_T, visits, schedule, fresh, eta) {
  let [x, guess, last] = [x_T, ask(x_T, visits[0][0]), null];
  for (const [i, [t, prev_t]] of visits.entries()) {
    const noise = fresh(i);
    const x_prev = dpmStep(x, guess, last, prev_t, schedule, noise, eta);
    yield { t, prev_t, x_t: x, pred_x0: guess.pred_x0, x_prev };
    if (prev_t >= 0) {
      [last, guess] = [guess, ask(x_prev, prev_t)];
      x = firstOrderStep(x, t, prev_t, guess.pred_x0, schedule, noise, eta);
    }
  }
}

// Each with the share of fresh noise that it is usually given.
const SOLVERS = {
  dpm: [dpmWalk, 1],
  ddim: [(...rest) => walk(ddimStep, ...rest), 0],
  ddpm: [(...rest) => walk(pSample, ...rest), 1],
};

// Walk from pure noise to an image, one step each time the next is asked for: { t, prev_t, x_t, pred_x0, x_prev }.
function sample(model, x_T, fresh, solver, steps, eta = SOLVERS[solver][1]) {
  const [pathOf] = SOLVERS[solver];
  const { schedule } = model;
  const ask = (x_t, t) => denoise(model, x_t, t);
  return pathOf(ask, x_T, spacedTimesteps(schedule.log_snr.length, steps), schedule, fresh, eta);
}

// Draw in so many jumps: jump to an image, noise it anew to the next step, jump again; told like the steps of sample.
function* sampleByJumps(model, x_T, fresh, steps) {
  const { schedule } = model;
  let x = x_T;
  for (const [i, [t, prev_t]] of spacedTimesteps(schedule.log_snr.length, steps).entries()) {
    const { pred_x0 } = denoise(model, x, t);
    const [signal, sigma] = levels(schedule, prev_t);
    const x_prev = prev_t < 0 ? pred_x0 : mix(signal, pred_x0, sigma, fresh(i));
    yield { t, prev_t, x_t: x, pred_x0, x_prev };
    x = x_prev;
  }
}

// Noise an image to t_start, then denoise it in two DDIM steps without fresh noise; told like the steps of sample.
function* refine(model, x, noise, t_start) {
  const { schedule } = model;
  const middle = Math.floor(t_start / 3);
  const [signal, sigma] = levels(schedule, t_start);
  x = mix(signal, x, sigma, noise);
  for (const [t, prev_t] of [[t_start, middle], [middle, -1]]) {
    const guess = denoise(model, x, t);
    const x_prev = ddimStep(x, guess, prev_t, schedule, noise, 0);
    yield { t, prev_t, x_t: x, pred_x0: guess.pred_x0, x_prev };
    x = x_prev;
  }
}

// All steps of a walk by one network, and then those of its refiner, if there is one; each says by whom.
function* thenRefine(walk, model, refiner, noise) {
  let x;
  for (const step of walk) {
    yield { ...step, model, by: "" };
    x = step.x_prev;
  }
  if (!refiner) return;
  for (const step of refine(refiner, x, noise, REFINE_FROM)) {
    yield { ...step, model: refiner, by: ", refiner" };
  }
}

// a times x plus b times y.
function mix(a, x, b, y) {
  return x.map((number, i) => a * number + b * y[i]);
}
