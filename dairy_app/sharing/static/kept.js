// Lists of what this phone holds: beside the round, and alone on the pages of a link that does not open.
import { Store } from "./store.js";
import { clock, say, why } from "./words.js";

/** A row for each entry; `buttons(entry)` gives [[words, name for readers, click]…]. */
export function showKept(list, entries, buttons = () => []) {
  list.replaceChildren(...entries.map((entry) => row(entry, buttons(entry))));
}

/** What was said about an order, or asked for. */
export function saying(entry) {
  if (entry.type === "payment") return say("cash_label");
  return entry.type === "request" ? say("request_label", { what: say(`request_${entry.what}`) }) : say(`was_${entry.what}`);
}

function row(entry, buttons) {
  const item = element("li");
  const words = element("div");
  words.append(element("b", entry.name), ` · ${saying(entry)} · ${clock(entry.at)}`);
  if (entry.lines) words.append(element("p", entry.lines));
  if (entry.state === "rejected") words.append(element("p", why(entry.code, entry.detail)));
  item.append(words);
  if (buttons.length) {
    const place = element("div");
    place.className = "row";
    for (const [words, label, click] of buttons) {
      const button = element("button", words);
      button.type = "button";
      button.setAttribute("aria-label", label);
      button.addEventListener("click", click);
      place.append(button);
    }
    item.append(place);
  }
  return item;
}

export function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

if (document.body.dataset.page !== "round") {
  const store = new Store(document.body.dataset.link);
  const show = () => {
    const entries = [...store.in("waiting"), ...store.in("rejected")];
    document.getElementById("unsent").hidden = !entries.length;
    showKept(document.querySelector("#unsent .kept"), entries);
  };
  store.addEventListener("change", show);
  show();
}
