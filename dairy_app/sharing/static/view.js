// The list on the screen: the server's page with what this phone knows laid over it.
import { element } from "./kept.js";
import { clock, plain, quantity, rupees, say, thousandths } from "./words.js";

const ICONS = { delivered: "check", partial: "half", not_delivered: "cross" };
const $ = (id) => document.getElementById(id);
const orders = (within = document) => [...within.querySelectorAll("[data-order]")];
const stops = () => [...document.querySelectorAll("#list > .stop")];
/** The orders of a door that wait, or are taken back. */
export const openOrders = (stop) => [...stop.querySelectorAll('[data-order][data-state="open"]')];
const isOpen = (stop) => stop.querySelector('[data-order][data-state="open"]') !== null;

export class View {
  constructor(store, sender) {
    Object.assign(this, { store, sender, name: "open", text: "", stay: new Set(), back: new Map() });
  }

  /** Everything anew; call it after each change of the store, the sender or the page. */
  show() {
    orders().forEach((order) => this.overlay(order));
    document.querySelectorAll("[data-container]").forEach((row) => this.empties(row));
    this.markNext();
    this.count();
    this.filter();
  }

  overlay(order) {
    order.dataset.server ??= order.dataset.state;
    const entry = this.store.get(order.dataset.order);
    if (order.dataset.server !== "open") {
      if (entry?.state === "sent") this.store.entries.delete(entry.key), forget(this.store, entry.key);
      return;
    }
    const told = entry && entry.state !== "rejected" ? entry : null;
    const mark = told ? `${told.body.client_event_id} ${told.state} ${this.sender.flying.has(told.key)}` : "";
    if (order.dataset.shown === mark) return;
    order.dataset.shown = mark;
    order.dataset.state = told ? told.what : "open";
    order.querySelector(".choice").hidden = Boolean(told);
    order.querySelector(".outcome").hidden = !told;
    this.amounts(order, told);
    if (told) this.outcome(order, told);
    const stop = order.closest(".stop");
    stop.classList.toggle("done", !isOpen(stop));
    const atOnce = stop.querySelector('[data-act="at_once"]');
    if (atOnce) atOnce.hidden = openOrders(stop).length < 2;
  }

  amounts(order, told) {
    for (const item of order.querySelectorAll("[data-product]")) {
      const amount = item.querySelector(".amount");
      const ordered = quantity(thousandths(item.dataset.ordered), item.dataset.unit);
      const given = told?.what === "partial" && told.body.items?.find((each) => each.product_id === item.dataset.product);
      amount.textContent = given
        ? say("quantity_of", { delivered: plain(thousandths(given.delivered_quantity)), ordered })
        : ordered;
    }
  }

  outcome(order, entry) {
    const outcome = order.querySelector(".outcome");
    const said = outcome.querySelector(".said");
    const where = element("small", say(entry.state === "sent" ? "sent" : "waiting"));
    where.prepend(icon(entry.state === "sent" ? "check" : "clock"));
    const when = [say(`was_${entry.what}`), say("at_time", { time: clock(entry.at) })];
    said.replaceChildren(icon(ICONS[entry.what]), element("b", when[0]), ` ${when[1]} `, where);
    outcome.querySelector("button")?.remove();
    if (entry.state !== "waiting" || this.sender.flying.has(entry.key)) return;
    const undo = element("button", say("undo"));
    undo.type = "button";
    undo.dataset.act = "undo";
    undo.setAttribute("aria-label", say("undo_for", { name: entry.name }));
    outcome.append(undo);
  }

  /** What is counted at a door and not told yet, beside what this phone has told of it. */
  empties(row) {
    const stop = row.closest(".stop");
    const { container, has } = row.dataset;
    const told = orders(stop)
      .filter((order) => (order.dataset.server ?? order.dataset.state) === "open")
      .map((order) => this.store.get(order.dataset.order))
      .filter((entry) => entry && entry.state !== "rejected")
      .flatMap((entry) => entry.body.empties ?? [])
      .filter((each) => each.container_id === container)
      .reduce((sum, each) => sum + each.back, 0);
    const most = Math.max(0, Number(has) - told);
    const counted = Math.min(this.back.get(`${stop.id} ${container}`) ?? 0, most);
    this.back.set(`${stop.id} ${container}`, counted);
    set(row.querySelector(".field"), say("back_count", { n: isOpen(stop) ? counted : told }));
    row.querySelector('[data-act="fewer_back"]').disabled = !isOpen(stop) || counted <= 0;
    row.querySelector('[data-act="more_back"]').disabled = !isOpen(stop) || counted >= most;
  }

  countBack(row, step) {
    const key = `${row.closest(".stop").id} ${row.dataset.container}`;
    this.back.set(key, Math.max(0, (this.back.get(key) ?? 0) + step));
    this.empties(row);
  }

  /** What was counted at a door, which is told now: {container_id, back, words} each. */
  takeBack(stop) {
    const found = [];
    for (const { dataset } of stop.querySelectorAll("[data-container]")) {
      const key = `${stop.id} ${dataset.container}`;
      const back = this.back.get(key) ?? 0;
      this.back.delete(key);
      if (back) found.push({ container_id: dataset.container, back, words: say("came_back", { n: back, name: dataset.name }) });
    }
    return found;
  }

  /** What was told is taken back: it is counted still. */
  putBack(stop, empties = []) {
    for (const { container_id: container, back } of empties) this.back.set(`${stop.id} ${container}`, back);
  }

  next() {
    return stops().find(isOpen);
  }

  markNext() {
    const next = this.next();
    for (const stop of [...document.querySelectorAll("#list > .next"), next].filter(Boolean)) {
      stop.classList.toggle("next", stop === next);
      stop.querySelector(".chip").hidden = stop !== next;
      if (stop === next) stop.setAttribute("aria-current", "step");
      else stop.removeAttribute("aria-current");
    }
  }

  count() {
    const counts = { open: 0, delivered: 0, partial: 0, not_delivered: 0, cancelled: 0 };
    for (const order of orders()) counts[order.dataset.state] += 1;
    const all = orders().length - counts.cancelled;
    const done = all - counts.open;
    const progress = $("progress");
    progress.max = Math.max(all, 1);
    progress.value = done;
    set($("counted").firstChild, say("progress", { done, all }));
    set($("open-count"), counts.open);
    set($("all-count"), all);
    const kinds = ["open", "delivered", "partial", "not_delivered"];
    const places = $("counts").children;
    kinds.forEach((kind, index) => set(places[index], say(`count_${kind}`, { n: counts[kind] })));
    this.finished = all > 0 && !counts.open;
    this.sum();
    this.any = stops().length > 0;
  }

  /** What was delivered, what was short, what is in the van, with what only this phone knows. */
  sum() {
    const sums = new Map();
    const add = (product, given, loaded, short) => {
      const row = sums.get(product) ?? { delivered: 0, short: 0, left: 0 };
      row.delivered += given;
      row.left += loaded - given;
      row.short += short;
      sums.set(product, row);
    };
    for (const order of orders()) {
      const { state } = order.dataset;
      if (state === "cancelled") continue;
      const said = order.dataset.server === "open" ? this.store.get(order.dataset.order)?.body : null;
      const { items: told, extra_items: extras = [] } = said ?? {};
      for (const { product_id: product, quantity } of extras) add(product, thousandths(quantity), 0, 0);
      for (const item of order.querySelectorAll("[data-product]")) {
        const { product, ordered, delivered } = item.dataset;
        const wanted = thousandths(ordered);
        const part = told?.find((each) => each.product_id === product)?.delivered_quantity ?? delivered ?? 0;
        const given = state === "delivered" ? wanted : state === "partial" ? thousandths(part) : 0;
        // What nobody ordered was not loaded for this door.
        add(product, given, order.dataset.extra ? 0 : wanted, state === "open" ? 0 : wanted - given);
      }
    }
    const place = $("cash-total");
    if (place.hasAttribute("data-taken")) {
      const waiting = this.store.in("waiting").filter((entry) => entry.type === "payment");
      const paise = waiting.reduce((all, entry) => all + Math.round(entry.body.amount * 100), Math.round(place.dataset.taken * 100));
      set(place, say("cash_total", { amount: rupees(paise) }));
    }
    for (const row of $("totals").querySelectorAll("[data-total-of]")) set(row.lastElementChild, this.backOf(row.dataset.totalOf));
    for (const row of $("totals").querySelectorAll("[data-product]")) {
      const sum = sums.get(row.dataset.product) ?? { delivered: 0, short: 0, left: 0 };
      for (const cell of row.querySelectorAll("[data-sum]")) set(cell, plain(sum[cell.dataset.sum]));
    }
  }

  /** How many of a container came back, by the server and by what only this phone knows. */
  backOf(container) {
    let sum = 0;
    for (const order of orders()) {
      for (const { dataset } of order.querySelectorAll("[data-of]")) if (dataset.of === container) sum += Number(dataset.back);
      const entry = order.dataset.server === "open" ? this.store.get(order.dataset.order) : null;
      const told = entry && entry.state !== "rejected" ? (entry.body.empties ?? []) : [];
      for (const each of told) if (each.container_id === container) sum += each.back;
    }
    return sum;
  }

  /** What a tab and the search let through. A stop that was just done stays until the next choice: the list must not
   *  move under the thumb. */
  filter() {
    const loading = this.name === "loading";
    $("loading").hidden = !loading;
    $("totals").hidden = !this.any || !(loading || (this.finished && this.name !== "search"));
    $("search").form.hidden = this.name !== "search";
    $("stops").hidden = loading;
    document.querySelectorAll(".tabs [data-view]").forEach((tab) => {
      if (tab.dataset.view === this.name) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    });
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const stop of stops()) {
      const found = words.every((word) => stop.dataset.search.includes(word));
      const wanted = words.length || this.name !== "open" || isOpen(stop) || this.stay.has(stop.id);
      stop.hidden = !(found && wanted);
      shown += stop.hidden ? 0 : 1;
    }
    const empty = $("empty");
    empty.hidden = shown > 0;
    if (words.length) set(empty, say("nothing_found", { text: this.text.trim() }));
    else set(empty, say(this.finished ? "all_done" : "nothing_today"));
  }

  choose(name) {
    this.name = name;
    this.stay.clear();
    this.show();
    scrollTo({ top: 0 });
  }

  search(text) {
    this.text = text;
    this.filter();
  }

  /** After a word about a stop: on to the next one, for the eye, the keyboard and the ear. */
  goOn(stop) {
    const next = this.next();
    const goal = next && next !== stop ? next : stop;
    if (goal.hidden) return;
    goal.querySelector("h2").focus({ preventScroll: true });
    goal.scrollIntoView({ block: "start" });
  }
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Change a text only when it differs: screen readers speak each change. */
export function set(place, text) {
  if (place.textContent !== String(text)) place.textContent = text;
}

function forget(store, key) {
  queueMicrotask(() => store.drop(key));
}
