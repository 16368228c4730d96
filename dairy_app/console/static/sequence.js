// The order of a round's doors: dragged, moved by buttons and keys, or to a typed place. The fields hold the places, so
// the form says the same with and without this script; nothing is sent before it is saved.
const form = document.querySelector("form[data-places]");
const list = form?.querySelector(".places");
const rows = () => [...list.children];
const placeOf = (row) => row.querySelector("[type=number]");
/** So near to the edge of the window a drag scrolls, by so much a frame. */
const EDGE = 70;
const STEP = 12;
let changed = false;

function renumber(row) {
  rows().forEach((each, index) => (placeOf(each).value = index + 1));
  changed = true;
  const words = { name: row.dataset.name, n: rows().indexOf(row) + 1, all: rows().length };
  form.querySelector("[role=status]").textContent = form.dataset.places.replace(/\{(\w+)\}/g, (_, name) => words[name]);
}

/** To a place from 0; the row stays in the document, its neighbours are moved: so it keeps the focus. */
function put(row, place) {
  const others = rows().filter((each) => each !== row);
  const goal = Math.min(Math.max(place, 0), others.length);
  row.before(...others.slice(0, goal));
  row.after(...others.slice(goal));
}

function move(row, by) {
  const place = rows().indexOf(row) + by;
  if (place < 0 || place >= rows().length) return;
  put(row, place);
  renumber(row);
  row.scrollIntoView({ block: "nearest" });
}

function drag(event) {
  const row = event.target.closest(".grip")?.closest("li");
  if (!row || event.button) return;
  event.preventDefault();
  let height = event.clientY;
  let isDragged = true;
  const follow = () => {
    const place = rows().filter((each) => {
      const box = each.getBoundingClientRect();
      return each !== row && box.top + box.height / 2 < height;
    }).length;
    if (place !== rows().indexOf(row)) put(row, place);
  };
  const scroll = () => {
    if (!isDragged) return;
    if (height < EDGE) scrollBy(0, -STEP);
    else if (height > innerHeight - EDGE) scrollBy(0, STEP);
    follow();
    requestAnimationFrame(scroll);
  };
  const where = (moved) => (height = moved.clientY);
  const end = () => {
    isDragged = false;
    row.classList.remove("dragged");
    for (const [name, listener] of listeners) removeEventListener(name, listener);
    follow();
    renumber(row);
  };
  const listeners = [["pointermove", where], ["pointerup", end], ["pointercancel", end]];
  for (const [name, listener] of listeners) addEventListener(name, listener);
  row.classList.add("dragged");
  scroll();
}

if (form) {
  for (const each of form.querySelectorAll(".grip, .moves")) each.hidden = false;
  // After a lost connection the fields may hold what was typed before.
  const held = rows().map((row) => [Number(placeOf(row).value), row]);
  list.append(...held.sort((one, other) => one[0] - other[0]).map(([, row]) => row));
  list.addEventListener("pointerdown", drag);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (button) move(button.closest("li"), Number(button.dataset.move));
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !event.altKey) return;
    event.preventDefault();
    move(event.target.closest("li"), by);
  });
  list.addEventListener("change", (event) => {
    const row = event.target.closest("li");
    if (event.target !== placeOf(row)) return;
    const place = Number(event.target.value);
    if (Number.isInteger(place) && place > 0) put(row, place - 1);
    renumber(row);
  });
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => changed && event.preventDefault());
}
