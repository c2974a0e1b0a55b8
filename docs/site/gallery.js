// The clinic's gallery: <form class="gallery-filter"> leaves of the mistakes those that fit what it asks for, which
// stands in the address as well. What an address points to is unfolded. Without scripts all is there, to be unfolded.

const FEW = 12; // so many found mistakes are shown without their symptoms being opened
const form = document.querySelector(".gallery-filter");
const [status, all] = [form.querySelector("[role=status]"), form.querySelector("[type=reset]")];
const everything = status.textContent;
const words = new Map(); // mistake -> all that it is found by

const symptoms = [...document.querySelectorAll(".gallery > details")].map((fold) => {
  const count = fold.querySelector(".count");
  return { fold, count, name: fold.querySelector("h3").id, cards: [...fold.querySelectorAll("li")].map(read) };
});
for (const card of symptoms.flatMap(({ cards }) => cards)) {
  words.set(card.mistake, `${words.get(card.mistake) ?? ""} ${card.text}`.toLowerCase());
}

// What a card says of a mistake; only the first card of each has all words.
function read(element) {
  const link = element.querySelector("a");
  const [, lesson, mistake] = link.getAttribute("href").match(/([^/]+)\.html#(.+)/);
  const exercise = element.querySelector("small code").textContent;
  return { element, lesson, mistake, exercise, text: `${element.textContent} ${mistake} ${link.dataset.words ?? ""}` };
}

// Show what fits what is asked for, and say how many that are.
function filter() {
  const asked = Object.fromEntries(new FormData(form));
  const typed = asked.words.toLowerCase().split(/\s+/);
  const fits = ({ mistake, lesson, exercise }, name) =>
    [name, ""].includes(asked.symptom) && [lesson, ""].includes(asked.lesson) &&
    [exercise, ""].includes(asked.exercise) && typed.every((word) => words.get(mistake).includes(word));
  const found = new Set();
  for (const { fold, count, name, cards } of symptoms) {
    for (const card of cards) card.element.hidden = !fits(card, name);
    const shown = cards.filter((card) => !card.element.hidden);
    for (const { mistake } of shown) found.add(mistake);
    fold.hidden = !shown.length;
    count.textContent = shown.length < cards.length ? `${shown.length} of ${cards.length}` : cards.length;
  }
  const left = symptoms.filter(({ fold }) => !fold.hidden);
  all.hidden = !Object.values(asked).some((value) => value.trim());
  for (const { fold } of left) fold.open = !all.hidden && (found.size <= FEW || left.length === 1);
  const where = left.length === 1 ? "one symptom" : `${left.length} symptoms`;
  const some = `${found.size} of ${words.size} mistakes, under ${where}.`;
  status.textContent = all.hidden ? everything : found.size ? some : "No mistake fits all of this: ask for less.";
  for (const group of form.exercise.querySelectorAll("optgroup")) {
    group.hidden = group.disabled = ![group.dataset.lesson, ""].includes(asked.lesson);
  }
}

// What the form asks for, as the part of an address after its question mark.
function address() {
  const asked = [...new FormData(form)].filter(([, value]) => value.trim());
  return `${location.pathname}${asked.length ? "?" : ""}${new URLSearchParams(asked)}`;
}

// Unfold what the address points to, also when the filter hides it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target?.closest(".gallery > details");
  if (!fold) return;
  if (target.closest("[hidden]")) form.reset();
  fold.open = true;
  target.scrollIntoView();
}

form.addEventListener("input", ({ target }) => {
  const lesson = form.exercise.selectedOptions[0].parentElement.dataset.lesson;
  if (target === form.lesson && lesson !== form.lesson.value) form.exercise.value = "";
  filter();
  history.replaceState(null, "", address());
});
form.addEventListener("reset", () => {
  if (document.activeElement === all) form.symptom.focus(); // the button is about to vanish
  for (const field of form.querySelectorAll("select, input")) field.value = "";
  filter();
  history.replaceState(null, "", address());
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", openTarget);

const wanted = new URLSearchParams(location.search);
for (const field of form.querySelectorAll("select, input")) field.value = wanted.get(field.name) ?? "";
filter();
openTarget();
