// One question to the server after the other, in order; what does not arrive is kept and sent again.

const PAUSES = [1, 2, 4, 8, 15, 30]; // seconds before each further attempt

// The server answered, and said no.
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.error ?? "The server refused this.");
    this.status = status;
    this.answer = answer;
  }
}

// No answer that this page can use; trying again may help.
class NoAnswer extends Error {}

export class Server {
  constructor(wiring, { standing }) {
    this.wiring = wiring;
    this.standing = standing; // told whenever waiting begins or ends: (sentence or "", waiting count)
    this.line = [];
    this.isBusy = false;
    this.inFlight = null;
    this.wake = null;
    window.addEventListener("online", () => this.wake?.());
  }

  // Asks in turn. `build` makes the body at the moment of sending; the promise ends with the answer.
  // `about` is the item that a decision is about: it must not be lost.
  ask(name, build, { about = "" } = {}) {
    const asked = { name, build, about };
    const promise = new Promise((done, refused) => Object.assign(asked, { done, refused }));
    asked.promise = promise;
    this.line.push(asked);
    this.work();
    return asked;
  }

  // Takes back what was not sent yet, or failed so far; false if it is on its way or answered.
  withdraw(asked) {
    const at = this.line.indexOf(asked);
    if (at < 0 || this.inFlight === asked) return false;
    this.line.splice(at, 1);
    this.wake?.();
    return true;
  }

  get waiting() {
    return this.line.filter((asked) => asked.about).length;
  }

  async work() {
    if (this.isBusy) return;
    this.isBusy = true;
    let attempt = 0;
    while (this.line.length) {
      const [asked] = this.line;
      this.inFlight = asked;
      try {
        const answer = await this.post(asked.name, asked.build());
        this.finish(asked);
        asked.done(answer);
        await asked.promise; // whoever asked takes it in before the next question is put together
        if (attempt) this.standing("", this.waiting);
        attempt = 0;
      } catch (error) {
        this.inFlight = null;
        if (!(error instanceof NoAnswer)) {
          this.finish(asked);
          asked.refused(error);
          await asked.promise.catch(() => {});
          continue;
        }
        const pause = PAUSES[Math.min(attempt, PAUSES.length - 1)];
        attempt += 1;
        this.standing(error.message, this.waiting);
        await this.rest(pause);
      }
    }
    this.isBusy = false;
  }

  finish(asked) {
    this.inFlight = null;
    const at = this.line.indexOf(asked);
    if (at >= 0) this.line.splice(at, 1);
  }

  rest(seconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, seconds * 1000);
      this.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  async post(name, body) {
    let response;
    try {
      response = await fetch(this.wiring.urls[name], {
        method: "POST",
        headers: {
          Accept: "application/json",
          "Content-Type": "application/json",
          "X-CSRFToken": this.token(),
        },
        body: JSON.stringify(body),
        redirect: "manual",
      });
    } catch {
      throw new NoAnswer("There is no connection to the server.");
    }
    if (response.type === "opaqueredirect") {
      throw new NoAnswer("You are logged out. Log in in another tab; this page goes on by itself.");
    }
    if (response.status >= 500 || response.status === 429) {
      throw new NoAnswer("The server cannot answer at the moment.");
    }
    let answer;
    try {
      answer = await response.json();
    } catch {
      if (response.ok) throw new NoAnswer("The server's answer was cut off.");
      throw new Refused(response.status, { error: "The server refused this. Load the page again." });
    }
    if (!response.ok) throw new Refused(response.status, answer);
    return answer;
  }

  // The cookie is read anew each time: logging in again changes it.
  token() {
    const start = `${this.wiring.cookie}=`;
    const found = document.cookie.split("; ").find((one) => one.startsWith(start));
    return found ? decodeURIComponent(found.slice(start.length)) : "";
  }

  // For a page that closes: nobody waits for the answer.
  tell(name, body) {
    const form = new FormData();
    form.set("csrfmiddlewaretoken", this.token());
    form.set("said", JSON.stringify(body));
    navigator.sendBeacon(this.wiring.urls[name], form);
  }
}
