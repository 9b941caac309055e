// The page of a dataset: its map, the point that is looked at, the selection, the distances.

import { bySeverity, byNumbers, byWords, figure, paletteOf, SEVERITIES } from "./map/colours.js";
import { drawDistances } from "./map/distances.js";
import { boundsOf, Grid, homeOf } from "./map/grid.js";
import { Over } from "./map/over.js";
import { Painter } from "./map/painter.js";
import { fileOf, loadColumn, loadPoints } from "./map/points.js";
import { Selecting } from "./map/selecting.js";
import { View } from "./map/view.js";

const REACH = 9; // pixels around the pointer
const MOST_LISTED = 200;
const STEP = 48; // pixels for one press of an arrow

const root = document.querySelector("[data-dataset]");
const wiring = JSON.parse(root.dataset.dataset);
const stage = root.querySelector("[data-stage]");
const one = (name, within = document) => within.querySelector(`[data-${name}]`);
const button = (name) => root.querySelector(`button[data-do="${name}"]`);

const map = {
  points: null,
  grid: null,
  colours: null,
  palette: null,
  layers: { region: true, healthy: true, odd: false },
  marked: -1, // a place among all points
  selected: [],
  chart: null,
  isDirty: false,
  opened: 0,
};
const view = new View();
const painter = new Painter(one("canvas", stage), null);
const over = new Over(one("over", stage));
const selecting = new Selecting(stage, {
  toMap: (x, y) => view.toMap(x, y),
  changed: () => repaint(),
  done: (line) => take(map.grid.inside(line, isShown)),
  mode: (mode) => {
    for (const name of ["lasso", "box"]) {
      button(name).setAttribute("aria-pressed", String(mode === name));
    }
    stage.classList.toggle("is-selecting", mode !== "");
  },
});

// --- Painting --------------------------------------------------------------------------------------

function repaint() {
  if (map.isDirty || !map.points) return;
  map.isDirty = true;
  requestAnimationFrame(() => {
    map.isDirty = false;
    painter.paint(map.points, view, map.colours, map.layers);
    over.draw(map.points, view, map.marked, map.selected, selecting.line);
    tellOutside(painter.outside);
  });
}

function tellOutside(count) {
  const note = one("outside", stage);
  note.hidden = count === 0;
  const many = count === 1 ? "1 sample lies" : `${count.toLocaleString("en-GB")} samples lie`;
  note.textContent = `${many} outside this view: 0 shows all.`;
}

function resize() {
  const { width, height } = stage.getBoundingClientRect();
  view.resize(width, height);
  painter.resize(width, height);
  over.resize(width, height);
  repaint();
}

const isShown = (place) => {
  const { healthy, severity } = map.points;
  if (map.colours[place] === 255) return false;
  if (place < healthy) return map.layers.healthy;
  const rank = severity[place - healthy];
  return !map.layers.odd || (rank > 0 && rank < 5);
};

function dye({ colours, legend }) {
  map.colours = colours;
  const list = document.createElement("ul");
  for (const { colour, words, size } of legend) {
    const item = document.createElement("li");
    const dot = document.createElement("span");
    dot.className = "map-dot";
    dot.style.backgroundColor = colour;
    dot.style.width = dot.style.height = `${size ?? 5}px`;
    item.append(dot, words);
    list.append(item);
  }
  one("legend", root).replaceChildren(list);
  repaint();
}

async function colour() {
  const { points, palette } = map;
  const said = one("colour", root).value;
  if (!said) return dye(bySeverity(points, palette));
  if (said === "score") {
    const values = new Float32Array(points.total).fill(Number.NaN);
    values.set(points.score, points.healthy);
    const known = points.score.filter((value) => Number.isFinite(value)).sort();
    const high = known[Math.floor(0.99 * (known.length - 1))] ?? 1;
    return dye(byNumbers(points, values, known[0] ?? 0, high, palette));
  }
  const column = await loadColumn(wiring.column, said.slice("column:".length)).catch(() => null);
  if (one("colour", root).value !== said) return undefined; // chosen anew meanwhile
  if (!column || column.values.length !== points.total) {
    return announce("The column could not be loaded. Load the page again.", true);
  }
  const { values, words, low, high, isWords } = column;
  if (isWords) return dye(byWords(points, values, words, palette));
  return dye(byNumbers(points, values, low, high, palette));
}

function announce(sentence, isShownToo = false) {
  one("announce").textContent = sentence;
  const message = one("message", stage);
  message.hidden = !isShownToo;
  message.textContent = isShownToo ? sentence : "";
}

// --- One point -------------------------------------------------------------------------------------

function mark(place, { isRevealed = true } = {}) {
  map.marked = place;
  const { points } = map;
  if (place < 0) return repaint();
  if (isRevealed) view.reveal(points.x[place], points.y[place]);
  announce(inWords(place));
  return repaint();
}

function inWords(place) {
  const { points } = map;
  if (place < points.healthy) return `Healthy row of the map, ${place + 1} of ${points.healthy}.`;
  const at = place - points.healthy;
  const rank = points.severity[at];
  const severity = rank < 5 ? SEVERITIES[rank] : "not judged";
  return `Sample ${points.order[at]}, ${severity}, distance ${figure(points.score[at])}.`;
}

async function open(place) {
  if (place < 0) return;
  const { points } = map;
  const isHealthy = place < points.healthy;
  const number = isHealthy ? place : points.order[place - points.healthy];
  const address = (isHealthy ? wiring.healthy : wiring.sample).replace(/0\/$/, `${number}/`);
  const target = one("point");
  map.opened += 1;
  const turn = map.opened;
  target.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { redirect: "error" });
    if (!response.ok) throw new Error(String(response.status));
    const text = await response.text();
    if (turn !== map.opened) return;
    const parsed = new DOMParser().parseFromString(text, "text/html");
    target.replaceChildren(...parsed.body.childNodes);
  } catch {
    const sentence = document.createElement("p");
    sentence.textContent = "The point could not be loaded. Try again, or load the page again.";
    target.replaceChildren(sentence);
  }
  target.removeAttribute("aria-busy");
}

// From one sample to the next, over those that count.
function walk(step, counts = isShown) {
  const { points } = map;
  const first = points.healthy;
  let at = map.marked >= first ? map.marked + step : step > 0 ? first : points.total - 1;
  while (at >= first && at < points.total && !counts(at)) at += step;
  if (at >= first && at < points.total) mark(at);
  else announce(step > 0 ? "There is no later one." : "There is no earlier one.");
}

const isOdd = (place) => {
  const rank = map.points.severity[place - map.points.healthy];
  return rank > 0 && rank < 5;
};

// --- Selection -------------------------------------------------------------------------------------

function take(found) {
  map.selected = found;
  const { points } = map;
  const samples = found.filter((place) => place >= points.healthy);
  one("selection").hidden = found.length === 0;
  const rows = found.length - samples.length;
  const more = rows ? ` and ${rows.toLocaleString("en-GB")} healthy rows` : "";
  const cut = samples.length > MOST_LISTED ? `, the first ${MOST_LISTED} listed` : "";
  const sentence = `${samples.length.toLocaleString("en-GB")} samples${more} selected${cut}`;
  one("selected-count").textContent = sentence;
  announce(sentence);
  one("selected").replaceChildren(...samples.slice(0, MOST_LISTED).map(listed));
  repaint();
}

function listed(place) {
  const { points } = map;
  const at = place - points.healthy;
  const rank = points.severity[at];
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.className = "is-number";
  const opener = document.createElement("button");
  opener.type = "button";
  opener.className = "as-link";
  opener.textContent = points.order[at];
  opener.addEventListener("click", () => {
    mark(place);
    open(place);
  });
  head.append(opener);
  const cells = [
    [rank < 5 ? SEVERITIES[rank] : "not judged", ""],
    [figure(points.score[at]), "is-number"],
    [figure(points.p[at]), "is-number"],
    [fileOf(points, at), ""],
  ].map(([text, name]) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    cell.className = name;
    return cell;
  });
  row.append(head, ...cells);
  return row;
}

// --- Mouse and keys --------------------------------------------------------------------------------

const placeOf = (event) => {
  const { left, top } = stage.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
};

let drag = null;

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !map.points) return;
  stage.setPointerCapture(event.pointerId);
  const at = placeOf(event);
  drag = { at, start: at, hasMoved: false };
  selecting.start(at);
});

stage.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const at = placeOf(event);
  if (Math.hypot(at.x - drag.start.x, at.y - drag.start.y) > 4) drag.hasMoved = true;
  if (selecting.mode) selecting.move(at);
  else if (drag.hasMoved) {
    view.pan(at.x - drag.at.x, at.y - drag.at.y);
    repaint();
  }
  drag.at = at;
});

stage.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { hasMoved } = drag;
  drag = null;
  if (selecting.mode && hasMoved) return selecting.finish();
  if (hasMoved || selecting.mode) return undefined;
  const at = placeOf(event);
  const where = view.toMap(at.x, at.y);
  const found = map.grid.nearest(where.x, where.y, REACH / view.scale, isShown);
  mark(found, { isRevealed: false });
  return open(found);
});

stage.addEventListener("pointercancel", () => {
  drag = null;
});

stage.addEventListener(
  "wheel",
  (event) => {
    // Whoever scrolls past is not held up: the wheel belongs to the map once it has the focus.
    if (!map.points || (document.activeElement !== stage && !event.ctrlKey)) return;
    event.preventDefault();
    const at = placeOf(event);
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), at.x, at.y);
    repaint();
  },
  { passive: false },
);

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) {
    if (selecting.mode === "box") selecting.nudge(arrow, event.shiftKey);
    else view.pan(-arrow[0] * STEP, -arrow[1] * STEP);
    repaint();
  } else if (event.key === "Enter") {
    if (selecting.mode === "box") selecting.finish();
    else open(map.marked);
  } else if (event.key === "Escape") {
    if (selecting.mode) selecting.turn("");
    else take([]);
  } else return;
  event.preventDefault();
});

const zoomed = (factor) => {
  const { points, marked } = map;
  const at = marked >= 0 ? view.toStage(points.x[marked], points.y[marked]) : undefined;
  view.zoom(factor, at?.x, at?.y);
  repaint();
};

const DOES = {
  in: () => zoomed(1.4),
  out: () => zoomed(1 / 1.4),
  fit: () => {
    view.fit();
    repaint();
  },
  home: () => {
    view.goHome();
    repaint();
  },
  lasso: () => selecting.turn(selecting.mode === "lasso" ? "" : "lasso"),
  box: () => {
    selecting.turn(selecting.mode === "box" ? "" : "box");
    stage.focus();
  },
  next: () => walk(1),
  previous: () => walk(-1),
  odd: () => walk(1, isOdd),
  forget: () => take([]),
};

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("button[data-do]");
  if (!pressed || !map.points) return;
  DOES[pressed.dataset.do]();
  // Keys go on where the map is.
  if (["next", "previous", "odd"].includes(pressed.dataset.do)) stage.focus({ preventScroll: true });
});

for (const layer of root.querySelectorAll("[data-layer]")) {
  layer.addEventListener("click", () => {
    const name = layer.dataset.layer;
    map.layers[name] = !map.layers[name];
    layer.setAttribute("aria-pressed", String(map.layers[name]));
    repaint();
  });
}

one("colour", root).addEventListener("change", colour);

// --- Beginning -------------------------------------------------------------------------------------

function redye() {
  map.palette = paletteOf(stage);
  painter.palette = map.palette;
  if (!map.points) return;
  colour();
  map.chart?.destroy();
  map.chart = drawDistances(one("distances"), map.points, (at) => {
    mark(map.points.healthy + at);
    open(map.points.healthy + at);
    stage.scrollIntoView({ block: "nearest" });
  });
}

function openNamed() {
  const wanted = /^#sample-(\d+)$/.exec(window.location.hash)?.[1];
  if (!wanted) return;
  const at = map.points.order.indexOf(Number(wanted));
  if (at < 0) return announce("The sample is older than those shown.", true);
  mark(map.points.healthy + at);
  open(map.points.healthy + at);
}

async function begin() {
  resize();
  try {
    map.points = await loadPoints(wiring.points);
  } catch (error) {
    return announce(`The map could not be loaded. ${error.message} Load the page again.`, true);
  }
  map.grid = new Grid(map.points);
  const all = boundsOf(map.points);
  view.show(all, homeOf(map.points, all));
  redye();
  announce(`${map.points.samples.toLocaleString("en-GB")} samples are shown.`);
  one("message", stage).hidden = true;
  stage.dataset.ready = "";
  openNamed();
  return undefined;
}

new ResizeObserver(resize).observe(stage);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redye);
new MutationObserver(redye).observe(document.documentElement, { attributeFilter: ["data-theme"] });
window.addEventListener("hashchange", openNamed);
begin();
