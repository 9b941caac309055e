// Paints the points straight into the pixels: a hundred thousand of them take a few milliseconds, so
// every movement paints all of them anew and nothing has to be kept.

// Radius in CSS pixels by severity; the last one is for what nobody judged.
const RADII = [1.1, 2, 2.6, 3.2, 4, 1.1];
const HEALTHY_RADIUS = 0.9;

export class Painter {
  constructor(canvas, palette) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.palette = palette;
    this.stamps = new Map();
  }

  resize(width, height) {
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.stamps.clear();
  }

  // `colours` has a number of the palette for each point, 255 for one that is not shown.
  paint(points, view, colours, layers) {
    const { pixels, palette } = this;
    const { width, height } = this.canvas;
    pixels.fill(palette.paper);
    this.outside = 0; // samples that are shown, but lie outside the picture
    if (layers.healthy) this.dots(points, view, colours, 0, points.healthy, () => HEALTHY_RADIUS);
    // What is worse lies on top.
    const { severity, healthy, total } = points;
    for (const rank of [5, 0, 1, 2, 3, 4]) {
      if (layers.odd && (rank === 0 || rank === 5)) continue;
      const wanted = rank === 5 ? 255 : rank;
      this.dots(points, view, colours, healthy, total, (i) =>
        severity[i - healthy] === wanted ? RADII[rank] : 0,
      );
    }
    this.context.putImageData(this.image, 0, 0, 0, 0, width, height);
    if (layers.region) this.region(points.region, view);
  }

  dots(points, view, colours, from, until, radiusOf) {
    const { x, y } = points;
    const { pixels, palette, ratio } = this;
    const { width, height } = this.canvas;
    const scale = view.scale * ratio;
    const offsetX = view.offsetX * ratio;
    const offsetY = view.offsetY * ratio;
    for (let i = from; i < until; i += 1) {
      const colour = colours[i];
      const radius = radiusOf(i);
      if (colour === 255 || !radius) continue;
      const px = Math.round(x[i] * scale + offsetX);
      const py = Math.round(offsetY - y[i] * scale);
      const { reach, spans } = this.stamp(radius);
      if (px < reach || py < reach || px >= width - reach || py >= height - reach) {
        if (from === points.healthy) this.outside += 1;
        continue;
      }
      const paint = palette.points[colour];
      for (const { row, half } of spans) {
        const middle = (py + row) * width + px;
        for (let at = middle - half; at <= middle + half; at += 1) pixels[at] = paint;
      }
    }
  }

  // A disc as rows: how far each reaches to both sides.
  stamp(radius) {
    const known = this.stamps.get(radius);
    if (known) return known;
    const real = radius * this.ratio;
    const reach = Math.max(0, Math.round(real));
    const spans = [];
    for (let row = -reach; row <= reach; row += 1) {
      const across = (real + 0.4) ** 2 - row * row;
      if (across >= 0) spans.push({ row, half: Math.floor(Math.sqrt(across)) });
    }
    const made = { reach: reach + 1, spans };
    this.stamps.set(radius, made);
    return made;
  }

  region(loops, view) {
    const { context, ratio, palette } = this;
    context.beginPath();
    for (const loop of loops) {
      loop.forEach(([x, y], place) => {
        const at = view.toStage(x, y);
        if (place) context.lineTo(at.x * ratio, at.y * ratio);
        else context.moveTo(at.x * ratio, at.y * ratio);
      });
      context.closePath();
    }
    context.globalAlpha = 0.08;
    context.fillStyle = palette.region;
    context.fill("evenodd");
    context.globalAlpha = 1;
    context.strokeStyle = palette.region;
    context.lineWidth = 1.5 * ratio;
    context.stroke();
  }
}
