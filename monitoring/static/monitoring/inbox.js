// The inbox by key: a acknowledges the alert of the row, r resolves it with a note. The row says what
// came of it, and the next one has the focus. Without this script the buttons lead to pages.

const form = document.getElementById("changelist-form");
const said = document.querySelector("[data-inbox-said]");
const dialog = document.querySelector("[data-note-dialog]");
const note = document.getElementById("inbox-note");
let last = null; // the row that had the focus last

const rows = () => [...document.querySelectorAll("#result_list [data-row]")];

document.addEventListener("focusin", (event) => {
  last = event.target.closest("#result_list [data-row]") ?? last;
});

function answerOf(row, name) {
  return row?.querySelector(`[data-answer="${name}"]`);
}

async function send(button, more = {}) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  try {
    const response = await fetch(button.getAttribute("formaction"), {
      method: "POST",
      headers: { Accept: "application/json" },
      body,
      redirect: "error",
    });
    return await response.json();
  } catch {
    return { refused: "There is no connection to the server. Nothing was changed; try again." };
  }
}

function show(row, answer) {
  said.textContent = answer.refused || answer.done;
  let line = row.querySelector(".row-said");
  if (!line) {
    line = document.createElement("p");
    line.className = "row-said quiet-text";
    row.querySelector("[data-phase]").after(line);
  }
  line.textContent = answer.refused || answer.done;
  line.classList.toggle("job-error", Boolean(answer.refused));
  if (!answer.badge) return;
  const phase = row.querySelector("[data-phase]");
  phase.dataset.phase = answer.phase;
  const parsed = new DOMParser().parseFromString(answer.badge, "text/html");
  phase.replaceChildren(...parsed.body.childNodes);
  if (answer.phase !== "active") answerOf(row, "acknowledge")?.remove();
  if (answer.phase === "resolved") answerOf(row, "resolve")?.remove();
}

function goOn(row) {
  const all = rows();
  const next = all[all.indexOf(row) + 1] ?? row;
  next.querySelector("th a, a")?.focus();
}

async function act(row, name, more) {
  const button = answerOf(row, name);
  if (!button) {
    said.textContent = row ? "This alert cannot be answered so any more." : "Go to a row first, with j.";
    return;
  }
  button.disabled = true;
  const answer = await send(button, more);
  button.disabled = false;
  show(row, answer);
  if (!answer.refused) goOn(row);
}

function ask(row) {
  if (!answerOf(row, "resolve")) return act(row, "resolve");
  note.value = "";
  dialog.querySelector("[data-note-about]").textContent = row.querySelector("th a, a").textContent;
  dialog.returnValue = "";
  dialog.onclose = () => {
    row.querySelector("th a, a").focus();
    if (dialog.returnValue === "resolve") act(row, "resolve", { note: note.value });
  };
  dialog.showModal();
  return note.focus();
}

for (const button of document.querySelectorAll("[data-inbox]")) {
  button.addEventListener("click", () => {
    const row = last ?? rows()[0];
    if (button.dataset.inbox === "acknowledge") act(row, "acknowledge");
    else ask(row);
  });
}

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-answer]");
  if (!button) return;
  event.preventDefault();
  const row = button.closest("[data-row]");
  if (button.dataset.answer === "acknowledge") act(row, "acknowledge");
  else ask(row);
});
