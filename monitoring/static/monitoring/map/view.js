// From map units to pixels of the stage and back; y grows upwards on the map.

const LARGEST = 4000; // times the whole map
const EDGE = 14; // pixels

export class View {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.bounds = { left: 0, right: 1, bottom: 0, top: 1 };
    this.fit();
  }

  resize(width, height) {
    const middle = this.toMap(this.width / 2, this.height / 2);
    const share = this.scale / this.whole;
    this.width = Math.max(width, 1);
    this.height = Math.max(height, 1);
    this.scale = share * this.whole;
    this.centre(middle.x, middle.y);
  }

  show(bounds) {
    this.bounds = bounds;
    this.fit();
  }

  // Pixels for a map unit when the whole map is shown.
  get whole() {
    const wide = Math.max(this.bounds.right - this.bounds.left, 1e-9);
    const high = Math.max(this.bounds.top - this.bounds.bottom, 1e-9);
    return 0.92 * Math.min(this.width / wide, this.height / high);
  }

  fit() {
    this.scale = this.whole;
    const { left, right, bottom, top } = this.bounds;
    this.centre((left + right) / 2, (bottom + top) / 2);
  }

  centre(x, y) {
    this.offsetX = this.width / 2 - x * this.scale;
    this.offsetY = this.height / 2 + y * this.scale;
  }

  toMap(px, py) {
    return { x: (px - this.offsetX) / this.scale, y: (this.offsetY - py) / this.scale };
  }

  toStage(x, y) {
    return { x: x * this.scale + this.offsetX, y: this.offsetY - y * this.scale };
  }

  pan(dx, dy) {
    this.offsetX += dx;
    this.offsetY += dy;
  }

  // The place under the pointer stays where it is.
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const held = this.toMap(px, py);
    const whole = this.whole;
    this.scale = Math.min(Math.max(this.scale * factor, whole / 4), whole * LARGEST);
    this.offsetX = px - held.x * this.scale;
    this.offsetY = py + held.y * this.scale;
  }

  // Bring a place into sight, and move no farther than that takes.
  reveal(x, y) {
    const at = this.toStage(x, y);
    const into = (value, most) => Math.min(Math.max(value, EDGE), Math.max(most - EDGE, EDGE));
    this.pan(into(at.x, this.width) - at.x, into(at.y, this.height) - at.y);
  }
}
