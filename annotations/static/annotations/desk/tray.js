// What did not go through: decisions without an answer yet, and those that the server refused, each
// with what the reviewer wanted, how the annotation stands now, and what can be done.

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function boxWords(box) {
  if (!box) return "";
  const [left, top, right, bottom] = box.map((edge) => Math.round(edge * 1000) / 10);
  return `box from ${left} %, ${top} % to ${right} %, ${bottom} %`;
}

export class Tray {
  constructor(root, { again, show, send }) {
    this.root = root;
    this.again = again;
    this.show = show;
    this.send = send;
    this.unsent = null;
  }

  get isFull() {
    return this.root.querySelector("[data-refused]") !== null;
  }

  // Whether decisions wait to be sent, and why; an empty sentence says that all is well.
  connection(sentence, count) {
    if (!sentence) {
      this.unsent?.remove();
      this.unsent = null;
      return;
    }
    const kept = count === 1 ? "1 decision is not saved yet; it is" : `${count} decisions are not saved yet; they are`;
    const words = `${sentence} ${count ? `${kept} kept here and sent again by itself.` : "This page tries again by itself."}`;
    if (!this.unsent) {
      this.unsent = element("div", "", "notice desk-unsent");
      this.unsent.append(element("span"));
      const button = element("button", "Try now", "btn is-quiet is-small");
      button.type = "button";
      button.addEventListener("click", () => this.again());
      this.unsent.append(button);
      this.root.prepend(this.unsent);
    }
    const span = this.unsent.querySelector("span");
    if (span.textContent !== words) span.textContent = words;
  }

  sentence(text) {
    const note = this.card(text);
    note.append(this.buttons(note, []));
  }

  card(text) {
    const card = element("div", "", "desk-card");
    card.append(element("p", text, "desk-card-why"));
    this.root.append(card);
    return card;
  }

  refused(entry, own, error) {
    const card = this.card(error.message);
    card.dataset.refused = entry.item.id;
    const current = error.answer?.current;
    const facts = element("dl", "", "facts");
    facts.append(this.line("You", this.wanted(entry, own)));
    if (current) facts.append(this.line("Now", this.standing(current)));
    card.append(facts);
    const verdict = {
      decision: own.decision, reason: own.reason, duration_ms: own.duration_ms,
      label: own.label, box: own.box, comment: own.comment,
    };
    const choices = [];
    if (current) {
      choices.push(["Take over mine", "is-primary", () => {
        this.send(entry, verdict, { version: current.version, take_over: true });
      }]);
    } else if (error.answer?.kind === "held") {
      choices.push(["Try again", "is-primary", () => this.send(entry, verdict)]);
    } else if (error.status === 422) {
      choices.push(["Show it again", "is-primary", () => this.show(entry)]);
    }
    card.append(this.buttons(card, choices));
  }

  line(title, text) {
    const line = element("div");
    line.append(element("dt", title), element("dd", text));
    return line;
  }

  wanted(entry, own) {
    const parts = [own.decision];
    parts.push(`label ${(own.label ?? entry.item.label) || "empty"}`);
    if (own.box) parts.push(boxWords(own.box));
    if (own.comment) parts.push(`comment “${own.comment}”`);
    return parts.join(", ");
  }

  standing(current) {
    const parts = [current.status + (current.by ? ` by ${current.by}` : ""), `label ${current.label}`];
    if (current.reason) parts.push(current.reason.toLowerCase());
    if (current.waits) parts.push(`stage ${current.stage}`);
    if (current.box) parts.push(boxWords(current.box));
    return parts.join(", ");
  }

  buttons(card, choices) {
    const row = element("p", "", "buttons");
    for (const [label, look, act] of [...choices, ["Leave it", "is-quiet", () => {}]]) {
      const button = element("button", label, `btn ${look} is-small`);
      button.type = "button";
      button.addEventListener("click", () => {
        card.remove();
        act();
      });
      row.append(button);
    }
    return row;
  }
}
