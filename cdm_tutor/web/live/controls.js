// What the pages of all samplers are made of: controls, pictures, and words.

const TITLES = { mnist: "digits", fashion: "clothes" };
const FIGURE = '<figure><canvas role="img" aria-label="not drawn yet"></canvas><figcaption></figcaption></figure>';

const field = (label, control) => `<label><span>${label}</span> ${control}</label>`;
const slider = (label, name, range) => `
  <div class="slider">
    ${field(label, `<input type="range" name="${name}" ${range}>`)} <output aria-live="off"></output>
  </div>`;

// Which data set to draw; hidden where there is no choice.
function setField(networks) {
  const set = (name, i) =>
    `<label><input type="radio" name="set" value="${name}" ${i ? "" : "checked"}> ${TITLES[name] ?? name}</label>`;
  const hidden = networks.length > 1 ? "" : "hidden";
  return `<fieldset ${hidden}><legend>draw</legend>${networks.map(set).join("")}</fieldset>`;
}

// A class may have any name: as HTML it stays a text.
function escaped(name) {
  return name.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt()};`);
}

// What a slider stands at, in words, beside it.
function tell(control, text) {
  control.closest(".slider").querySelector("output").value = text;
}

// counted(1, "map") is "1 map".
function counted(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function computingTime(busy) {
  const without = product === plainProduct ? ", without WebAssembly" : "";
  return `${(busy / 1000).toFixed(2)} seconds of computing${without}`;
}

function showPicture(figure, caption, pixels, side) {
  const canvas = figure.querySelector("canvas");
  figure.querySelector("figcaption").textContent = caption;
  canvas.ariaLabel = caption;
  [canvas.width, canvas.height] = [side, side];
  paint(canvas, pixels, side);
}

// Pixels from -1 to 1 become 0 to 255; the picture itself cuts what lies outside. They are greys; or all that is red,
// then all that is green, then all that is blue.
function paint(canvas, pixels, side, left = 0, top = 0) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(side, side);
  const size = side ** 2;
  const further = pixels.length > size ? size : 0; // from a pixel's red to its green
  const byte = (place) => (pixels[place] + 1) * 127.5;
  for (let i = 0; i < size; i++) {
    picture.data.set([byte(i), byte(i + further), byte(i + 2 * further), 255], 4 * i);
  }
  context.putImageData(picture, left, top);
}
