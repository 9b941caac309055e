// While an analysis waits or runs: asks how far it is, and shows the page anew when it has ended.

const SECOND = 1000;
const section = document.querySelector("[data-progress]");

async function ask() {
  let pause = document.hidden ? 5 * SECOND : SECOND;
  try {
    const response = await fetch(section.dataset.progress, {
      headers: { Accept: "application/json" },
      redirect: "error",
    });
    if (!response.ok) throw new Error(String(response.status));
    const answer = await response.json();
    if (!answer.live) {
      window.location.reload();
      return;
    }
    const message = section.querySelector("[data-progress-message]");
    // Only a change is told to screen readers.
    if (answer.message && message.textContent !== answer.message) message.textContent = answer.message;
    const bar = section.querySelector("[data-progress-bar]");
    if (answer.total) Object.assign(bar, { max: answer.total, value: answer.done });
  } catch {
    pause = 5 * SECOND;
  }
  setTimeout(ask, pause);
}

setTimeout(ask, SECOND);
