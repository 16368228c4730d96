// Gestures that a page can do without: "/" goes to the search; a form is sent once, and survives a lost connection.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("input[type=search]");
  if (search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// A field may be named "method", and would stand for the form's own.
const isPosted = (form) => form.getAttribute("method") === "post";
const isKept = (form) => isPosted(form) && !form.querySelector("[type=password]");
const nameOf = (form) => `form ${location.pathname} ${form.getAttribute("action")}`;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!isPosted(form)) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  if (!isKept(form)) return;
  // With its key: when only the answer was lost, sending it again does nothing new.
  const typed = [...new FormData(form)].filter(([name]) => name !== "csrf_token");
  sessionStorage.setItem(nameOf(form), JSON.stringify(typed));
});

const forgetForms = () => {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith("form ")) sessionStorage.removeItem(name);
};

// Pages are not kept by the browser, so going back to one would find its forms empty.
const bringBack = (form) => {
  const typed = isKept(form) && sessionStorage.getItem(nameOf(form));
  if (!typed) return;
  for (const [name, value] of JSON.parse(typed)) {
    const field = form.elements[name];
    if (field && field.type === "checkbox") field.checked = true;
    else if (field) field.value = value;
  }
  const around = form.closest("details");
  if (around) around.open = true;
};

const [arrival] = performance.getEntriesByType("navigation");
if (document.querySelector(".said")) forgetForms();
else if (arrival && arrival.type !== "navigate") document.querySelectorAll("form").forEach(bringBack);

// Back from the next page: the form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
