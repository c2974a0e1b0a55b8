// What the layers of the network hold: a U of layers to choose from, and a picture for each channel of the chosen one.

const GAP = 1; // pixels between two maps

function showInsides(place) {
  const section = document.createElement("div");
  section.className = "insides";
  section.innerHTML = `
    <fieldset><legend>a layer of the network, and what comes out of it at this step</legend></fieldset>
    <figure><canvas role="img" aria-label="not drawn yet"></canvas><figcaption></figcaption></figure>`;
  const strip = place.querySelector(".strip");
  strip.before(place.querySelector("[name=step]").closest(".slider")); // where it can stay in sight of the maps
  strip.after(section);
  const choice = section.querySelector("fieldset");
  let [network, chosen, frame] = [null, "conv_in", null];

  // The step's call of the network once more, this time listening.
  function show(newFrame) {
    frame = newFrame;
    const { side } = frame.model;
    const seen = {};
    const x_t = { data: frame.x_t, shape: [frame.x_t.length / side ** 2, side, side] };
    frame.model.network.forward(x_t, frame.t, (name, image) => (seen[name] = image));
    if (network !== frame.model.network) {
      network = frame.model.network;
      if (!(chosen in seen)) chosen = "conv_in";
      choice.querySelector("div")?.remove();
      choice.append(layersAsU(network, seen, chosen));
    }
    drawMaps(section.querySelector("canvas"), seen[chosen]);
    const [channels, height, width] = seen[chosen].shape;
    const caption = `${chosen} at t = ${frame.t}: ${counted(channels, "map")} of ${height} × ${width}`;
    section.querySelector("canvas").ariaLabel = caption;
    section.querySelector("figcaption").textContent = caption;
  }

  choice.addEventListener("change", ({ target }) => {
    chosen = target.value;
    show(frame);
  });
  return { show };
}

// The way down on the left, the way up on the right, the middle below, a skip between the blocks that it joins.
function layersAsU(network, seen, chosen) {
  const down = ["conv_in", ...network.down];
  const up = [...network.up, "conv_out"];
  const places = {};
  down.forEach((name, i) => (places[name] = [i + 1, 1]));
  up.forEach((name, i) => (places[name] = [up.length - i, 3]));
  network.middle.forEach((name, i) => (places[name] = [down.length + 1, name === network.middle.at(-1) ? 3 : i + 1]));
  const radios = network.layers.map((name) => {
    const [row, column] = places[name];
    return `
      <label style="grid-area: ${row} / ${column}">
        <input type="radio" name="layer" value="${name}" ${name === chosen ? "checked" : ""}>
        <span>${name} <small>${seen[name].shape.join(" × ")}</small></span>
      </label>`;
  });
  const skips = network.down
    .filter((name) => network.isBlock(name))
    .map((name) => `<span class="skip" aria-hidden="true" style="grid-area: ${places[name][0]} / 2">skip</span>`);
  const layers = document.createElement("div");
  layers.className = "layers";
  layers.innerHTML = radios.join("") + skips.join("");
  return layers;
}

// Each channel as a map of its own, from its smallest number, black, to its largest, white.
function drawMaps(canvas, { data, shape: [channels, height, width] }) {
  const many = channels > 32 && canvas.parentElement.clientWidth > 500;
  const columns = many ? 16 : Math.min(channels, 8);
  const size = height * width;
  canvas.width = columns * (width + GAP) - GAP;
  canvas.height = Math.ceil(channels / columns) * (height + GAP) - GAP;
  canvas.style.width = `${columns * (many ? 2.2 : 4.4)}em`;
  for (let c = 0; c < channels; c++) {
    const map = data.subarray(c * size, (c + 1) * size);
    const low = map.reduce((a, b) => Math.min(a, b));
    const high = map.reduce((a, b) => Math.max(a, b));
    const pixels = map.map((number) => (high > low ? (2 * (number - low)) / (high - low) - 1 : 0));
    paint(canvas, pixels, width, (c % columns) * (width + GAP), Math.floor(c / columns) * (height + GAP));
  }
}
