// The calendar as a grid: Tab reaches one day, arrow keys go from day to day. Without this every day is a link in turn.
const grid = document.querySelector("table.calendar");
const TURNED = "calendar turned";

const turn = (rel) => {
  const link = document.querySelector(`.pager a[rel=${rel}]`);
  if (!link) return;
  sessionStorage.setItem(TURNED, "yes"); // the focus goes on in the other month: a fragment would take it away
  location.assign(link.href.split("#")[0]);
};

if (grid) {
  const days = [...grid.querySelectorAll("a.day")];
  const chosen = grid.querySelector(".chosen a.day");
  grid.setAttribute("role", "grid");
  if (chosen) chosen.closest("td").setAttribute("aria-selected", "true");

  const reach = (day) => {
    for (const each of days) each.tabIndex = each === day ? 0 : -1;
  };
  reach(chosen ?? grid.querySelector(".today a.day") ?? days[0]);

  const wanted = (key, place) => {
    const week = [...days[place].closest("tr").querySelectorAll("a.day")];
    return {
      ArrowLeft: days[place - 1],
      ArrowRight: days[place + 1],
      ArrowUp: days[place - 7],
      ArrowDown: days[place + 7],
      Home: week[0],
      End: week.at(-1),
    }[key];
  };

  grid.addEventListener("keydown", (event) => {
    const place = days.indexOf(event.target);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === "PageUp") turn("prev");
    else if (event.key === "PageDown") turn("next");
    else {
      const day = wanted(event.key, place);
      if (!day) return;
      reach(day);
      day.focus();
    }
    event.preventDefault();
  });

  if (sessionStorage.getItem(TURNED)) {
    sessionStorage.removeItem(TURNED);
    days.find((each) => each.tabIndex === 0).focus();
  }
}
