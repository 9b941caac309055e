// Layers over the picture: switched by button (keys.js presses the buttons), kept between images.

const KEPT = "lacuna.layers";
const viewer = document.querySelector("[data-viewer]");
const tools = viewer?.querySelector(".viewer-tools");

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

function keep(state) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    // A browser that keeps nothing still switches.
  }
}

function start() {
  const layers = [...viewer.querySelectorAll("[data-layer]")];
  const toggles = [...tools.querySelectorAll("[data-toggle]")];
  const alone = tools.querySelector("[data-show=none]");
  const state = read();
  const shown = (name) => state[name] !== false;

  const show = () => {
    for (const layer of layers) layer.hidden = !shown(layer.dataset.layer);
    for (const toggle of toggles) toggle.setAttribute("aria-pressed", shown(toggle.dataset.toggle));
    const bare = toggles.every((toggle) => !shown(toggle.dataset.toggle));
    alone.setAttribute("aria-pressed", bare);
    keep(state);
    return bare;
  };

  for (const toggle of toggles) {
    toggle.addEventListener("click", () => {
      state[toggle.dataset.toggle] = !shown(toggle.dataset.toggle);
      show();
    });
  }
  // Pressed again, the layers that were there come back.
  let before = null;
  alone.addEventListener("click", () => {
    const names = toggles.map((toggle) => toggle.dataset.toggle);
    const on = names.filter(shown);
    const wanted = on.length ? [] : (before ?? names);
    if (on.length) before = on;
    for (const name of names) state[name] = wanted.includes(name);
    show();
  });
  tools.hidden = false;
  show();
}

if (tools) start();
