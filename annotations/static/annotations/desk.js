// The review desk. The next pictures are there before they are asked for: a decision shows the next
// one at once and is sent meanwhile, in order; what the server refuses comes back with its edits.

import { inWords, moved, same, sized } from "./desk/boxes.js";
import { CommentField, tidied } from "./desk/comment.js";
import { LabelField } from "./desk/labels.js";
import { confidenceOf, describeItem, labelOf, pictureOf } from "./desk/panel.js";
import { Server } from "./desk/server.js";
import { Stage } from "./desk/stage.js";
import { Tray } from "./desk/tray.js";

const AHEAD = 2; // pictures that are fetched beforehand
const STEP = 0.005; // of the picture, for one press of an arrow
const PROLONG = 3 * 60 * 1000;
const RECOUNT = 25; // decisions
const HOLD = 300; // milliseconds, from which on a key was held and not tapped

const root = document.querySelector("[data-desk]");
const wiring = JSON.parse(root.dataset.desk);
const one = (name) => root.querySelector(`[data-${name}]`);
const button = (name) => root.querySelector(`button[data-do="${name}"]`);
const group = (name) => root.querySelector(`[data-group="${name}"]`);

const desk = {
  current: null, // { item, picture, label, box, comment }: the item and what the reviewer made of it
  ahead: [],
  last: null, // the decision that undo takes back: { entry, asked }
  mayUndo: true,
  mode: "decide",
  before: null, // the box, while it is edited
  decided: 0,
  waiting: null,
  tail: null, // the ticket behind which the queue goes on
  isDry: false, // the server had nothing more
  shownAt: 0,
};

const server = new Server(wiring, {
  standing: (sentence, count) => tray.connection(sentence, count),
});
const tray = new Tray(one("tray"), {
  again: () => server.wake?.(),
  show: (entry) => bringBack(entry),
  send: (entry, decision, more) => send(entry, decision, more),
});
const stage = new Stage(one("stage"), {
  started: () => {},
  changed: (box) => {
    desk.current.box = box;
    describe();
    announce(inWords(box));
  },
});
const field = new LabelField(group("label"), wiring.urls.labels, {
  keep: (label) => keepLabel(label),
  back: () => turnTo("decide", "edit"),
});
const comments = new CommentField(group("comment"), wiring.longest_comment, {
  changed: (text) => {
    desk.current.comment = text;
  },
  keep: (text) => {
    desk.current.comment = text;
    turnTo("decide", "comment");
    announce(text ? "The comment goes with your next decision." : "No comment.");
  },
  back: () => act("back"),
});

// --- Items in and out ------------------------------------------------------------------------------

function received(items, { isForward = true } = {}) {
  if (isForward && items.length) desk.tail = items.at(-1).ticket;
  const here = new Set([...held().map((entry) => entry.item.id), ...unsent()]);
  for (const item of items) {
    if (here.has(item.id)) continue;
    here.add(item.id);
    desk.ahead.push({ item, picture: pictureOf(item), label: null, box: item.box, comment: "" });
  }
  desk.isDry = desk.ahead.length === 0;
  if (!desk.current) showNext();
}

const held = () => [desk.current, ...desk.ahead].filter(Boolean);

// What is decided and not sent yet still waits as far as the server knows: it is not to come again.
const unsent = () => server.line.map((asked) => asked.about).filter(Boolean);

// What to ask for with any question: as many as are lacking, behind the last that came.
function wanting() {
  const entries = held();
  return {
    filters: wiring.filters,
    after: desk.tail,
    holding: [...entries.map((entry) => entry.item.id), ...unsent()],
    ahead: Math.max(0, AHEAD + 1 - entries.length),
  };
}

function fetchMore({ release = [], count = false } = {}) {
  const asked = server.ask("next", () => ({ ...wanting(), release, count }));
  asked.promise.then((answer) => {
    if (answer.waiting) desk.waiting = answer.waiting;
    received(answer.items);
    describe();
  }, failed);
}

function failed(error) {
  announce(error.message);
  tray.sentence(error.message);
}

function showNext() {
  desk.current = desk.ahead.shift() ?? null;
  show();
}

function show() {
  const entry = desk.current;
  desk.mode = "decide";
  stage.editing = false;
  stage.show(entry?.item ?? null, entry?.picture ?? null, entry?.box ?? null);
  desk.shownAt = performance.now();
  describe();
  if (!entry) return announce(emptyWords());
  const { picture, item } = entry;
  const isShown = () => {
    if (desk.current === entry) one("stage").dataset.shown = item.id;
  };
  picture.decode().then(isShown, isShown);
  announce(`Next: ${labelOf(entry) || "unnamed"}, confidence ${confidenceOf(item)}, stage ${item.stage}. ${position()}`);
}

function bringBack(entry) {
  if (desk.current) desk.ahead.unshift(desk.current);
  desk.current = entry;
  show();
}

// --- Deciding --------------------------------------------------------------------------------------

function decide(decision, reason = "") {
  const entry = desk.current;
  if (!entry) return;
  if (comments.whyNot(entry.comment)) return act("comment");
  const verdict = { decision, reason, duration_ms: Math.round(performance.now() - desk.shownAt) };
  const hadFocus = group("reasons").contains(document.activeElement);
  desk.last = { entry, asked: null, verdict };
  desk.mayUndo = true;
  desk.decided += 1;
  if (desk.waiting) desk.waiting.count -= 1;
  if (entry.label !== null) field.used(entry.label);
  showNext(); // first of all; the server hears of it then
  desk.last.asked = send(entry, verdict);
  if (hadFocus) button("reject").focus();
  if (desk.decided % RECOUNT === 0) fetchMore({ count: true });
}

function send(entry, verdict, more = {}) {
  const { item } = entry;
  const own = {
    ticket: item.ticket,
    version: item.version,
    label: entry.label,
    box: same(entry.box, item.box) ? null : entry.box,
    comment: tidied(entry.comment),
    ...verdict,
    ...more,
  };
  const asked = server.ask("decide", () => ({ ...own, ...wanting() }), { about: item.id });
  asked.promise.then(
    (answer) => {
      received(answer.items);
      tray.connection("", server.waiting);
    },
    (error) => {
      desk.decided -= 1;
      if (desk.last?.entry === entry) desk.last = null;
      tray.refused(entry, own, error);
      announce(`${error.message} Your decision is kept; see above the buttons.`);
      if (!held().length) fetchMore();
      describe();
    },
  );
  return asked;
}

function undo() {
  if (!desk.mayUndo) return announce("There is no decision of yours to take back.");
  const { last } = desk;
  if (last && server.withdraw(last.asked)) {
    desk.decided -= 1;
    undone(last.entry);
    return;
  }
  const build = () => ({ ticket: last?.entry.item.ticket ?? null, filters: wiring.filters });
  server.ask("undo", build).promise.then((answer) => {
    desk.decided = Math.max(0, desk.decided - 1);
    const { item } = answer;
    const known = last?.entry.item.id === item.id ? last.entry : null;
    const picture = known?.picture ?? pictureOf(item);
    undone({ item, picture, label: null, box: item.box, comment: known?.comment ?? "" });
  }, failed);
}

function undone(entry) {
  desk.last = null;
  desk.mayUndo = false;
  if (desk.waiting) desk.waiting.count += 1;
  desk.ahead = desk.ahead.filter((other) => other.item.id !== entry.item.id);
  bringBack(entry);
  const kept = entry.comment ? " Your comment is here again." : "";
  announce(`Taken back: ${labelOf(entry) || "unnamed"} waits again.${kept}`);
}

function next() {
  const entry = desk.current;
  if (!entry) return;
  if (!desk.ahead.length && desk.isDry) return announce("Nothing else waits here.");
  showNext();
  fetchMore({ release: [entry.item.id] });
}

function previous() {
  const entry = desk.current;
  if (!entry) return;
  const build = () => ({ before: entry.item.ticket, filters: wiring.filters });
  server.ask("previous", build).promise.then((answer) => {
    if (!answer.item) return announce("This is the first one.");
    const { item } = answer;
    const known = desk.ahead.find((other) => other.item.id === item.id);
    if (known || desk.current !== entry) return undefined;
    received([item], { isForward: false });
    return bringBack(desk.ahead.pop());
  }, failed);
}

// --- Label and box ---------------------------------------------------------------------------------

function keepLabel(label) {
  desk.current.label = label === desk.current.item.label ? null : label;
  turnTo("decide", "edit");
  announce(`Label ${label || "empty"}. Approve or reject to save it.`);
}

function nudge(event) {
  const [dx, dy] = {
    ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
  }[event.key];
  const box = stage.box ?? [0.25, 0.25, 0.75, 0.75];
  stage.box = event.shiftKey ? sized(box, dx, dy) : moved(box, dx, dy);
  stage.draw();
  announce(inWords(stage.box));
}

function boxDone() {
  desk.current.box = stage.box;
  turnTo("decide", "box");
  announce(`${inWords(desk.current.box)} Approve or reject to save it.`);
}

// --- What stands beside the picture -----------------------------------------------------------------

function turnTo(mode, focus = "") {
  if (desk.mode === "box" && mode !== "box") stage.box = desk.current?.box ?? null;
  desk.mode = mode;
  stage.editing = mode === "box";
  describe();
  if (focus) button(focus).focus();
}

function position() {
  if (!desk.waiting) return `${desk.decided} decided.`;
  const count = Math.max(0, desk.waiting.count).toLocaleString("en-GB");
  return `${desk.decided} decided, ${desk.waiting.exact ? count : "more than 10,000"} wait.`;
}

const emptyWords = () =>
  desk.isDry ? "Nothing waits for you under these filters." : "The next one is on its way.";

function describe() {
  const entry = desk.current;
  one("item-parts").hidden = !entry;
  one("empty").hidden = Boolean(entry);
  one("boxes").toggleAttribute("hidden", !entry);
  one("empty-text").textContent = emptyWords();
  button("reload").hidden = !desk.isDry;
  document.querySelector("[data-waiting]").textContent = position();
  one("last").textContent = desk.last
    ? `${desk.last.verdict.decision}: ${labelOf(desk.last.entry) || "unnamed"}`
    : "";
  if (!entry) return;
  describeItem(root, entry);
  one("position").textContent = `Decision ${desk.decided + 1} of this visit`;
  const { mode } = desk;
  group("reasons").hidden = mode !== "reasons";
  group("label").hidden = mode !== "label";
  group("box").hidden = mode !== "box";
  group("comment").hidden = mode !== "comment";
  group("decide").hidden = ["reasons", "label", "comment"].includes(mode);
  button("reject").setAttribute("aria-expanded", mode === "reasons");
  button("comment").setAttribute("aria-expanded", mode === "comment");
  button("hide").setAttribute("aria-pressed", stage.hidden);
  button("zoom").setAttribute("aria-pressed", stage.zoomed);
  stage.draw();
}

function announce(sentence) {
  one("announce").textContent = sentence;
}

// --- Keys and buttons ------------------------------------------------------------------------------

const DO = {
  approve: () => decide("approved"),
  reject: () => {
    turnTo("reasons");
    group("reasons").querySelector("button").focus();
  },
  edit: () => {
    turnTo("label");
    field.open(labelOf(desk.current), desk.current.item.collection?.id);
  },
  box: () => {
    stage.box ??= [0.25, 0.25, 0.75, 0.75];
    turnTo("box");
    stage.box = desk.current.box ?? [0.25, 0.25, 0.75, 0.75];
    stage.draw();
    one("stage").focus();
    announce(`${inWords(stage.box)} Arrows move it, Shift and arrows change its size.`);
  },
  "box-done": boxDone,
  comment: () => {
    turnTo("comment");
    comments.open(desk.current.comment);
  },
  "comment-done": () => comments.done(),
  back: () => {
    const from = { reasons: "reject", box: "box", label: "edit", comment: "comment" }[desk.mode];
    if (desk.mode === "comment") desk.current.comment = comments.before;
    turnTo("decide", from);
  },
  next,
  previous,
  undo,
  hide: () => {
    stage.hidden = !stage.hidden;
    describe();
  },
  zoom: () => {
    stage.zoomed = !stage.zoomed;
    describe();
  },
  reload: () => {
    desk.isDry = false;
    describe();
    fetchMore({ count: true });
  },
};

const NEEDS_NOTHING = new Set(["undo", "reload", "hide", "zoom"]);
const KEYS = {
  a: "approve", r: "reject", e: "edit", b: "box", c: "comment", u: "undo", h: "hide", z: "zoom",
  ArrowRight: "next", ArrowLeft: "previous",
};

function act(name) {
  if (!desk.current && !NEEDS_NOTHING.has(name)) return;
  DO[name]();
}

root.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (pressed?.dataset.do) act(pressed.dataset.do);
  else if (pressed?.dataset.reason) decide("rejected", pressed.dataset.reason);
});

const isTyping = (target) =>
  target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

let hiddenAt = 0;

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (pressed(event)) {
    event.preventDefault();
    event.stopPropagation();
  }
}

// What a key does in the present mode; true if it did something.
function pressed(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "Escape" && desk.mode !== "decide") return act("back") ?? true;
  if (desk.mode === "comment") return false; // its field and its buttons
  if (desk.mode === "reasons" && /^[1-9]$/.test(key)) {
    const reason = wiring.reasons[Number(key) - 1];
    if (reason && !event.repeat) decide("rejected", reason.value);
    return true;
  }
  if (desk.mode === "box") {
    if (key.startsWith("Arrow")) return nudge(event) ?? true;
    // Enter on a button presses that button.
    if (key === "Enter" && !event.target.closest("button, a")) return boxDone() ?? true;
  }
  const name = KEYS[key];
  if (!name || event.shiftKey) return false;
  if (event.repeat) return true; // a key that is held decides once
  if (name === "hide") hiddenAt = performance.now();
  act(name);
  return true;
}

window.addEventListener("keydown", onKey, { capture: true });
window.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() !== "h" || !hiddenAt) return;
  if (performance.now() - hiddenAt > HOLD) act("hide");
  hiddenAt = 0;
});

// --- Coming and going ------------------------------------------------------------------------------

setInterval(() => {
  const holding = held().map((entry) => entry.item.id);
  if (holding.length) server.ask("prolong", () => ({ holding })).promise.catch(() => {});
}, PROLONG);

window.addEventListener("pagehide", () => {
  const holding = held().map((entry) => entry.item.id);
  if (holding.length) server.tell("leave", { holding });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
window.addEventListener("beforeunload", (event) => {
  if (server.waiting || tray.isFull) event.preventDefault();
});

describe();
fetchMore({ count: true });
