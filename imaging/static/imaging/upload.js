// One request for each file, two at a time: progress, outcome, and no file waits for a bad one.

const AT_ONCE = 2;
const BADGES = {
  stored: ["Stored", "good"],
  known: ["Was there already", "notice"],
  refused: ["Refused", "bad"],
  waiting: ["Waiting", "neutral"],
  sending: ["Sending", "notice"],
};

const form = document.querySelector("[data-upload]");
const field = form.querySelector("input[type=file]");
const outcomes = document.querySelector(".outcomes");
const list = outcomes.querySelector("[data-outcomes]");
const sum = outcomes.querySelector("[data-sum]");
const template = document.getElementById("outcome-row");
const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
const limit = Number(form.dataset.limit);

const queue = [];
const counts = { stored: 0, known: 0, refused: 0 };
let sending = 0;
let total = 0;

function mark(row, kind) {
  const [word, state] = BADGES[kind];
  const badge = row.querySelector(".badge");
  badge.className = `badge is-${state}`;
  badge.querySelector("span").textContent = word;
  badge.querySelector("use").setAttribute("href", `#icon-${state}`);
}

function addRow(file) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.querySelector("bdi").textContent = file.name;
  row.querySelector("progress").setAttribute("aria-label", `Sent of ${file.name}`);
  mark(row, "waiting");
  list.append(row);
  return row;
}

function settle(row, { outcome, message, url, thumbnail }) {
  row.querySelector("progress")?.remove();
  row.querySelector(".outcome-note").textContent = message;
  mark(row, outcome);
  counts[outcome] += 1;
  if (url) {
    const name = row.querySelector("bdi");
    const link = document.createElement("a");
    link.href = url;
    name.replaceWith(link);
    link.append(name);
  }
  if (thumbnail) row.querySelector(".thumb").outerHTML = thumbnail;
  tell();
}

function tell() {
  const done = counts.stored + counts.known + counts.refused;
  const parts = [`${done} of ${total}`];
  if (counts.stored) parts.push(`${counts.stored} stored`);
  if (counts.known) parts.push(`${counts.known} there already`);
  if (counts.refused) parts.push(`${counts.refused} refused`);
  sum.textContent = parts.join(" · ");
}

const refused = (message) => ({ outcome: "refused", message });

function answered(request) {
  let answer = null;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // Not ours: a proxy in between, or the login page.
  }
  if (answer?.files?.length) return answer.files[0];
  if (answer?.error) return refused(answer.error);
  if (request.status === 403 || request.responseURL.includes("/login/")) return refused("You are not logged in any more, or may not upload. Reload the page.");
  if (request.status === 413) return refused("A server in between takes no file of this size.");
  return refused(`The server answered ${request.status || "nothing"}. Try this file again.`);
}

function send({ file, row }) {
  sending += 1;
  mark(row, "sending");
  const request = new XMLHttpRequest();
  const bar = row.querySelector("progress");
  const note = row.querySelector(".outcome-note");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = (event.loaded / event.total) * 100;
    if (event.loaded === event.total) note.textContent = "Sent; being checked.";
  });
  const end = (result) => {
    settle(row, result);
    sending -= 1;
    next();
  };
  request.addEventListener("load", () => end(answered(request)));
  request.addEventListener("error", () => end(refused("The connection broke. Try this file again.")));
  request.addEventListener("abort", () => end(refused("The upload was stopped.")));
  request.open("POST", form.action || location.href);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", token);
  const body = new FormData();
  body.append(field.name, file, file.name);
  request.send(body);
}

function next() {
  while (sending < AT_ONCE && queue.length) send(queue.shift());
}

function take(files) {
  if (!files.length) return;
  outcomes.hidden = false;
  for (const file of files) {
    total += 1;
    const row = addRow(file);
    if (file.size > limit) {
      settle(row, refused(`The file is larger than ${form.dataset.limitText}; it was not sent.`));
    } else if (file.size === 0) {
      settle(row, refused("The file is empty, or it is a folder."));
    } else {
      queue.push({ file, row });
    }
  }
  tell();
  next();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  take([...field.files]);
  field.value = "";
});
field.addEventListener("change", () => {
  take([...field.files]);
  field.value = "";
});

let depth = 0;
form.addEventListener("dragenter", (event) => {
  event.preventDefault();
  depth += 1;
  form.classList.add("is-over");
});
form.addEventListener("dragover", (event) => event.preventDefault());
form.addEventListener("dragleave", () => {
  depth = Math.max(0, depth - 1);
  if (depth === 0) form.classList.remove("is-over");
});
form.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  form.classList.remove("is-over");
  take([...event.dataTransfer.files]);
});
// A file dropped beside the area must not replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
window.addEventListener("beforeunload", (event) => {
  if (sending || queue.length) event.preventDefault();
});
// Choosing or dropping sends at once, so the label is the only button that is needed.
form.classList.add("is-live");
form.querySelector("[data-drop-lead]").hidden = false;
form.querySelector("[data-drop-submit]").hidden = true;
form.querySelector(".drop-label").classList.add("btn", "is-primary", "is-large");
