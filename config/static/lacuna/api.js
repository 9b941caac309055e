// The API's documentation: Swagger UI over our own schema, with the log-in of the page.
const place = document.getElementById("api");

function withToken(request) {
  const own = new URL(request.url, location.href).origin === location.origin;
  if (own && !["GET", "HEAD"].includes(request.method ?? "GET")) {
    request.headers["X-CSRFToken"] = place.dataset.csrf;
  }
  return request;
}

// Its choice between examples has a label beside it which it does not name.
new MutationObserver(() => {
  for (const choice of place.querySelectorAll(".examples-select-element:not([aria-label])")) {
    choice.setAttribute("aria-label", "Example");
  }
}).observe(place, { childList: true, subtree: true });

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  // Its links would stand inside buttons, which no screen reader can tell apart.
  deepLinking: false,
  docExpansion: "list",
  // Its colours cannot be read on a dark ground, nor can their contrast be set here.
  syntaxHighlight: false,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: withToken,
});
