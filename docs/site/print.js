// On paper stands what the reader has opened. The theme opens all folds when a page is printed, so they are marked before.
addEventListener(
  "beforeprint",
  () => {
    for (const fold of document.querySelectorAll("details")) fold.toggleAttribute("data-opened", fold.open);
  },
  { capture: true },
);
