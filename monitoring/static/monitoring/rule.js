// The form of a rule: rows come and go without asking the server, which does the same if this
// script does not run. What a choice needs is shown by rule.css.

const MOST = 50;
const OPPOSITE = { gt: "lte", gte: "lt", lt: "gte", lte: "gt", eq: "ne", ne: "eq", in: "in" };

const linesOf = (kind) => document.querySelector(`[data-lines="${kind}"]`);
const first = (line) => line.querySelector("select, input");
let next = 1000; // above every number that the server gave

function add(kind) {
  const lines = linesOf(kind);
  if (lines.children.length > MOST) return null;
  const made = document.querySelector(`template[data-new="${kind}"]`).content.cloneNode(true);
  const [number, place] = [String(next++), String(lines.children.length + 1)];
  for (const element of made.querySelectorAll("*")) {
    for (const name of ["id", "name", "value", "aria-label"]) {
      const value = element.getAttribute(name);
      if (value?.includes("__n__")) {
        element.setAttribute(name, value.replace("__n__", name === "aria-label" ? place : number));
      }
    }
  }
  lines.append(made);
  return lines.lastElementChild;
}

function drop(button) {
  const line = button.closest("[data-line]");
  const lines = line.parentElement;
  const other = line.nextElementSibling ?? line.previousElementSibling;
  line.remove();
  first(other ?? add(lines.dataset.lines))?.focus();
}

// It is over at another threshold of the same: begin with what the condition looks at.
function begin() {
  const from = linesOf("condition").firstElementChild;
  const to = linesOf("clear").firstElementChild;
  const field = (line, name) => line?.querySelector(`[name$="-${name}"]`);
  if (!from || !to || field(to, "metric").value) return;
  for (const name of ["metric", "column", "window", "window-unit", "severity"]) {
    field(to, name).value = field(from, name).value;
  }
  field(to, "op").value = OPPOSITE[field(from, "op").value];
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-more], [data-drop]");
  if (!button) return;
  event.preventDefault();
  if (button.dataset.more) first(add(button.dataset.more) ?? button.form)?.focus();
  else drop(button);
});

document.querySelector("[data-clear]")?.addEventListener("change", (event) => {
  if (event.target.value) begin();
});
