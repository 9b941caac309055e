// An item in words: what stands beside its picture.

import { same } from "./boxes.js";

export const labelOf = (entry) => entry.label ?? entry.item.label;

// A picture that is decoded before it is shown; a missing one shows its text.
export function pictureOf(item) {
  const picture = new Image();
  picture.className = "desk-picture";
  picture.alt = `Photograph ${item.image.name}`;
  picture.draggable = false;
  picture.src = item.image.preview;
  picture.decode().catch(() => {});
  return picture;
}

function edits({ item, label, box }) {
  const found = [];
  if (label !== null) found.push(`label was ${item.label || "empty"}`);
  if (!same(box, item.box)) found.push("box changed");
  return found;
}

export const confidenceOf = (item) =>
  item.calibrated === "–" ? item.confidence : `${item.confidence}, which has meant ${item.calibrated}`;

export function describeItem(root, entry) {
  const { item } = entry;
  const one = (name) => root.querySelector(`[data-${name}]`);
  const fact = (name) => root.querySelector(`[data-fact="${name}"]`);
  item.shownLabel = labelOf(entry) || "unnamed"; // the caption of the box
  one("title").textContent = labelOf(entry) || "Unnamed";
  const changed = edits(entry);
  one("edited").hidden = !changed.length;
  one("edited").textContent = `${changed.join(", ")}; saved when you decide`;
  one("commented").hidden = !entry.comment;
  one("commented").querySelector("bdi").textContent = entry.comment;
  fact("confidence").textContent = confidenceOf(item);
  fact("provider").textContent = [item.provider, item.model].filter(Boolean).join(", ");
  fact("stage").textContent = item.stage;
  fact("collection").textContent = item.collection?.name ?? "none";
  const link = document.createElement("a");
  link.href = item.image.url;
  link.textContent = item.image.name;
  fact("image").replaceChildren(link);
}
