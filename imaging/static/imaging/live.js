// While an analysis waits or runs: asks once a second how far it is, and shows the page anew when
// it has ended. Fails quietly: the page has a link to reload it by hand.

const SECOND = 1000;
const SLOW = 5 * SECOND;
const live = document.querySelector("[data-live]");

function show(answer) {
  const message = live.querySelector("[data-live-message]");
  // Only a change is announced to screen readers.
  if (answer.message && message.textContent !== answer.message) message.textContent = answer.message;
  const bar = live.querySelector("[data-live-bar]");
  if (answer.total) {
    bar.max = answer.total;
    bar.value = answer.done;
  }
}

async function ask() {
  let pause = document.hidden ? SLOW : SECOND;
  try {
    const response = await fetch(live.dataset.statusUrl, {
      headers: { Accept: "application/json" },
      redirect: "error",
    });
    if (response.ok) {
      const answer = await response.json();
      // A note that somebody is writing is not thrown away.
      if (!answer.live && !isWriting()) return location.reload();
      if (answer.live) show(answer);
      else live.querySelector("[data-live-message]").textContent = "Done. Reload to see the result.";
    } else {
      pause = SLOW;
    }
  } catch {
    pause = SLOW;
  }
  setTimeout(ask, pause);
}

function isWriting() {
  const note = document.getElementById("notes");
  return note !== null && note.value !== note.defaultValue;
}

if (live) {
  live.querySelector("[data-live-reload]").hidden = true;
  setTimeout(ask, SECOND);
}
