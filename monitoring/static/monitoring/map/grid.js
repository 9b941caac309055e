// Finds points near a place, and those within a line, without looking at all of them.

const CELLS = 256;

export class Grid {
  constructor(points) {
    this.points = points;
    const { x, y, total } = points;
    this.bounds = boundsOf(points);
    const { left, right, bottom, top } = this.bounds;
    this.perX = CELLS / Math.max(right - left, 1e-9);
    this.perY = CELLS / Math.max(top - bottom, 1e-9);
    // Points sorted by cell: `start` says where each cell's begin.
    const cells = new Uint32Array(total);
    this.start = new Uint32Array(CELLS * CELLS + 1);
    for (let i = 0; i < total; i += 1) {
      cells[i] = this.row(y[i]) * CELLS + this.column(x[i]);
      this.start[cells[i] + 1] += 1;
    }
    for (let c = 0; c < CELLS * CELLS; c += 1) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    this.sorted = new Uint32Array(total);
    for (let i = 0; i < total; i += 1) {
      this.sorted[next[cells[i]]] = i;
      next[cells[i]] += 1;
    }
  }

  column(x) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((x - this.bounds.left) * this.perX)));
  }

  row(y) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((y - this.bounds.bottom) * this.perY)));
  }

  *within({ left, right, bottom, top }) {
    const [firstColumn, lastColumn] = [this.column(left), this.column(right)];
    for (let row = this.row(bottom); row <= this.row(top); row += 1) {
      const from = this.start[row * CELLS + firstColumn];
      const until = this.start[row * CELLS + lastColumn + 1];
      for (let at = from; at < until; at += 1) yield this.sorted[at];
    }
  }

  // The point nearest to a place, at most `reach` away; what `counts` refuses is passed over.
  nearest(px, py, reach, counts) {
    const { x, y } = this.points;
    let best = -1;
    let least = reach * reach;
    const box = { left: px - reach, right: px + reach, bottom: py - reach, top: py + reach };
    for (const i of this.within(box)) {
      const apart = (x[i] - px) ** 2 + (y[i] - py) ** 2;
      // Of two in one place the later one lies on top.
      if ((apart < least || (apart === least && i > best)) && counts(i)) {
        least = apart;
        best = i;
      }
    }
    return best;
  }

  // Those inside a closed line of [x, y], by how often a ray crosses it.
  inside(line, counts) {
    const { x, y } = this.points;
    const found = [];
    const xs = line.map((one) => one[0]);
    const ys = line.map((one) => one[1]);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
    for (const i of this.within({ left, right, bottom, top })) {
      if (x[i] < left || x[i] > right || y[i] < bottom || y[i] > top || !counts(i)) continue;
      let isIn = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a, a += 1) {
        if (ys[a] > y[i] !== ys[b] > y[i]) {
          const cross = ((xs[b] - xs[a]) * (y[i] - ys[a])) / (ys[b] - ys[a]) + xs[a];
          if (x[i] < cross) isIn = !isIn;
        }
      }
      if (isIn) found.push(i);
    }
    return found.sort((one, other) => one - other);
  }
}

// What is shown first: the healthy rows and what lies around them, half their size away at most; or
// all where that is little more. Whatever lies far away would make one dot of them.
export function homeOf({ x, y, total, core, healthy }, all) {
  if (!healthy) return all;
  const [left, bottom, right, top] = core;
  const room = Math.max(right - left, top - bottom) / 2;
  const home = { left, right, bottom, top };
  for (let i = 0; i < total; i += 1) {
    const [px, py] = [x[i], y[i]];
    if (px < left - room || px > right + room || py < bottom - room || py > top + room) continue;
    if (px < home.left) home.left = px;
    if (px > home.right) home.right = px;
    if (py < home.bottom) home.bottom = py;
    if (py > home.top) home.top = py;
  }
  const size = (box) => Math.max(box.right - box.left, box.top - box.bottom);
  return size(home) > 0 && size(all) > 1.5 * size(home) ? home : all;
}

// The box around the points and the region, with a little room.
export function boundsOf({ x, y, total, region }) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  const take = (px, py) => {
    if (px < left) left = px;
    if (px > right) right = px;
    if (py < bottom) bottom = py;
    if (py > top) top = py;
  };
  for (let i = 0; i < total; i += 1) take(x[i], y[i]);
  for (const loop of region) for (const [px, py] of loop) take(px, py);
  if (left > right) return { left: 0, right: 1, bottom: 0, top: 1 };
  return { left, right, bottom, top };
}
