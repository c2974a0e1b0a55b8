// Draws what it is told to: a class, with guidance; and goes on from what one draws on a pad, or makes it anew.
// What is computed: guidance.js, sampler.js, network.js, layers.js, kernel.js. How it comes into the page: start.js.

const GUIDED_STEPS = 20;
const QUICK_STEPS = 10; // while the slider moves, and for the small pictures
const START_GUIDANCE = 2;
const START_LABEL = 7; // or the last, where there are fewer
const LATEST = 0.95; // the share of noising steps to which a sketch is noised when little is kept of it
const EARLIEST = 0.25; // and when much is
const AT_REST = 250; // milliseconds after which a slider that does not move has come to rest
const FAINT = -0.5; // a pixel that has less ink than this is not drawn
const PATIENCE = 12; // milliseconds of computing after which the page gets its turn
const HALVES = {
  left: (x, y, side) => x < side / 2,
  right: (x, y, side) => x >= side / 2,
  top: (x, y, side) => y < side / 2,
  bottom: (x, y, side) => y >= side / 2,
};

function guidedControls(networks, refiner) {
  const halves = Object.keys(HALVES).map((half) => `<option value="${half}">the ${half} half</option>`);
  const refine = `<label><input type="checkbox" name="refined" ${refiner === "on" ? "checked" : ""}> refine</label>`;
  const parts = ['<option value="ink">all that is drawn</option>', ...halves];
  return `
    <form>
      <fieldset class="section classes"><legend>tell the network</legend><div></div></fieldset>
      <div class="sides">
        <div class="pictures">${FIGURE.repeat(2)}</div>
        <div class="controls">
          <div class="choices">${setField(networks)}</div>
          ${slider("guidance", "guidance", `min="0" max="5" step="0.25" value="${START_GUIDANCE}"`)}
          <div class="choices"><button type="submit">New noise</button>${refiner ? refine : ""}</div>
        </div>
      </div>
      <fieldset class="section"><legend>or begin from a drawing</legend>
        <div class="sides">
          <div class="pictures drawing">${FIGURE.repeat(2)}</div>
          <div class="controls">
            <div class="choices strokes" role="group" aria-label="draw for me"></div>
            <div role="radiogroup" aria-label="what to do with the drawing">
              <label><input type="radio" name="how" value="finish" checked> finish what I drew</label>
              <label><input type="radio" name="how" value="remake"> make something of it</label>
            </div>
            <div class="choices finish">${field("known is", `<select name="part">${parts.join("")}</select>`)}</div>
            <div class="remake" hidden>${slider("keep", "kept", 'min="0" max="100" value="50"')}</div>
          </div>
        </div>
      </fieldset>
    </form>
    <p role="status" aria-live="polite"></p>`;
}

// Resolves when the place is ready; the drawing goes on from there.
async function guidedSampler(place) {
  const networks = place.dataset.networks.split(" ");
  const load = networksIn(place);
  let model = await load(`${networks[0]}-classes`); // before what stood here is given up

  place.innerHTML = guidedControls(networks, place.dataset.refiner);
  const form = place.querySelector("form");
  const { guidance, how, part, kept, refined, set } = form.elements;
  const [noisePicture, image, padPicture, result] = place.querySelectorAll("figure");
  const status = place.querySelector("[role=status]");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const pad = sketchPad(padPicture.querySelector("canvas"), model.side, () => drawnOn());

  let seed = 2;
  let label = Math.min(START_LABEL, model.names.length - 1);
  let turn = 0; // counts the changes: what was begun before the last one gives up
  let working = false;
  const stale = new Set(); // what has to be drawn again: "image", "result", and the label of each small picture

  const scale = () => Number(guidance.value);
  const noise = (which) => noiseOf(seed, which, model.length);
  const fresh = (i) => noise(i + 1);
  const name = (label) => (label === NOT_TOLD ? "nothing" : model.names[label]);
  const canvasOf = (label) => form.querySelector(`[name=label][value="${label}"] ~ canvas`);
  // Without fresh noise, so that fewer steps draw nearly the same image.
  const walk = (label, steps) =>
    sample(told(model, label, scale()), noise(0), fresh, "dpm", Math.min(steps, model.schedule.log_snr.length), 0);

  // The steps of a walk, and those of the refiner after them if it is asked for.
  async function finished(walk) {
    const second = refined?.checked ? await load(`${set.value}-refiner`) : null;
    return thenRefine(walk, model, second, noise(GUIDED_STEPS + 1));
  }

  // --- what is drawn, the most wanted first, one thing at a time

  function redraw(...what) {
    turn++;
    for (const each of what) stale.add(each);
    work();
  }

  async function work() {
    if (working) return;
    working = true;
    try {
      while (stale.size) {
        const next = ["image", "result", ...labels()].find((each) => stale.has(each));
        const begun = turn;
        const wanted = () => begun === turn;
        const draw = { image: drawImage, result: drawResult }[next] ?? ((wanted) => drawSmall(next, wanted));
        if (await draw(wanted)) stale.delete(next);
      }
    } catch (error) {
      stale.clear();
      status.textContent = error.message;
    }
    working = false;
  }

  // Takes the steps of a walk, and gives the page its turns; null when it is no longer wanted.
  async function taken(walk, wanted, see = () => {}) {
    let [last, busy, since] = [null, 0, performance.now()];
    for (const frame of walk) {
      last = frame.x_prev;
      const now = performance.now();
      if (now - since < PATIENCE) continue;
      busy += now - since;
      if (!calm.matches) see(frame.pred_x0);
      await new Promise((resolve) => setTimeout(resolve));
      if (!wanted()) return null;
      since = performance.now();
    }
    return { x: last, busy: busy + performance.now() - since };
  }

  async function drawImage(wanted) {
    showPicture(noisePicture, `noise ${seed}`, noise(0), model.side);
    const caption = captionOf();
    const steps = Math.min(GUIDED_STEPS, model.schedule.log_snr.length);
    const walking = await finished(walk(label, steps));
    const drawn = await taken(walking, wanted, (x) => showPicture(image, caption, x, model.side));
    if (!drawn) return false;
    showPicture(image, caption, drawn.x, model.side);
    const by = `${counted(steps, "step")}${refined?.checked ? " and two of the refiner" : ""}`;
    status.textContent = `Noise ${seed}, ${caption}: ${by}, ${computingTime(drawn.busy)}.`;
    return true;
  }

  // At once, while the slider moves.
  function drawQuickly() {
    const x = [...walk(label, QUICK_STEPS)].at(-1).x_prev;
    showPicture(image, captionOf(), x, model.side);
  }

  async function drawSmall(which, wanted) {
    const drawn = await taken(walk(which, QUICK_STEPS), wanted);
    if (drawn) paintAlone(canvasOf(which), drawn.x);
    return drawn;
  }

  async function drawResult(wanted) {
    if (!pad.what) {
      showPicture(result, "nothing is drawn yet", new Float32Array(model.side ** 2).fill(-1), model.side);
      return true;
    }
    const caption = how.value === "finish" ? `finished, ${captionOf()}` : `made of it, ${captionOf()}`;
    const began = how.value === "finish" ? part.selectedOptions[0].text : `noised to t = ${startStep()}`;
    const walking = await finished(walkFromPad());
    const drawn = await taken(walking, wanted, (x) => showPicture(result, caption, x, model.side));
    if (!drawn) return false;
    showPicture(result, caption, drawn.x, model.side);
    status.textContent = `${pad.what}, ${began}: ${caption}, ${computingTime(drawn.busy)}.`;
    return true;
  }

  function walkFromPad() {
    const guide = told(model, label, scale());
    const T = model.schedule.log_snr.length;
    const sketch = inEachChannel(pad.pixels);
    if (how.value === "remake") {
      return fromSketch(guide, sketch, fresh, startStep(), Math.min(GUIDED_STEPS, startStep() + 1));
    }
    return complete(guide, noise(0), sketch, inEachChannel(pad.mask), fresh, Math.min(GUIDED_STEPS, T));
  }

  // What the pad has of each pixel, for a network of colours three times.
  function inEachChannel(pixels) {
    return Float32Array.from({ length: model.length }, (_, i) => pixels[i % pixels.length]);
  }

  // --- what the controls say

  const labels = () => [NOT_TOLD, ...model.names.keys()];
  const captionOf = () => `told ${name(label)}${label === NOT_TOLD ? "" : `, guidance ${scale()}`}`;

  function startStep() {
    const share = LATEST - ((LATEST - EARLIEST) * kept.value) / 100;
    return Math.floor(share * model.schedule.log_snr.length);
  }

  function paintAlone(canvas, pixels) {
    [canvas.width, canvas.height] = [model.side, model.side];
    paint(canvas, pixels, model.side);
  }

  // A key for each class: its name, or an example of it, and below what the noise becomes.
  function showClasses() {
    const keys = labels().map((each) => {
      const named = each === NOT_TOLD ? "any" : escaped(model.names[each]);
      const example = each === NOT_TOLD ? null : model.examples?.[each];
      const picture = `<canvas role="img" class="example" aria-label="${named}"></canvas>`;
      return `
        <label title="${named}">
          <input type="radio" name="label" value="${each}" ${each === label ? "checked" : ""}>
          <span class="key">${example ? picture : named}</span>
          <canvas aria-hidden="true"></canvas>
        </label>`;
    });
    const box = form.querySelector(".classes div");
    box.innerHTML = keys.join("");
    box.classList.toggle("words", !model.examples && model.names.some((name) => name.length > 2));
    form.querySelectorAll(".example").forEach((canvas, i) => paintAlone(canvas, model.examples[i]));
  }

  function showStrokes() {
    const strokes = STROKES[set.value] ?? {};
    const buttons = Object.keys(strokes).map((what) => `<button type="button" value="${what}">${what}</button>`);
    form.querySelector(".strokes").innerHTML = `${buttons.join("")}<button type="button" value="">clear</button>`;
    pad.pen = PENS[set.value] ?? pad.pen;
  }

  function tellSettings() {
    tell(guidance, scale().toFixed(2));
    tell(kept, `t = ${startStep()}`);
    kept.ariaValueText = `noised to t = ${startStep()}`;
    guidance.disabled = label === NOT_TOLD;
    for (const each of ["finish", "remake"]) form.querySelector(`.${each}`).hidden = how.value !== each;
    const { side } = model;
    const half = HALVES[part.value];
    const known = (pixel, i) => (half ? half(i % side, Math.floor(i / side), side) : pixel > FAINT);
    pad.mask = how.value === "finish" && pad.what ? Array.from(pad.pixels, known) : null;
    pad.show();
    padPicture.querySelector("figcaption").textContent = pad.what ? "your drawing" : "draw here";
  }

  function drawnOn() {
    tellSettings();
    redraw("result");
  }

  async function changeSet() {
    const chosen = set.value;
    const loaded = await load(`${chosen}-classes`);
    if (chosen !== set.value) return;
    model = loaded;
    status.textContent = "Drawing ...";
    showClasses();
    showStrokes();
    pad.clear();
    redraw("image", ...labels());
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    seed++;
    redraw("image", "result", ...labels());
  });
  form.querySelector(".strokes").addEventListener("click", ({ target: { value } }) => {
    if (value) pad.draw(STROKES[set.value][value], value);
    else if (value === "") pad.clear();
  });
  let [waiting, settling] = [false, 0]; // for the screen's next picture; for the slider to come to rest
  guidance.addEventListener("input", () => {
    tellSettings();
    turn++;
    stale.clear();
    clearTimeout(settling);
    settling = setTimeout(() => redraw("image", "result", ...labels()), AT_REST);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawQuickly();
    });
  });
  kept.addEventListener("input", tellSettings);
  form.addEventListener("change", ({ target }) => {
    if (target.name === "set") changeSet().catch((error) => (status.textContent = error.message));
    if (target.name === "label") label = Number(target.value);
    tellSettings();
    if (["label", "refined"].includes(target.name)) redraw("image", "result");
    if (["how", "part", "kept"].includes(target.name)) redraw("result");
  });
  showClasses();
  showStrokes();
  tellSettings();
  redraw("image", "result", ...labels());
}
