// Parts of a page that follow the day: while somebody looks, the same page is asked for again and the parts replaced.
// A part is marked with data-live, the address of its page; what says that it is out of date with data-stale.
const EVERY = 15000;
/** An answer that takes longer is none. */
const LATE = 10000;
const stale = document.querySelector("[data-stale]");
const address = document.querySelector("[data-live]")?.dataset.live;
let isAsking = false;

async function look() {
  if (document.hidden || isAsking) return;
  isAsking = true;
  try {
    const headers = { Accept: "text/html", "Dairy-Looks-Again": "1" };
    const answer = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(LATE) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = [...document.querySelectorAll("[data-live]")].map((part) => [part, fresh.getElementById(part.id)]);
    if (!answer.ok || parts.some(([, found]) => !found)) throw new Error("another page");
    for (const [part, found] of parts) take(part, found);
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
  isAsking = false;
}

function take(part, found) {
  if (part.innerHTML === found.innerHTML || part.querySelector("details[open]")) return; // somebody fills in a form there
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  part.replaceChildren(...found.childNodes);
  if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

if (address) {
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
