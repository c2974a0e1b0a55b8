// Guidance, completing a picture and drawing from a sketch: the functions of cdm_tutor/guidance.py, with the names they
// have there. A label is a class, from 0, or NOT_TOLD.

// The model as one that is told the label, guided: whatever draws with a model draws with this one.
function told(model, label, guidanceScale, limits = [0, Infinity]) {
  const forward = (x_t, t) => guided(model.network, x_t, t, label, guidanceScale, limits);
  return { ...model, network: { forward } };
}

// Where the answer told the label is all that counts, the other is not asked for.
function guided(network, x_t, t, label, guidanceScale, [from, end]) {
  const ask = (label) => network.forward(x_t, t, undefined, label);
  const scale = from <= t && t < end ? guidanceScale : 1;
  if (label === NOT_TOLD || scale === 1) return ask(label);
  const untold = ask(NOT_TOLD);
  if (scale === 0) return untold;
  return { data: mix(1 - scale, untold.data, scale, ask(label).data), shape: untold.shape };
}

// Where known is true, a pixel of the picture, noised to step t, takes the place of the pixel of x.
function keepKnown(x, picture, known, t, noise, schedule) {
  const [signal, sigma] = levels(schedule, t);
  const then = mix(signal, picture, sigma, noise);
  return x.map((pixel, i) => (known[i] ? then[i] : pixel));
}

// Noise an image at step t on to a later step.
function noiseFurther(x, t, later, schedule, noise) {
  const [signal, sigma] = levels(schedule, t);
  const [signalLater, sigmaLater] = levels(schedule, later);
  const kept = signalLater / signal;
  return mix(kept, x, Math.sqrt(Math.max(sigmaLater ** 2 - (kept * sigma) ** 2, 0)), noise);
}

// Draw what is missing of a picture, each step so many times; told like the steps of sample. fresh(i): noise number i.
function* complete(model, x_T, picture, known, fresh, steps, times = 5) {
  const { schedule } = model;
  let [x, drawn] = [x_T, 0];
  for (const [t, prev_t] of spacedTimesteps(schedule.log_snr.length, steps)) {
    for (let time = 1; ; time++) {
      const noise = fresh(drawn++);
      const guess = denoise(model, x, t);
      const stepped = pSample(x, guess, prev_t, schedule, noise, 1);
      const x_prev = keepKnown(stepped, picture, known, prev_t, noise, schedule);
      yield { t, prev_t, x_t: x, pred_x0: guess.pred_x0, x_prev };
      const again = prev_t >= 0 && time < times;
      x = again ? noiseFurther(x_prev, prev_t, t, schedule, fresh(drawn++)) : x_prev;
      if (!again) break;
    }
  }
}

// Noise a sketch to t_start and walk back from there; told like the steps of sample.
function fromSketch(model, sketch, fresh, t_start, steps) {
  const { schedule } = model;
  const [signal, sigma] = levels(schedule, t_start);
  const x = mix(signal, sketch, sigma, fresh(0));
  const ask = (x_t, t) => denoise(model, x_t, t);
  return dpmWalk(ask, x, spacedTimesteps(t_start + 1, steps), schedule, (i) => fresh(i + 1), 1);
}
