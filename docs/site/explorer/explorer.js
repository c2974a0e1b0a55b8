// Makes each <div class="schedule-explorer"> curves, an image that is being noised, and sliders for both.
// Its data-stress is "curves" or "image": what comes first, and large. What is computed stands in schedule.js.

const BETAS = { linear: linearBetas, cosine: cosineBetas };
const CHARTS = [
  { label: "alpha_bar_t", of: (alphaBar) => alphaBar, low: 0, high: 1, ticks: [0, 0.5, 1], half: 0.5 },
  { label: "log-SNR", of: logSnr, low: -25, high: 15, ticks: [-20, -10, 0, 10], half: 0 },
];
const SETS = { mnist: "MNIST", fashion: "Fashion-MNIST" };
const X0 = EXPLORER.images.map(decodeImage);
const NOISE = decodeNoise(EXPLORER);

const each = (list, html) => list.map(html).join("");
const CURVES = `<div class="curves">${'<svg viewBox="0 0 320 190" role="img"></svg>'.repeat(CHARTS.length)}</div>`;
const PICTURE = '<figure><canvas width="28" height="28" role="img"></canvas><figcaption></figcaption></figure>';
const PICTURES = `<div class="pictures">${PICTURE.repeat(3)}</div>`;
const SAID = '<p role="status" aria-live="polite"></p>';

const radio = (name) => `<label class="${name}"><input type="radio" name="schedule" value="${name}"> ${name}</label>`;
const option = ({ name }, i) => `<option value="${i}">${name}</option>`;
const optionsOf = (set) => each(EXPLORER.images, (image, i) => (image.data === set ? option(image, i) : ""));
const slider = (name, label, range) => `
  <div class="slider">
    <label><span>${label}</span><input type="range" name="${name}" ${range}></label>
    <output aria-live="off"></output>
  </div>`;
const CONTROLS = `
  <form>
    <div class="choices">
      <fieldset><legend>schedule</legend>${each(Object.keys(BETAS), radio)}</fieldset>
      <label>image
        <select name="image">
          ${each(Object.keys(SETS), (set) => `<optgroup label="${SETS[set]}">${optionsOf(set)}</optgroup>`)}
        </select>
      </label>
    </div>
    ${slider("t", "step t", 'min="0" max="999" value="499"')}
    ${slider("T", "steps T", 'min="20" max="1000" step="10" value="1000"')}
    ${slider("offset", "offset s", 'min="0" max="0.1" step="0.002" value="0.008"')}
  </form>`;

function explore(place) {
  const imageFirst = place.dataset.stress === "image";
  place.innerHTML = (imageFirst ? [PICTURES, CONTROLS, SAID, CURVES] : [CURVES, CONTROLS, SAID, PICTURES]).join("");
  const form = place.querySelector("form");
  const { schedule, image, t, T, offset } = form.elements;
  schedule.value = "cosine";

  let resting;
  function show() {
    const alphaBars = {};
    for (const name in BETAS) alphaBars[name] = alphasCumprod(BETAS[name](Number(T.value), Number(offset.value)));
    const alphaBar = alphaBars[schedule.value][t.value];
    offset.disabled = schedule.value !== "cosine";
    for (const row of form.querySelectorAll(".slider")) {
      row.querySelector("output").value = row.querySelector("input").value;
    }
    place.querySelectorAll("svg").forEach((svg, i) => {
      drawChart(svg, CHARTS[i], alphaBars, schedule.value, Number(t.value));
    });
    showMix(place.querySelectorAll("figure"), X0[image.value], alphaBar);
    // Said when the sliders rest, or a screen reader would have to read out every step on the way.
    clearTimeout(resting);
    resting = setTimeout(() => {
      const where = `${schedule.value}, t = ${t.value} of T = ${T.value}`;
      place.querySelector("[role=status]").textContent = `${where}: ${inWords(alphaBar)}`;
    }, 300);
  }

  T.addEventListener("input", () => {
    const share = t.value / t.max;
    t.max = T.value - 1;
    t.value = Math.round(share * t.max);
  });
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault()); // what Enter does in a form of one page
  show();
}

function drawChart(svg, { label, of, low, high, ticks, half }, alphaBars, chosen, t) {
  const values = alphaBars[chosen].map(of);
  const last = values.length - 1;
  const x = (step) => (36 + (270 * step) / last).toFixed(1);
  const y = (value) => (155 - (130 * (value - low)) / (high - low)).toFixed(1);
  const curve = (name) => {
    const points = alphaBars[name].map((alphaBar, step) => `${x(step)},${y(of(alphaBar))}`);
    return `<polyline class="${name} ${name === chosen ? "chosen" : ""}" points="${points.join(" ")}"/>`;
  };
  const [first, now, end] = [values[0], values[t], values[last]].map((value) => value.toPrecision(3));
  svg.setAttribute("aria-label", `${label} over t, ${chosen}: it falls from ${first} to ${end}, and is ${now} at t = ${t}`);
  svg.innerHTML = `
    <path d="M36 20V155H306"/>
    <path class="guide" d="M36 ${y(half)}H306M${x(t)} 20V155"/>
    ${each(Object.keys(alphaBars), curve)}
    <circle class="${chosen}" cx="${x(t)}" cy="${y(values[t])}" r="5"/>
    ${each(ticks, (tick) => `<text class="tick" x="31" y="${y(tick)}">${tick}</text>`)}
    <text class="label" x="4" y="11">${label}</text>
    <text x="36" y="171">0</text> <text x="171" y="185">t</text> <text x="306" y="171">${last}</text>`;
}

// The dimmed image, the weakened noise, and their sum.
function showMix(figures, x0, alphaBar) {
  const nothing = x0.map(() => 0);
  const mix = [
    [`${signal(alphaBar)} * x0`, qSample(x0, nothing, alphaBar)],
    [`+ ${sigma(alphaBar)} * noise`, qSample(nothing, NOISE, alphaBar)],
    ["= x_t", qSample(x0, NOISE, alphaBar)],
  ];
  figures.forEach((figure, i) => {
    const [caption, pixels] = mix[i];
    const canvas = figure.querySelector("canvas");
    figure.querySelector("figcaption").textContent = caption;
    canvas.setAttribute("aria-label", caption);
    paint(canvas, pixels);
  });
}

// Pixels from -1 to 1 become 0 to 255; the picture itself cuts what lies outside.
function paint(canvas, x) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(28, 28);
  x.forEach((pixel, i) => {
    const grey = (pixel + 1) * 127.5;
    picture.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.putImageData(picture, 0, 0);
}

function inWords(alphaBar) {
  const [image, noise] = [alphaBar, 1 - alphaBar].map((share) => `${(100 * share).toFixed(1)} %`);
  return (
    `alpha_bar_t is ${alphaBar.toPrecision(3)}, log-SNR ${logSnr(alphaBar).toFixed(2)}. x_t is x0 times ` +
    `${signal(alphaBar)} plus noise times ${sigma(alphaBar)}; of the variance ${image} is image and ${noise} noise.`
  );
}

const signal = (alphaBar) => Math.sqrt(alphaBar).toFixed(3);
const sigma = (alphaBar) => Math.sqrt(1 - alphaBar).toFixed(3);

document.querySelectorAll(".schedule-explorer").forEach(explore);
