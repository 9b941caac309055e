// The field for the label: a combobox (WAI-ARIA 1.2) with the labels used last, then the collection's.

const MOST = 30;

export class LabelField {
  constructor(group, url, { keep, back }) {
    this.group = group;
    this.url = url;
    this.field = group.querySelector("[data-label]");
    this.list = group.querySelector("[data-labels]");
    this.known = new Map(); // by collection
    this.choices = [];
    this.at = -1;
    this.keep = keep;
    this.back = back;
    this.field.addEventListener("input", () => this.narrow());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const chosen = event.target.closest("[role=option]");
      if (chosen) this.keep(chosen.dataset.value);
    });
  }

  async open(value, collection) {
    this.field.value = value;
    this.field.focus();
    this.field.select();
    this.collection = collection ?? "";
    this.narrow();
    if (!this.known.has(this.collection)) await this.load(this.collection);
    if (document.activeElement === this.field) this.narrow();
  }

  async load(collection) {
    try {
      const query = new URLSearchParams(collection ? { collection } : {});
      const response = await fetch(`${this.url}?${query}`, {
        headers: { Accept: "application/json" },
        redirect: "error",
      });
      if (response.ok) this.known.set(collection, await response.json());
    } catch {
      // Without suggestions a label can still be typed.
    }
  }

  used(label) {
    for (const known of this.known.values()) {
      if (label) known.recent = [label, ...known.recent.filter((one) => one !== label)].slice(0, 8);
    }
  }

  narrow() {
    const { labels = [], recent = [] } = this.known.get(this.collection) ?? {};
    const typed = this.field.value.trim().toLowerCase();
    // Nothing is left out while the field still says what it said when it was opened.
    const isWhole = this.field.selectionStart === 0 && this.field.selectionEnd === this.field.value.length;
    const all = [...new Set([...recent, ...labels])];
    const fits = isWhole ? all : all.filter((one) => one.toLowerCase().includes(typed));
    this.choices = fits.slice(0, MOST);
    this.at = -1;
    this.draw();
  }

  draw() {
    this.list.replaceChildren(
      ...this.choices.map((label, at) => {
        const option = document.createElement("li");
        option.id = `desk-label-${at}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", at === this.at);
        option.dataset.value = label;
        option.textContent = label;
        return option;
      }),
    );
    const isOpen = this.choices.length > 0;
    this.list.hidden = !isOpen;
    this.field.setAttribute("aria-expanded", isOpen);
    if (this.at >= 0) {
      this.field.setAttribute("aria-activedescendant", `desk-label-${this.at}`);
      this.list.children[this.at].scrollIntoView({ block: "nearest" });
    } else {
      this.field.removeAttribute("aria-activedescendant");
    }
  }

  key(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.keep(this.at >= 0 ? this.choices[this.at] : this.field.value.trim());
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.back();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const count = this.choices.length;
      if (!count) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.at = this.at < 0 && step < 0 ? count - 1 : (this.at + step + count) % count;
      this.draw();
    }
  }
}
