// Drawing around points: a lasso by mouse, a box by mouse or by keyboard. Lines are in map units, so
// that they stay where they are while the map moves.

const NEAR = 3; // pixels between two corners of a lasso
const NUDGE = 24; // pixels for one press of an arrow

export class Selecting {
  constructor(stage, { toMap, changed, done, mode }) {
    Object.assign(this, { stage, toMap, changed, done, told: mode });
    this.mode = "";
    this.line = [];
    this.box = null;
  }

  turn(mode) {
    this.mode = mode;
    this.line = [];
    this.box = null;
    if (mode === "box") {
      const { width, height } = this.stage.getBoundingClientRect();
      this.box = { left: width * 0.35, top: height * 0.35, right: width * 0.65, bottom: height * 0.65 };
      this.boxed();
    }
    this.told(mode);
    this.changed();
  }

  start(at) {
    if (this.mode === "lasso") this.line = [this.corner(at)];
    if (this.mode === "box") this.first = at;
    this.last = at;
  }

  move(at) {
    if (this.mode === "box") {
      this.box = {
        left: Math.min(this.first.x, at.x),
        right: Math.max(this.first.x, at.x),
        top: Math.min(this.first.y, at.y),
        bottom: Math.max(this.first.y, at.y),
      };
      this.boxed();
    } else if (Math.hypot(at.x - this.last.x, at.y - this.last.y) >= NEAR) {
      this.line.push(this.corner(at));
      this.last = at;
    }
    this.changed();
  }

  // An arrow moves the box; with Shift its lower right corner alone.
  nudge([dx, dy], isSizing) {
    const { box } = this;
    if (!isSizing) {
      box.left += dx * NUDGE;
      box.top += dy * NUDGE;
    }
    box.right = Math.max(box.right + dx * NUDGE, box.left + 4);
    box.bottom = Math.max(box.bottom + dy * NUDGE, box.top + 4);
    this.boxed();
  }

  finish() {
    const { line } = this;
    this.turn("");
    if (line.length > 2) this.done(line);
  }

  boxed() {
    const { left, top, right, bottom } = this.box;
    this.line = [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ].map(([x, y]) => this.corner({ x, y }));
  }

  corner({ x, y }) {
    const at = this.toMap(x, y);
    return [at.x, at.y];
  }
}
