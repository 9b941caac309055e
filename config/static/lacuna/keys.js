// Keys. A page adds one with data-key="o" data-key-label="Overlay on and off" on a link or button
// (pressing the key presses it), or data-focus-key="s" on a field (pressing focuses it).
// Rows that j and k walk over carry data-row and hold a link.

const BUILT_IN = [
  ["?", "Show these keys"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["x", "Select the row"],
  ["Enter", "Open the row"],
];

const isTyping = (target) =>
  target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.querySelector("a"));

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const row = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
  row.querySelector("th a, a").focus();
  row.scrollIntoView({ block: "nearest" });
}

function select() {
  const row = rows().find((one) => one.contains(document.activeElement));
  row?.querySelector("input[type=checkbox]")?.click();
}

function described() {
  const hasRows = rows().length > 0;
  const hasBoxes = document.querySelector("[data-row] input[type=checkbox]") !== null;
  const built = BUILT_IN.filter(([key]) => key === "?" || (hasRows && (key !== "x" || hasBoxes)));
  const marked = [...document.querySelectorAll("[data-key], [data-focus-key]")].map((element) => [
    element.dataset.key ?? element.dataset.focusKey,
    element.dataset.keyLabel ?? element.textContent.trim(),
  ]);
  return [...built, ...marked];
}

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text ?? "";
  if (className) made.className = className;
  return made;
}

function overlay() {
  document.querySelector("dialog.keys")?.remove();
  const dialog = element("dialog", "", "keys");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = element("h2", "Keys of this page");
  title.id = "keys-title";
  const list = element("dl");
  for (const [key, label] of described()) {
    const pair = element("div");
    const term = element("dt");
    term.append(element("kbd", key));
    pair.append(term, element("dd", label));
    list.append(pair);
  }
  const form = element("form");
  form.method = "dialog";
  form.append(element("button", "Close", "btn is-quiet"));
  dialog.append(title, list, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function press(key) {
  const escaped = CSS.escape(key);
  const field = document.querySelector(`[data-focus-key="${escaped}"]`);
  if (field) {
    field.focus();
    field.select?.();
    return true;
  }
  const button = [...document.querySelectorAll(`[data-key="${escaped}"]`)].find((one) => !one.disabled);
  button?.click();
  return Boolean(button);
}

const OWN = { "?": overlay, j: () => walk(1), k: () => walk(-1), x: select };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  // A page's own key comes before ours.
  if (press(event.key)) event.preventDefault();
  else if (OWN[event.key]) {
    event.preventDefault();
    OWN[event.key]();
  }
});

for (const opener of document.querySelectorAll("[data-open-keys]")) {
  opener.hidden = false;
  opener.addEventListener("click", overlay);
}

// Open menus close when the person goes elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.account[open], details.filter[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details[open]");
  if (menu?.matches(".account, .filter")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
