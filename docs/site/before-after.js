// <div class="before-after"> with two images in it becomes one picture with a divider. Without scripts both are shown.
for (const place of document.querySelectorAll(".before-after")) {
  const images = [...place.querySelectorAll("img")].map((image) => image.closest("picture") ?? image);
  place.innerHTML = `
    <div><input type="range" aria-label="Divider: left of it before, right of it after"><span></span></div>
    <p aria-hidden="true"><span>before</span><span>after</span></p>`;
  const [picture, divider] = [place.firstElementChild, place.querySelector("input")];
  picture.prepend(...images);
  const show = () => {
    picture.style.setProperty("--at", `${divider.value}%`);
    divider.ariaValueText = `${divider.value} % before, ${100 - divider.value} % after`;
  };
  divider.addEventListener("input", show);
  show();
}
