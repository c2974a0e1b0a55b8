// Once a page is there: typeset its formulas, and let the keyboard reach what scrolls sideways.
document$.subscribe(({ body }) => {
  renderMathInElement(body, {
    delimiters: [
      { left: "\\(", right: "\\)", display: false },
      { left: "\\[", right: "\\]", display: true },
    ],
  });
  setTimeout(() => {
    for (const wide of body.querySelectorAll(".md-typeset__scrollwrap, .katex-display")) wide.tabIndex = 0;
  });
});
