// The field for the comment that goes with the next decision: plain text of a limited length.

export const tidied = (text) => text.trim();

export class CommentField {
  constructor(group, most, { changed, keep, back }) {
    this.field = group.querySelector("[data-comment]");
    this.refused = group.querySelector("[data-comment-refused]");
    this.most = most;
    this.changed = changed;
    this.keep = keep;
    this.back = back;
    this.before = "";
    this.field.addEventListener("input", () => {
      this.changed(this.field.value);
      this.judge();
    });
    this.field.addEventListener("keydown", (event) => this.key(event));
  }

  open(text) {
    this.before = text;
    this.field.value = text;
    this.field.focus();
    this.judge();
  }

  // Why a text cannot be stored, as the server would say it; empty where it can.
  whyNot(text) {
    const length = [...tidied(text)].length;
    if (length <= this.most) return "";
    const [most, found] = [this.most, length].map((count) => count.toLocaleString("en-GB"));
    return `A comment has at most ${most} characters; this one has ${found}.`;
  }

  judge() {
    const sentence = this.whyNot(this.field.value);
    if (this.refused.textContent !== sentence) this.refused.textContent = sentence;
    this.field.setAttribute("aria-invalid", Boolean(sentence));
    return sentence === "";
  }

  // Keeps what was typed, unless it is too long.
  done() {
    if (this.judge()) this.keep(tidied(this.field.value));
    else this.field.focus();
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.done();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.back();
    }
  }
}
