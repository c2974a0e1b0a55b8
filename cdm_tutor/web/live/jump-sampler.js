// Draws in one jump, as fast as one moves through a map of noise; and the same noise in twenty steps, to compare with.
// What is computed: sampler.js, network.js, layers.js, kernel.js. How it comes into the page: start.js.

const PATIENT_STEPS = 20; // of the network that is not consistent
const STILL = 300; // milliseconds without a move after which it begins with them
const TILES = 5; // pictures along a side of the map
const ROUND = 14; // seconds in which it wanders once around the map
const LATELY = 10; // jumps over which their time is averaged

function jumpControls(networks, beside) {
  const range = 'min="0" max="100" value="25"';
  return `
    <div class="sides">
      <div class="pictures">${FIGURE.repeat(beside ? 2 : 1)}</div>
      <div class="pictures map">${FIGURE}</div>
    </div>
    <form>
      <div class="choices">${setField(networks)}</div>
      ${slider("across", "across", range)}
      ${slider("down", "down", range)}
      <div class="choices">
        <button type="submit">Another map</button>
        <label><input type="checkbox" name="wander"> wander by itself</label>
      </div>
    </form>
    <p role="status" aria-live="off"></p>`;
}

// Resolves when the place is ready; the drawing goes on from there.
async function jumpSampler(place) {
  const networks = place.dataset.networks.split(" ");
  const load = networksIn(place);
  const beside = place.dataset.jumps === "beside";
  let walking = null; // the network that takes many steps, if there is one
  let jumping = await load(`${networks[0]}-consistency`); // before what stood here is given up

  place.innerHTML = jumpControls(networks, beside);
  const form = place.querySelector("form");
  const { across, down, wander, set } = form.elements;
  const [jumped, walked] = place.querySelectorAll("figure");
  const mapFigure = place.querySelector(".map figure");
  const map = mapFigure.querySelector("canvas");
  const status = place.querySelector("[role=status]");

  let seed = 2; // of the map's first corner
  let corners; // the noises of the four corners
  let turn = 0; // counts the moves: what was begun before the last one gives up
  let asked = false; // whether a jump waits for the screen
  let tiles = 0; // pictures of the map that are drawn
  let times = []; // milliseconds of the last jumps

  // The noise of a place on the map, from 0 to 1 each way: between those of the corners.
  const noiseAt = (x, y) => slerp(slerp(corners[0], corners[1], x), slerp(corners[2], corners[3], x), y);
  const here = () => [across, down].map((control) => Number(control.value) / 100);
  const jump = (x_T) => [...sampleByJumps(jumping, x_T, () => x_T, 1)][0].pred_x0;
  const pause = (time = 0) => new Promise((resolve) => setTimeout(resolve, time));

  function draw() {
    asked = false;
    const noise = noiseAt(...here());
    const begun = performance.now();
    const image = jump(noise);
    times = [...times, performance.now() - begun].slice(-LATELY);
    showPicture(jumped, "one jump", image, jumping.side);
    tell(across, `${across.value} %`);
    tell(down, `${down.value} %`);
    const mean = times.reduce((a, b) => a + b) / times.length;
    const place = `${across.value} % across, ${down.value} % down`;
    const rate = counted(Math.round(1000 / mean), "image");
    status.textContent = `${place}: one jump in ${mean.toFixed(0)} ms, ${rate} a second.`;
    mark();
    drawTile();
  }

  // Where we are on the map.
  function mark() {
    const [x, y] = here();
    mapFigure.style.setProperty("--x", x);
    mapFigure.style.setProperty("--y", y);
  }

  async function move() {
    const mine = ++turn;
    if (!asked) requestAnimationFrame(draw);
    asked = true;
    await pause(STILL);
    if (mine === turn) await drawMap(mine);
    if (mine === turn && walking) await walk(mine);
  }

  // The same noise in many steps.
  async function walk(mine) {
    const steps = Math.min(PATIENT_STEPS, walking.schedule.log_snr.length);
    const noise = noiseAt(...here());
    for (const step of sample(walking, noise, () => noise, "ddim", steps)) {
      showPicture(walked, counted(steps, "step"), step.pred_x0, walking.side);
      await pause();
      if (mine !== turn) return;
    }
  }

  // The next picture of the map, if one is missing.
  function drawTile() {
    if (tiles === TILES ** 2) return;
    const [row, column] = [Math.floor(tiles / TILES), tiles % TILES];
    const tile = jump(noiseAt((column + 0.5) / TILES, (row + 0.5) / TILES));
    paint(map, tile, jumping.side, column * jumping.side, row * jumping.side);
    tiles++;
  }

  // The others, one after the other while nothing moves.
  async function drawMap(mine) {
    while (tiles < TILES ** 2 && mine === turn) {
      drawTile();
      await pause();
    }
  }

  async function newMap() {
    const chosen = set.value;
    const loaded = await load(`${chosen}-consistency`);
    if (chosen !== set.value) return;
    [jumping, walking] = [loaded, null];
    if (beside) walkToo(chosen); // once it is there: jumps need not wait for it
    corners = [0, 1, 2, 3].map((corner) => noiseOf(seed + corner, 0, jumping.length));
    tiles = 0;
    map.width = map.height = TILES * jumping.side;
    map.ariaLabel = `the map of noise: ${TITLES[set.value] ?? "images"}, turning into each other from place to place`;
    move();
  }

  async function walkToo(chosen) {
    const loaded = await load(chosen);
    if (chosen !== set.value) return;
    walking = loaded;
    move();
  }

  // Around the middle of the map, for as long as it is wanted.
  function wanderOn(time) {
    if (!wander.checked || !place.isConnected) return;
    const angle = ((time / 1000) * 2 * Math.PI) / ROUND;
    across.value = 50 + 38 * Math.cos(angle);
    down.value = 50 + 38 * Math.sin(angle);
    move();
    requestAnimationFrame(wanderOn);
  }

  function pointed({ offsetX, offsetY, buttons, type }) {
    if (type === "pointermove" && !buttons) return;
    wander.checked = false;
    across.value = (100 * offsetX) / map.clientWidth;
    down.value = (100 * offsetY) / map.clientHeight;
    move();
  }

  mapFigure.querySelector("figcaption").textContent = "drag over the map";
  map.addEventListener("pointerdown", pointed);
  map.addEventListener("pointermove", pointed);
  form.addEventListener("input", ({ target }) => {
    if (target === wander) requestAnimationFrame(wanderOn);
    else if (target.name === "set") newMap(); // two radios, or one
    else {
      wander.checked = false;
      move();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    seed += 4;
    newMap();
  });
  await newMap();
  wander.checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  requestAnimationFrame(wanderOn);
}
