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
const endsWith = (form, end) => (form.getAttribute("action") ?? "").endsWith(end);
const isKept = (form) => isPosted(form) && !form.querySelector("[type=password]") && !endsWith(form, "/sign-out");
// What is hidden tells forms with one address apart; but not what is another each time the page is shown.
const CHANGING = ["csrf_token", "key", "seen", "shown"];
const nameOf = (form) => {
  const hidden = [...form.querySelectorAll("input[type=hidden]")].filter(({ name }) => !CHANGING.includes(name));
  return ["form", form.getAttribute("action"), ...hidden.map(({ value }) => value)].join(" ");
};

const forgetForms = () => {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith("form ")) sessionStorage.removeItem(name);
};

const tellOffline = (form) => {
  const told = form.querySelector(".offline") ?? document.createElement("p");
  told.className = "refused offline";
  told.setAttribute("role", "alert");
  told.textContent = document.body.dataset.offline;
  form.prepend(told);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!isPosted(form)) return;
  if (!navigator.onLine) {
    event.preventDefault();
    tellOffline(form);
    return;
  }
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  if (endsWith(form, "/sign-out")) forgetForms();
  if (!isKept(form)) return;
  // With its key: when only the answer was lost, sending it again does nothing new.
  const typed = [...new FormData(form)].filter(([name]) => name !== "csrf_token");
  sessionStorage.setItem(nameOf(form), JSON.stringify(typed));
});

// Pages are not kept by the browser, so going back to one would find its forms empty.
const bringBack = (form) => {
  const typed = isKept(form) && sessionStorage.getItem(nameOf(form));
  if (!typed) return;
  for (const [name, value] of JSON.parse(typed)) {
    for (const field of [...form.elements].filter((each) => each.name === name)) {
      if (field.type === "checkbox") field.checked ||= field.value === value;
      else if (field.type !== "submit") field.value = value;
    }
  }
  for (let around = form.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
};

// A session that was over: the form waits behind the one to sign in.
const SIGNED_IN = "form-waits";
const [arrival] = performance.getEntriesByType("navigation");
if (document.querySelector("form[action$='/sign-in']")) sessionStorage.setItem(SIGNED_IN, "yes");
else {
  const isBack = sessionStorage.getItem(SIGNED_IN) || (arrival && arrival.type !== "navigate");
  sessionStorage.removeItem(SIGNED_IN);
  if (document.querySelector(".said")) forgetForms();
  else if (isBack) document.querySelectorAll("form").forEach(bringBack);
}

// Back from the next page: the form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// On a phone the menu is wider than the screen: where one is, is seen.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
