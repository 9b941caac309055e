// A button with data-copies="id" copies that element's text; where the browser does not let it, the
// text is selected, to be copied by hand. Without scripts the button stays hidden.

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

for (const button of document.querySelectorAll("[data-copies]")) {
  const element = document.getElementById(button.dataset.copies);
  const told = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(element.innerText.trim());
      told.textContent = "Copied";
    } catch {
      select(element);
      told.textContent = "Selected: copy it by hand";
    }
  });
}
