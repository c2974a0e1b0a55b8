// Once a page is there: typeset its formulas, and let the keyboard reach what scrolls sideways.

// Where KaTeX lies; only pages with formulas load it.
const katexFolder = new URL("../vendor/katex/", document.currentScript.src);

// Resolves when the script has run.
function loadKatex(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(name, katexFolder).href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`Could not load ${script.src}`));
    document.head.append(script);
  });
}

document$.subscribe(async ({ body }) => {
  if (body.querySelector(".arithmatex")) {
    for (const name of ["katex.min.js", "auto-render.min.js"]) await loadKatex(name);
    renderMathInElement(body, {
      delimiters: [
        { left: "\\(", right: "\\)", display: false },
        { left: "\\[", right: "\\]", display: true },
      ],
    });
  }
  setTimeout(() => {
    for (const wide of body.querySelectorAll(".md-typeset__scrollwrap, .katex-display")) wide.tabIndex = 0;
  });
});
