// The picture with its boxes: fitted or close up, the current box changed with the mouse or a finger.
// Positions are set on element.style and attributes of SVG, which the content policy allows.

import { moved, pulled, tidy } from "./boxes.js";

const SVG = "http://www.w3.org/2000/svg";
const REACH = 10; // pixels around a handle that still hold it
const HANDLES = {
  nw: [0, 0], n: [0.5, 0], ne: [1, 0], e: [1, 0.5],
  se: [1, 1], s: [0.5, 1], sw: [0, 1], w: [0, 0.5],
};
const ROOM = 0.75; // of the box's longer side, around it in a close-up

export class Stage {
  constructor(frame, { changed, started }) {
    this.frame = frame;
    this.canvas = frame.querySelector("[data-canvas]");
    this.boxes = frame.querySelector("[data-boxes]");
    this.changed = changed;
    this.started = started;
    this.item = null;
    this.box = null;
    this.hidden = false;
    this.zoomed = false;
    this.editing = false;
    this.held = null;
    new ResizeObserver(() => this.draw()).observe(frame);
    this.boxes.addEventListener("pointerdown", (event) => this.grab(event));
    this.boxes.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.boxes.addEventListener(end, (event) => this.drop(event));
    }
  }

  show(item, picture, box) {
    this.item = item;
    this.box = box;
    this.held = null;
    this.canvas.replaceChildren(...(picture ? [picture] : []));
    this.draw();
  }

  // Where the picture lies in the frame, in pixels: { x, y, width, height }.
  view() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const { width: across, height: down } = this.item.image;
    const fit = Math.min(width / across, height / down);
    if (!this.zoomed || !this.item.box) {
      return {
        x: (width - across * fit) / 2, y: (height - down * fit) / 2,
        width: across * fit, height: down * fit,
      };
    }
    // What a close-up shows is settled by the box as it was: it does not swim while it is changed.
    const [left, top, right, bottom] = this.item.box;
    const longer = Math.max((right - left) * across, (bottom - top) * down);
    const room = longer * ROOM * 2;
    const scale = Math.max(
      fit,
      Math.min(width / ((right - left) * across + room), height / ((bottom - top) * down + room)),
    );
    return {
      x: width / 2 - ((left + right) / 2) * across * scale,
      y: height / 2 - ((top + bottom) / 2) * down * scale,
      width: across * scale, height: down * scale,
    };
  }

  draw() {
    this.boxes.replaceChildren();
    if (!this.item) return;
    const view = this.view();
    const picture = this.canvas.firstElementChild;
    if (picture) {
      picture.style.left = `${view.x}px`;
      picture.style.top = `${view.y}px`;
      picture.style.width = `${view.width}px`;
      picture.style.height = `${view.height}px`;
    }
    this.frame.dataset.view = this.zoomed ? "close" : "whole";
    if (this.hidden) return;
    for (const { box } of this.item.others) this.rectangle(box, view, "desk-other");
    if (!this.box) return;
    this.rectangle(this.box, view, "desk-halo");
    this.rectangle(this.box, view, this.editing ? "desk-box is-editing" : "desk-box");
    this.caption(view);
    for (const [name, [across, down]] of Object.entries(HANDLES)) this.handle(name, across, down, view);
  }

  rectangle([left, top, right, bottom], view, name) {
    const made = document.createElementNS(SVG, "rect");
    made.setAttribute("class", name);
    made.setAttribute("x", view.x + left * view.width);
    made.setAttribute("y", view.y + top * view.height);
    made.setAttribute("width", (right - left) * view.width);
    made.setAttribute("height", (bottom - top) * view.height);
    this.boxes.append(made);
  }

  handle(name, across, down, view) {
    const [x, y] = this.place(across, down, view);
    const made = document.createElementNS(SVG, "rect");
    made.setAttribute("class", "desk-handle");
    made.setAttribute("data-handle", name);
    made.setAttribute("x", x - 4);
    made.setAttribute("y", y - 4);
    made.setAttribute("width", 8);
    made.setAttribute("height", 8);
    this.boxes.append(made);
  }

  // Label and confidence stand outside the box, never over the bird.
  caption(view) {
    const [left, top, , bottom] = this.box;
    const made = document.createElementNS(SVG, "text");
    const above = view.y + top * view.height > 22;
    made.setAttribute("class", "desk-caption");
    made.setAttribute("x", Math.max(4, view.x + left * view.width));
    made.setAttribute("y", view.y + (above ? top * view.height - 8 : bottom * view.height + 18));
    made.textContent = `${this.item.shownLabel ?? (this.item.label || "unnamed")} · ${this.item.confidence}`;
    this.boxes.append(made);
  }

  place(across, down, view) {
    const [left, top, right, bottom] = this.box;
    return [
      view.x + (left + (right - left) * across) * view.width,
      view.y + (top + (bottom - top) * down) * view.height,
    ];
  }

  point(event) {
    const frame = this.boxes.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  // Which part of the box lies there: a handle, "inside", or "" beside it.
  part([x, y]) {
    if (!this.box) return "";
    const view = this.view();
    for (const [name, [across, down]] of Object.entries(HANDLES)) {
      const [hx, hy] = this.place(across, down, view);
      if (Math.abs(hx - x) <= REACH && Math.abs(hy - y) <= REACH) return name;
    }
    const [x1, y1] = this.place(0, 0, view);
    const [x2, y2] = this.place(1, 1, view);
    return x > x1 && x < x2 && y > y1 && y < y2 ? "inside" : "";
  }

  grab(event) {
    if (!this.item || this.hidden || event.button !== 0) return;
    const at = this.point(event);
    const part = this.part(at) || (this.editing || !this.box ? "new" : "");
    if (!part) return;
    event.preventDefault();
    this.boxes.setPointerCapture(event.pointerId);
    this.held = { part, at, box: this.box };
  }

  drag(event) {
    if (!this.item) return;
    const at = this.point(event);
    if (!this.held) {
      this.boxes.dataset.over = this.hidden ? "" : this.part(at) || (this.editing ? "new" : "");
      return;
    }
    const view = this.view();
    const [dx, dy] = [(at[0] - this.held.at[0]) / view.width, (at[1] - this.held.at[1]) / view.height];
    if (Math.abs(dx) + Math.abs(dy) === 0) return;
    const { part, box } = this.held;
    if (part === "new") {
      const x = (this.held.at[0] - view.x) / view.width;
      const y = (this.held.at[1] - view.y) / view.height;
      this.box = tidy([x, y, x + dx, y + dy]);
    } else {
      this.box = part === "inside" ? moved(box, dx, dy) : pulled(box, part, dx, dy);
    }
    this.started();
    this.draw();
  }

  drop() {
    if (!this.held) return;
    const before = this.held.box;
    this.held = null;
    if (this.box !== before) this.changed(this.box);
  }
}
