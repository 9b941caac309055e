// Exercises. Without this everything still works by forms; here are the time that an answer took,
// and a box drawn in the picture: by mouse, or by the arrows.

const root = document.querySelector("[data-exercise]");
const form = root?.querySelector("[data-answer]");
const stage = root?.querySelector("[data-stage]");
const shownAt = performance.now();
const STEP = 0.01; // of the picture, for one press of an arrow
const FIRST = { left: 0.35, top: 0.35, right: 0.65, bottom: 0.65 };
const CLICK = 0.01; // what is drawn no larger is a click

const within = (value) => Math.min(1, Math.max(0, value));
const percent = (value) => String(Math.round(value * 1e4) / 100);

document.querySelector("[data-next]")?.focus();

form?.addEventListener("submit", () => {
  form.elements.ms.value = String(Math.round(performance.now() - shownAt));
});

function find() {
  const drawn = stage.querySelector("[data-drawn]");
  const said = form.querySelector("[data-announce]");
  let box = null;
  let from = null;

  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const rectangle = (of) =>
    ["box-halo", "box-line"].map((name) =>
      svg("rect", {
        class: name,
        x: of.left * 100,
        y: of.top * 100,
        width: (of.right - of.left) * 100,
        height: (of.bottom - of.top) * 100,
      }),
    );

  function show({ point = null } = {}) {
    const mark = point && { left: point.x - 0.006, top: point.y - 0.006, right: point.x + 0.006, bottom: point.y + 0.006 };
    drawn.replaceChildren(...rectangle(mark ?? box));
    for (const edge of ["left", "top", "right", "bottom"]) {
      form.elements[edge].value = point ? "" : percent(box[edge]);
    }
    form.elements.x.value = point ? percent(point.x) : "";
    form.elements.y.value = point ? percent(point.y) : "";
  }

  const place = (event) => {
    const frame = stage.getBoundingClientRect();
    return {
      x: within((event.clientX - frame.left) / frame.width),
      y: within((event.clientY - frame.top) / frame.height),
    };
  };
  const between = (one, other) => ({
    left: Math.min(one.x, other.x),
    top: Math.min(one.y, other.y),
    right: Math.max(one.x, other.x),
    bottom: Math.max(one.y, other.y),
  });

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = place(event);
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    box = between(from, place(event));
    show();
  });
  stage.addEventListener("pointerup", (event) => {
    if (!from) return;
    const to = place(event);
    box = between(from, to);
    from = null;
    const isClick = box.right - box.left < CLICK && box.bottom - box.top < CLICK;
    if (isClick) box = null;
    show(isClick ? { point: to } : {});
    if (isClick) form.requestSubmit();
  });
  stage.addEventListener("pointercancel", () => {
    from = null;
  });

  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  stage.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    if (!box) {
      box = { ...FIRST };
    } else {
      const [x, y] = way.map((part) => part * STEP);
      const wide = box.right - box.left;
      const high = box.bottom - box.top;
      if (event.shiftKey) {
        box.right = Math.min(1, Math.max(box.left + STEP, box.right + x));
        box.bottom = Math.min(1, Math.max(box.top + STEP, box.bottom + y));
      } else {
        box.left = Math.min(1 - wide, Math.max(0, box.left + x));
        box.top = Math.min(1 - high, Math.max(0, box.top + y));
        box.right = box.left + wide;
        box.bottom = box.top + high;
      }
    }
    show();
    const { left, top, right, bottom } = box;
    said.textContent = `Box from ${percent(left)}, ${percent(top)} to ${percent(right)}, ${percent(bottom)} per cent`;
  });

  const edges = ["left", "top", "right", "bottom"];
  form.addEventListener("input", (event) => {
    if (!edges.includes(event.target.name)) return;
    const typed = edges.map((edge) => Number.parseFloat(form.elements[edge].value) / 100);
    if (typed.some((value) => !(value >= 0 && value <= 1))) return;
    const [left, top, right, bottom] = typed;
    if (left >= right || top >= bottom) return;
    box = { left, top, right, bottom };
    drawn.replaceChildren(...rectangle(box));
    form.elements.x.value = form.elements.y.value = "";
  });

  stage.focus();
}

if (form && stage) find();
