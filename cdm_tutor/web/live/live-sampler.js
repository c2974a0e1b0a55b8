// Draws an image in the page, one step of the sampler after another, and lets you go back and forth through the steps.
// What is computed: sampler.js, network.js, layers.js, kernel.js. How it comes into the page: start.js.

const SHOWN_FOR = 50; // milliseconds that a step can be seen while it draws, at least
const COLUMNS = 10; // steps in the strip
const FIRST_SEED = 2;

const seedField = (label, name, value) =>
  field(label, `<input type="number" name="${name}" min="0" max="999999" value="${value}" required>`);

// `short`: at first only what one needs to draw.
function controls(networks, refiner, short) {
  const refine = `<label><input type="checkbox" name="refined" ${refiner === "on" ? "checked" : ""}> refine</label>`;
  const solvers = Object.keys(SOLVERS).map((name) => `<option>${name}</option>`);
  const more = '<button type="button" name="unfold" aria-expanded="false">More</button>';
  return `
    <form>
      <div class="choices">
        ${setField(networks)}
        <button type="submit">Draw</button>
        <button type="button" name="another">Next seed</button>
        ${short ? more : ""}
      </div>
      <div class="more" ${short ? "hidden" : ""}>
        <div class="choices">
          ${field("solver", `<select name="solver">${solvers.join("")}</select>`)}
          ${refiner ? refine : ""}
        </div>
        ${slider("steps", "steps", 'min="5" max="50" value="20"')}
        <div class="choices">
          ${seedField("seed", "seed", FIRST_SEED)}
          ${seedField("and on to seed", "other", FIRST_SEED + 1)}
        </div>
        ${slider("how far", "share", 'min="0" max="100" value="0"')}
      </div>
    </form>`;
}

// Makes the place ready at once, so that it keeps its size; the networks come as they are wanted.
function liveSampler(place) {
  const { refiner } = place.dataset;
  const networks = place.dataset.networks.split(" ");
  const model = networksIn(place);

  place.innerHTML = `
    <div class="sides">
      <div>
        <div class="pictures">${FIGURE.repeat(2)}</div>
        ${slider("step", "step", 'min="1" max="1" value="1" disabled')}
      </div>
      ${controls(networks, refiner, "short" in place.dataset)}
    </div>
    <canvas class="strip" role="img" aria-label="not drawn yet"></canvas>
    <p role="status" aria-live="polite"></p>`;
  const form = place.querySelector("form");
  const { seed, other, share, steps, solver, refined, another, unfold, set } = form.elements;
  const scrub = place.querySelector("[name=step]");
  const strip = place.querySelector(".strip");
  const status = place.querySelector("[role=status]");
  const insides = "insides" in place.dataset ? showInsides(place) : null;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let frames = []; // the steps of the image that is shown
  let drawing = 0; // counts the images begun: one that is not the newest gives up

  function settings() {
    const [from, to, percent, count] = [seed, other, share, steps].map((control) => Number(control.value));
    return { from, to, percent, count, solver: solver.value, set: set.value };
  }

  // Slowly enough to be followed; or at once, as where motion is not welcome.
  async function draw(slowly) {
    if (!form.reportValidity()) return;
    const mine = ++drawing;
    const gaveUp = () => mine !== drawing;
    const asked = settings();
    if (slowly) status.textContent = "Drawing ...";
    slowly &&= !calm.matches;
    try {
      const unet = await model(asked.set);
      const second = refined?.checked ? await model(`${asked.set}-refiner`) : null;
      if (gaveUp()) return;
      if (!frames.length || status.textContent.startsWith("Loading")) status.textContent = "Drawing ...";
      asked.count = Math.min(asked.count, unet.schedule.log_snr.length);
      const taking = walkAndRefine(asked, unet, second);
      const drawn = [];
      let busy = 0;
      while (!gaveUp()) {
        const begun = performance.now();
        const { value: frame, done } = taking.next();
        const took = performance.now() - begun;
        busy += took;
        if (done) break;
        drawn.push(frame);
        if (slowly) show(drawn, drawn.length, asked.count + (second ? 2 : 0));
        await new Promise((resolve) => setTimeout(resolve, slowly ? SHOWN_FOR - took : 0));
      }
      if (gaveUp()) return;
      show(drawn, drawn.length, drawn.length);
      scrub.disabled = false;
      drawStrip();
      status.textContent = inWords(asked, second, busy);
    } catch (error) {
      status.textContent = error.message;
    }
  }

  // Step number `step`, counted from 1, of so many.
  function show(drawn, step, count) {
    frames = drawn;
    scrub.max = count;
    scrub.value = step;
    const frame = frames[step - 1];
    scrub.ariaValueText = `${step} of ${count}, t = ${frame.t}${frame.by}`;
    tell(scrub, `${step} of ${count}`);
    const [x_t, pred_x0] = place.querySelectorAll(".pictures figure");
    showPicture(x_t, `x_t at t = ${frame.t}`, frame.x_t, frame.model.side);
    showPicture(pred_x0, `pred_x0${frame.by}`, frame.pred_x0, frame.model.side);
    insides?.show(frame);
  }

  // Some steps side by side, the first and the last among them: x_t above, pred_x0 below.
  function drawStrip() {
    const { side } = frames[0].model;
    const columns = Math.min(COLUMNS, frames.length);
    strip.width = columns * (side + 2) - 2;
    strip.height = 2 * side + 2;
    strip.ariaLabel = `${columns} of the steps from noise to image: x_t above, pred_x0 below`;
    for (let column = 0; column < columns; column++) {
      const frame = frames[shownIn(column, frames.length)];
      paint(strip, frame.x_t, side, column * (side + 2), 0);
      paint(strip, frame.pred_x0, side, column * (side + 2), side + 2);
    }
  }

  function tellSettings() {
    tell(steps, steps.value);
    tell(share, `${share.value} %`);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    draw(true);
  });
  another.addEventListener("click", () => {
    seed.value = Number(seed.value) + 1;
    draw(true);
  });
  unfold?.addEventListener("click", () => {
    const more = form.querySelector(".more");
    more.hidden = !more.hidden;
    unfold.ariaExpanded = String(!more.hidden);
  });
  form.addEventListener("input", ({ target }) => {
    tellSettings();
    if (target === share) draw(false);
  });
  form.addEventListener("change", ({ target }) => {
    if (target !== share) draw(target !== other);
  });
  strip.addEventListener("click", ({ offsetX }) => {
    if (!frames.length) return;
    const column = Math.floor((offsetX / strip.clientWidth) * Math.min(COLUMNS, frames.length));
    show(frames, 1 + shownIn(column, frames.length), frames.length);
  });
  scrub.addEventListener("input", () => show(frames, Number(scrub.value), frames.length));
  tellSettings();
  draw(true);
}

// All steps from noise to image, and then the refiner's, if there is a second network; each when it is asked for.
function walkAndRefine({ from, to, percent, count, solver }, unet, second) {
  // Noise number `which` of the image: the seed's own, or what lies on the way to the other seed's.
  const noise = (which) => {
    const own = noiseOf(from, which, unet.length);
    return percent ? slerp(own, noiseOf(to, which, unet.length), percent / 100) : own;
  };
  const walk = sample(unet, noise(0), (i) => noise(i + 1), solver, count);
  return thenRefine(walk, unet, second, noise(count + 1));
}

function inWords({ from, to, percent, count, solver }, second, busy) {
  const way = percent ? `, ${percent} % of the way to ${to}` : "";
  const by = `${counted(count, "step")} of ${solver}${second ? " and two of the refiner" : ""}`;
  return `Seed ${from}${way}: ${by}, ${computingTime(busy)}.`;
}

// Which of so many steps stands in a column of the strip.
function shownIn(column, count) {
  return Math.round((column * (count - 1)) / Math.max(Math.min(COLUMNS, count) - 1, 1));
}
