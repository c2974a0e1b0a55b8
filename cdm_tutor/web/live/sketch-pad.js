// A small picture to draw on, with mouse, pen or finger, or with a stroke that a button draws. What is drawn is kept as
// pixels from -1 to 1, as the network knows them: nothing is read back from a canvas.

const STROKES_SIDE = 28; // of the picture that strokes and pens are meant for; others are as much larger

// Strokes to begin with, for each data set: lines from point to point, [x, y] in pixels.
const STROKES = {
  mnist: {
    "half a seven": [[[7, 7], [20, 7], [18, 12]]],
    "a loop": [[[14, 5], [10, 7], [9, 10], [12, 13], [16, 12], [18, 8], [14, 5]]],
    "a scrawl": [[[8, 9], [13, 6], [19, 8], [17, 13], [12, 14], [18, 17], [16, 22], [8, 21]]],
  },
  fashion: {
    "a boot": [[[15, 19], [15, 5], [21, 5], [21, 21]], [[18, 5], [18, 20]], [[21, 22], [6, 22], [8, 19], [15, 18]]],
    "a shirt": [
      [[10, 6], [10, 24], [13, 24], [13, 6]], [[15, 6], [15, 24], [18, 24], [18, 6]],
      [[9, 7], [5, 17]], [[19, 7], [23, 17]],
    ],
    "a line": [[[14, 4], [14, 24]]],
  },
};
const PENS = { mnist: { radius: 1, shade: 1 }, fashion: { radius: 2, shade: 0.4 } }; // shade: the pixel, at most 1

// A pad on a canvas, of side x side greys; changed() is called after each stroke.
function sketchPad(canvas, side, changed) {
  const pad = { pixels: blank(), what: "", draw, clear, show, pen: PENS.mnist, mask: null };
  let last = null; // where the pen was

  function blank() {
    return new Float32Array(side ** 2).fill(-1);
  }

  function show() {
    // what is not known is shown through a veil of grey
    const seen = pad.mask ? pad.pixels.map((pixel, i) => (pad.mask[i] ? pixel : 0.3 * pixel - 0.3)) : pad.pixels;
    [canvas.width, canvas.height] = [side, side];
    paint(canvas, seen, side);
    canvas.ariaLabel = `your drawing: ${pad.what || "nothing yet"}`;
  }

  function scaled(length) {
    return (length * side) / STROKES_SIDE;
  }

  // Ink on every pixel that is near the line.
  function line([x0, y0], [x1, y1]) {
    const [radius, shade] = [scaled(pad.pen.radius), pad.pen.shade];
    const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    pad.pixels.forEach((pixel, i) => {
      const [x, y] = [(i % side) + 0.5, Math.floor(i / side) + 0.5];
      const along = length && Math.min(Math.max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0), 1);
      const distance = Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0));
      const ink = Math.min(Math.max(radius + 0.5 - distance, 0), 1);
      pad.pixels[i] = Math.max(pixel, -1 + ink * (shade + 1));
    });
  }

  function draw(strokes, what) {
    pad.pixels = blank();
    for (const stroke of strokes) {
      stroke.slice(1).forEach((point, i) => line(stroke[i].map(scaled), point.map(scaled)));
    }
    pad.what = what;
    changed();
  }

  function clear() {
    pad.pixels = blank();
    pad.what = "";
    changed();
  }

  function place({ clientX, clientY }) {
    const box = canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * side, ((clientY - box.top) / box.height) * side];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
    pad.what = "drawn by hand";
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const here = place(event);
    line(last, here);
    last = here;
    show();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (last) changed();
      last = null;
    });
  }
  return pad;
}
