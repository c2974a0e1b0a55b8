// Loads networks when they are wanted, says how far that is, and lets one try again.

const MEGA = 1e6;
const SIZE = /^\/\/ .*?(\d+) bytes/; // in a network's first line: compressed on its way, nothing else tells

// The networks that a place asks for, by name; each is loaded once.
function networksIn(place) {
  const models = {};
  const file = (name) => new URL(`${place.dataset.weights ?? ""}${name}.js`, document.baseURI);
  return (name) => (models[name] ??= loadNetwork(place, file(name).href).then(() => unpack(NETWORKS[name])));
}

// Resolves once a network is there, however often one has to try. What was drawn before stays as it is.
async function loadNetwork(place, address) {
  const status = place.querySelector("[role=status]");
  const line = document.createElement("span");
  line.className = "loading";
  status.after(line);
  for (;;) {
    status.textContent = "Loading the network ...";
    line.innerHTML = '<progress aria-label="loading the network"></progress> <span></span>';
    try {
      await loadBits(address, (got, size) => showProgress(line, got, size));
      return line.remove();
    } catch {
      status.textContent = "The network could not be loaded. Is there a connection?";
      line.innerHTML = '<button type="button">Try again</button>';
      await new Promise((resolve) => line.firstChild.addEventListener("click", resolve));
    }
  }
}

function showProgress(line, got, size) {
  const [bar, words] = line.children;
  if (size) [bar.max, bar.value] = [size, got];
  words.textContent = `${(got / MEGA).toFixed(1)} ${size ? `of ${(size / MEGA).toFixed(1)} ` : ""}MB`;
}

// Runs a script. A page that was opened from the disk may load it, and do no more; from elsewhere it comes bit by bit.
async function loadBits(address, tell) {
  if (location.protocol === "file:") return loadScript(address);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`Could not load ${address}`);
  const reader = response.body.getReader();
  const bits = [];
  let [got, size] = [0, 0];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    bits.push(value);
    got += value.length;
    size ||= Number(SIZE.exec(new TextDecoder().decode(bits[0].subarray(0, 100)))?.[1] ?? 0);
    tell(got, size);
  }
  const script = document.createElement("script");
  script.textContent = await new Blob(bits).text();
  document.head.append(script);
}
