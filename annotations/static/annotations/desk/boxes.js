// Boxes as [left, top, right, bottom] in fractions of the picture: moved, sized, kept inside it.

const LEAST = 0.002;
const PLACES = 1e6;

const round = (value) => Math.round(value * PLACES) / PLACES;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

// The box, inside the picture, with edges in order and some size.
export function tidy([x1, y1, x2, y2]) {
  let [left, right] = [within(Math.min(x1, x2), 0, 1 - LEAST), within(Math.max(x1, x2), LEAST, 1)];
  let [top, bottom] = [within(Math.min(y1, y2), 0, 1 - LEAST), within(Math.max(y1, y2), LEAST, 1)];
  if (right - left < LEAST) [left, right] = right - LEAST < 0 ? [0, LEAST] : [right - LEAST, right];
  if (bottom - top < LEAST) [top, bottom] = bottom - LEAST < 0 ? [0, LEAST] : [bottom - LEAST, bottom];
  return [left, top, right, bottom].map(round);
}

// Moved by a distance, as far as the picture goes.
export function moved([left, top, right, bottom], dx, dy) {
  const x = within(dx, -left, 1 - right);
  const y = within(dy, -top, 1 - bottom);
  return [left + x, top + y, right + x, bottom + y].map(round);
}

// With the right and the lower edge moved.
export function sized([left, top, right, bottom], dx, dy) {
  return [left, top, within(right + dx, left + LEAST, 1), within(bottom + dy, top + LEAST, 1)].map(round);
}

// With the edges that a handle ("nw", "e", …) holds moved.
export function pulled(box, handle, dx, dy) {
  const [left, top, right, bottom] = box;
  return tidy([
    left + (handle.includes("w") ? dx : 0),
    top + (handle.includes("n") ? dy : 0),
    right + (handle.includes("e") ? dx : 0),
    bottom + (handle.includes("s") ? dy : 0),
  ]);
}

export const same = (one, other) =>
  one === other || Boolean(one && other && one.every((edge, at) => Math.abs(edge - other[at]) < 2 / PLACES));

const percent = (value) => `${Math.round(value * 1000) / 10} %`;

export function inWords([left, top, right, bottom]) {
  return `Box: left ${percent(left)}, top ${percent(top)}, ${percent(right - left)} wide, ${percent(bottom - top)} high.`;
}
