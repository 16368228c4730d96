// The round's page: what a tap means. The list itself comes from the server; see view.js, sender.js and store.js.
import { saying, showKept } from "./kept.js";
import { Sender } from "./sender.js";
import { askAmounts, askCash, askReason, askRequest } from "./sheets.js";
import { Store, uuid } from "./store.js";
import { openOrders, set, View } from "./view.js";
import { say } from "./words.js";

/** Time to undo before anything is sent. */
const UNDO = 6000;
/** After a tap the list moves: what the thumb hits in this time it did not aim at. */
const SETTLE = 450;
const FORGET_SENT = 3 * 24 * 3600 * 1000;
const OLD = 60000;
const REFRESH_EVERY = 120000;
/** What of the page is replaced when it is asked for again. */
const PARTS = ["list", "loading", "totals", "cash-total", "partial", "request"];

const $ = (id) => document.getElementById(id);
const address = location.pathname;
const root = address.slice(0, address.lastIndexOf("/s/"));
const store = new Store(document.body.dataset.link);
const sender = new Sender(store, `${root}/api/v1/shared/${address.slice(root.length + 3)}`);
const view = new View(store, sender);
let looked = Date.now();
let page = markup(document);

function tell(words) {
  $("said").textContent = "";
  $("said").textContent = words;
}

// --- confirming

/** The same word about one order of a door, or about several. */
function confirm(orders, what, more = {}) {
  const stop = orders[0].closest(".stop");
  const at = Date.now();
  const { lines: words, ...said } = more;
  const back = view.takeBack(stop);
  let lines = [words, ...back.map((each) => each.words)].filter(Boolean).join(", ") || undefined;
  let empties = back.map(({ container_id, back: count }) => ({ container_id, back: count }));
  const name = stop.dataset.name;
  view.stay.add(stop.id);
  for (const order of orders) {
    const body = {
      order_id: order.dataset.order,
      delivery_date: order.dataset.date,
      status: what === "not_delivered" ? "not_delivered" : "delivered",
      delivered_at: new Date(at).toISOString(),
      device_time: new Date(at).toISOString(),
      client_event_id: uuid(),
      ...said,
      ...(empties.length && { empties }),
    };
    store.put({ key: body.order_id, type: "confirmation", state: "waiting", at, hold: at + UNDO, what, name, lines, body });
    [lines, empties] = [words, []]; // with the first of several: they came back once
  }
  settle();
  show();
  const next = view.next();
  const spoken = [say(`said_${what}`, { name }), next ? say("said_next", { name: next.dataset.name }) : say("all_done")];
  tell(spoken.join(". "));
  toast(spoken[0], orders.map((order) => order.dataset.order));
  view.goOn(stop);
  sender.plan();
}

/** No thumb reaches the list until it lies still. */
function settle() {
  const list = $("list");
  list.classList.add("settling");
  setTimeout(() => list.classList.remove("settling"), SETTLE);
}

async function partly(order) {
  const answer = await askAmounts(order.closest(".stop").dataset.name, order);
  if (!answer) return;
  const more = { ...(answer.notes && { notes: answer.notes }), ...(answer.extra && { extra_items: answer.extra }) };
  if (answer.extra || !answer.full) more.lines = answer.lines;
  if (answer.full) confirm([order], "delivered", more);
  else if (answer.none) confirm([order], "not_delivered", more);
  else confirm([order], "partial", { items: answer.items, ...more });
}

async function notDelivered(order) {
  const answer = await askReason(order.closest(".stop").dataset.name);
  if (!answer) return;
  const lines = [say(`reason_${answer.reason}`), answer.notes].filter(Boolean).join(": ");
  confirm([order], "not_delivered", { reason_code: answer.reason, lines, ...(answer.notes && { notes: answer.notes }) });
}

/** Take back what is not on its way yet; of several what can be. */
function undo(...keys) {
  const back = keys.map((key) => store.get(key)).filter((entry) => entry?.state === "waiting" && !sender.flying.has(entry.key));
  if (!back.length) return;
  for (const { key, body } of back) {
    const stop = document.querySelector(`[data-order="${CSS.escape(key)}"]`)?.closest(".stop");
    if (stop) view.putBack(stop, body.empties);
    store.drop(key);
  }
  $("toast").hidden = true;
  show();
  tell(say("undone", { name: back[0].name }));
  document.querySelector(`[data-order="${CSS.escape(back[0].key)}"]`)?.closest(".stop").querySelector("h2").focus();
  refresh(); // an attempt to send it may have arrived
}

const toasted = () => $("toast").dataset.keys.split(" ");
let fading;
function toast(words, keys) {
  const place = $("toast");
  place.querySelector("p").textContent = words;
  place.dataset.keys = keys.join(" ");
  place.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (place.hidden = true), UNDO);
}

async function request(stop) {
  const name = stop.dataset.name;
  const answer = await askRequest(name);
  if (!answer) return;
  const id = uuid();
  const body = { ...answer.body, customer_id: stop.dataset.customer, client_event_id: id };
  const entry = { key: `request-${id}`, type: "request", state: "waiting", at: Date.now(), hold: 0 };
  store.put({ ...entry, what: answer.kind, name, lines: answer.lines, body });
  tell(say("request_saved", { name }));
  toast(say("request_saved", { name }), [`request-${id}`]);
  sender.kick();
}

async function cash(stop, owes) {
  const name = stop.dataset.name;
  const answer = await askCash(name, owes);
  if (!answer) return;
  const id = uuid();
  const at = Date.now();
  const said = { amount: answer.amount, taken_at: new Date(at).toISOString() };
  const body = { customer_id: stop.dataset.customer, client_event_id: id, ...said };
  const entry = { key: `payment-${id}`, type: "payment", state: "waiting", at, hold: at + UNDO };
  store.put({ ...entry, what: "cash", name, lines: answer.lines, body });
  tell(say("cash_said", { name, amount: answer.lines }));
  toast(say("cash_said", { name, amount: answer.lines }), [`payment-${id}`]);
  show();
  sender.plan();
}

const acts = {
  delivered: (order) => confirm([order], "delivered"),
  partial: partly,
  not_delivered: notDelivered,
  undo: (order) => undo(order.dataset.order),
};

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  if (!act) return;
  if (act.dataset.act === "cash") cash(act.closest(".stop"), act.dataset.owes);
  else if (act.dataset.act === "request") request(act.closest(".stop"));
  else if (act.dataset.act === "more_back" || act.dataset.act === "fewer_back") {
    view.countBack(act.closest("[data-container]"), act.dataset.act === "more_back" ? 1 : -1);
  } else if (act.dataset.act === "at_once") confirm(openOrders(act.closest(".stop")), "delivered");
  else acts[act.dataset.act](act.closest("[data-order]"));
});
$("toast").querySelector("button").addEventListener("click", () => undo(...toasted()));
$("check").addEventListener("click", () => {
  $("rejected-title").focus({ preventScroll: true });
  $("rejected").scrollIntoView({ block: "start" });
});
$("send-now").addEventListener("click", () => sender.kick(true));

// --- what is kept here, what was refused

function showStore() {
  const waiting = store.in("waiting");
  const rejected = store.in("rejected");
  $("unsent").hidden = !waiting.length;
  set($("unsent").querySelector("summary"), say("net_waiting", { n: waiting.length }));
  const frozen = sender.state === "gone" ? "unsent_gone" : sender.state === "pin" ? "unsent_pin" : "unsent_safe";
  set($("unsent").querySelector(".safe"), say(frozen));
  showKept($("unsent").querySelector(".kept"), waiting, (entry) =>
    sender.flying.has(entry.key) ? [] : [[say("undo"), say("undo_for", entry), () => undo(entry.key)]],
  );
  $("rejected").hidden = !rejected.length;
  set($("rejected-title"), say("rejected_title", { n: rejected.length }));
  $("check").hidden = !rejected.length;
  set($("check"), say("rejected_title", { n: rejected.length }));
  showKept($("rejected").querySelector(".kept"), rejected, remedies);
  if ($("toast").hidden || toasted().some((key) => store.get(key)?.state === "waiting")) return;
  $("toast").hidden = true;
}

function remedies(entry) {
  const order = document.querySelector(`[data-order="${CSS.escape(entry.key)}"]`);
  const dismiss = [say("dismiss"), say("dismiss_for", entry), () => store.drop(entry.key)];
  if (!order || (order.dataset.server ?? order.dataset.state) !== "open") return [dismiss];
  const again = () => {
    view.putBack(order.closest(".stop"), entry.body.empties);
    return entry.what === "not_delivered" ? notDelivered(order) : partly(order);
  };
  return [[say("fix"), say("fix_for", entry), again], dismiss];
}

const NET = { trouble: "net_trouble", busy: "net_busy", pin: "pin_again", gone: "gone" };

function showNet() {
  const n = store.in("waiting").length;
  const net = $("net");
  const state = navigator.onLine ? sender.state : "offline";
  const away = state === "offline";
  const words = n ? say(away ? "net_offline_waiting" : "net_waiting", { n }) : say(away ? "net_offline" : "net_sent");
  const over = state === "pin" || state === "gone";
  net.dataset.state = over ? "bad" : away ? "offline" : n ? "waiting" : "sent";
  set(net, n && state === "sending" ? say("net_sending") : words);
  $("send-now").hidden = !n || !["idle", "trouble", "busy"].includes(state);
  const trouble = $("trouble");
  const elsewhere = store.elsewhere();
  const problem = store.broken ? "storage_broken" : over || (n && state !== "sending") ? NET[state] : null;
  trouble.hidden = !problem && !elsewhere;
  set(trouble, problem ? say(problem) : elsewhere ? say("unsent_elsewhere", { n: elsewhere }) : "");
  if (state === "pin" && !trouble.hidden) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = say("pin_enter");
    trouble.append(" ", link);
  }
}

let showing = false;
/** Show once, however many things change in one go. */
function soon() {
  if (showing) return;
  showing = true;
  queueMicrotask(show);
}

function show() {
  showing = false;
  view.show();
  showStore();
  showNet();
}

// --- the newest page, without leaving this one

function markup(of) {
  return PARTS.map((id) => of.getElementById(id)?.outerHTML).join("");
}

/** The page as the server has it now; nothing when there is no network or somebody is typing. */
function refresh(tries = 5) {
  if (!navigator.onLine || document.querySelector("dialog[open]")) return;
  looked = Date.now();
  const ask = new XMLHttpRequest();
  ask.open("GET", address);
  ask.setRequestHeader("Accept", "text/html");
  ask.responseType = "document";
  ask.timeout = 20000;
  // A phone says "online" before it is.
  ask.onerror = ask.ontimeout = () => tries > 1 && setTimeout(refresh, 2000, tries - 1);
  ask.onload = () => take(ask.status, ask.response);
  ask.send();
}

function take(status, fresh) {
  if (status === 401) sender.become("pin");
  if (status === 410 || status === 404) sender.become("gone");
  if (status !== 200 || !fresh?.getElementById("list") || document.querySelector("dialog[open]")) return;
  if (["pin", "gone"].includes(sender.state)) {
    sender.become("idle");
    sender.kick();
  }
  if (fresh.body.dataset.version !== document.body.dataset.version) return location.reload();
  const found = markup(fresh);
  if (found === page) return;
  page = found;
  const top = scrollY;
  for (const id of PARTS) $(id).replaceWith(document.adoptNode(fresh.getElementById(id)));
  document.querySelector("h1").textContent = fresh.querySelector("h1").textContent;
  show();
  scrollTo({ top, behavior: "instant" });
}

// --- start

document.querySelector(".tabs").addEventListener("click", (event) => {
  const name = event.target.closest("button")?.dataset.view;
  if (!name) return;
  choose(name);
});

function choose(name) {
  $("search").value = view.text = "";
  view.choose(name);
  if (name === "search") $("search").focus();
  else if (name === "loading") $("loading-title").focus({ preventScroll: true });
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, textarea") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  choose("search");
});
$("search").addEventListener("input", (event) => view.search(event.target.value));
$("search").form.addEventListener("submit", (event) => (event.preventDefault(), $("search").blur()));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  view.next()?.querySelector("h2").focus();
});

sender.addEventListener("refused", ({ detail: [first] }) => {
  tell(`${say("rejected_title", { n: store.in("rejected").length })}: ${first.name}, ${saying(first)}`);
  refresh();
});
sender.addEventListener("noted", () => refresh());
sender.addEventListener("change", soon);
store.addEventListener("change", soon);
addEventListener("beforeunload", (event) => store.broken && store.in("waiting").length && event.preventDefault());
addEventListener("online", () => refresh());
addEventListener("pageshow", (event) => event.persisted && refresh());
document.addEventListener("visibilitychange", () => !document.hidden && Date.now() - looked > 30000 && refresh());
setInterval(() => !document.hidden && Date.now() - looked >= REFRESH_EVERY && refresh(), REFRESH_EVERY / 4);

for (const entry of store.in("sent")) if (Date.now() - entry.at > FORGET_SENT) store.drop(entry.key);
store.adopt((entry) => document.querySelector(`[data-order="${CSS.escape(entry.key)}"][data-state="open"]`));
document.documentElement.classList.add("ready");
if (location.search) history.replaceState(null, "", address);
show();
sender.kick();
// Where the network was too slow, this is the page of an earlier time.
if (Math.abs(Date.now() - document.body.dataset.at) > OLD) refresh();

const files = document.body.dataset.files.split(" ");
navigator.serviceWorker?.register(`${root}/s/worker.js`, { scope: address }).then(
  () => navigator.serviceWorker.ready.then((found) => found.active.postMessage({ keep: files })),
  () => undefined, // no secure connection: what was tapped is kept all the same
);
