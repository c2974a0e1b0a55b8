// Puts a button under what stands in each <div class="live-sampler">. Pressed, it starts the live sampler in that place;
// its scripts are loaded once the place comes into sight, so that it answers at once, and its networks when it runs.
//
//     data-networks="mnist fashion"    the networks to choose from, each a script of weights, NAME.js
//     data-weights="../live/"          the folder of these scripts; without it the page's own
//     data-refiner="off"               there is a NAME-refiner.js for each, too; "on": refine from the beginning
//     data-insides                     show what each layer of the network holds
//     data-classes                     the networks are told classes: NAME-classes.js is loaded, and one can choose
//                                      among them, guide, and draw something to begin from; without insides
//     data-jumps                       NAME-consistency.js is loaded instead: one walks through a map of noise; "beside":
//                                      what NAME.js draws in twenty steps beside it
//     data-at-once                     start without being asked

{
  const folder = new URL(".", document.currentScript.src).href;
  const all = ["kernel", "layers", "network", "sampler", "noise", "controls", "loading"];

  const OWN = {
    classes: ["guidance", "sketch-pad", "guided-sampler"],
    jumps: ["jump-sampler"],
    insides: ["insides", "live-sampler"],
  };

  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = `${folder}live-sampler.css`;
  document.head.append(style);

  for (const place of document.querySelectorAll(".live-sampler")) {
    const begin = document.createElement("p");
    begin.innerHTML = '<button type="button" class="begin">Draw one here</button> <span role="status"></span>';
    place.append(begin);
    const [button, status] = begin.children;
    const kind = ["classes", "jumps"].find((each) => each in place.dataset) ?? "insides";
    const loadScripts = () => Promise.all([...all, ...OWN[kind]].map((name) => loadScript(`${folder}${name}.js`)));
    const inSight = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      inSight.disconnect();
      loadScripts().catch(() => {}); // a press tries again, and says so
    });
    inSight.observe(place);
    button.addEventListener("click", async () => {
      button.disabled = true;
      status.textContent = "Loading ...";
      try {
        await loadScripts();
        const samplers = { classes: () => guidedSampler, jumps: () => jumpSampler, insides: () => liveSampler };
        await samplers[kind]()(place); // which takes the button away, and with it the focus
        if (!("atOnce" in place.dataset)) place.querySelector("form button").focus({ preventScroll: true });
      } catch (error) {
        button.disabled = false;
        status.textContent = error.message;
      }
    });
    if ("atOnce" in place.dataset) button.click();
  }
}

// Once each, however often it is asked for. A page that was opened from the disk may load scripts, and nothing else.
function loadScript(address) {
  loadScript.begun ??= {};
  return (loadScript.begun[address] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.async = false; // each leans on those before it
    script.onload = resolve;
    script.onerror = () => {
      delete loadScript.begun[address]; // so that asking again tries again
      reject(new Error(`Could not load ${address}`));
    };
    document.head.append(script);
  }));
}
