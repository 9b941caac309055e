// What lies over the points: the mark, the selection, the line that is being drawn.

const NS = "http://www.w3.org/2000/svg";
const MOST_RINGS = 1500;

function made(name, className) {
  const element = document.createElementNS(NS, name);
  element.setAttribute("class", className);
  return element;
}

export class Over {
  constructor(svg) {
    this.svg = svg;
    this.rings = made("path", "map-rings");
    this.line = made("path", "map-line");
    this.halo = made("circle", "map-mark-halo");
    this.mark = made("circle", "map-mark");
    svg.append(this.rings, this.line, this.halo, this.mark);
  }

  resize(width, height) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  draw(points, view, marked, selected, line) {
    const at = marked >= 0 ? view.toStage(points.x[marked], points.y[marked]) : { x: -99, y: -99 };
    for (const circle of [this.halo, this.mark]) {
      circle.setAttribute("cx", at.x);
      circle.setAttribute("cy", at.y);
      circle.setAttribute("r", 8);
    }
    const rings = selected.slice(0, MOST_RINGS).map((place) => {
      const { x, y } = view.toStage(points.x[place], points.y[place]);
      return `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
    });
    this.rings.setAttribute("d", rings.join(""));
    const corners = line.map(([x, y]) => {
      const corner = view.toStage(x, y);
      return `${corner.x.toFixed(1)} ${corner.y.toFixed(1)}`;
    });
    this.line.setAttribute("d", corners.length > 1 ? `M${corners.join("L")}Z` : "");
  }
}
