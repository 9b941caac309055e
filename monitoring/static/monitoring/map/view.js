// From map units to pixels of the stage and back; y grows upwards on the map.

const LARGEST = 4000; // times the whole map
const EDGE = 14; // pixels

export class View {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.bounds = this.home = { left: 0, right: 1, bottom: 0, top: 1 };
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

  show(bounds, home) {
    this.bounds = bounds;
    this.home = home;
    this.goHome();
  }

  // Pixels for a map unit when the whole map is shown.
  get whole() {
    return this.scaleFor(this.bounds);
  }

  scaleFor({ left, right, bottom, top }) {
    const [wide, high] = [Math.max(right - left, 1e-9), Math.max(top - bottom, 1e-9)];
    return 0.92 * Math.min(this.width / wide, this.height / high);
  }

  goHome() {
    this.fit(this.home);
  }

  fit(box = this.bounds) {
    this.scale = this.scaleFor(box);
    this.centre((box.left + box.right) / 2, (box.bottom + box.top) / 2);
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
