// Shows what is typed into password fields: a button with data-shows="id other-id" turns them to
// text and back. Without scripts the button stays hidden and the fields stay as they are.

for (const button of document.querySelectorAll("[data-shows]")) {
  const fields = button.dataset.shows.split(" ").map((id) => document.getElementById(id));
  const show = (shown) => {
    for (const field of fields) field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  // Password managers know a password by its field's type.
  button.form?.addEventListener("submit", () => show(false));
}
