// Fills the datalist of a field with what its address answers while somebody types.

for (const field of document.querySelectorAll("[data-suggest]")) {
  const list = document.getElementById(field.getAttribute("list"));
  let asked = 0;
  let timer = 0;

  const ask = async () => {
    const mine = ++asked;
    const response = await fetch(`${field.dataset.suggest}?q=${encodeURIComponent(field.value)}`);
    if (!response.ok || mine !== asked) return;
    const { people } = await response.json();
    list.replaceChildren(
      ...people.map(({ email, name }) => {
        const option = document.createElement("option");
        option.value = email;
        option.label = name;
        return option;
      }),
    );
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value.trim().length >= 2) timer = setTimeout(ask, 150);
  });
}
