// A file of its own, because the page's Content-Security-Policy allows no inline script.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: false,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null, // else a badge asks an outside host
});
