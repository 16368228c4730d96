// The three questions that need more than a tap: how much, why not, what else. Each resolves to the answer, or null.
import { element } from "./kept.js";
import { plain, quantity, rupees, say, thousandths } from "./words.js";

/** As the server has it: what is typed beyond it is a slip. */
const MOST_CASH = 100000;

/** Show a dialog until `read` finds an answer in its form; null when it is closed without. */
function ask(dialog, read) {
  const form = dialog.querySelector("form");
  const wrong = form.querySelector(".wrong");
  wrong.textContent = "";
  return new Promise((resolve) => {
    let answer = null;
    const submit = (event) => {
      event.preventDefault();
      const found = read(form);
      if (typeof found === "string") {
        wrong.textContent = "";
        wrong.textContent = found;
        wrong.scrollIntoView({ block: "nearest" });
        return;
      }
      answer = found;
      dialog.close();
    };
    const cancel = () => dialog.close();
    const backdrop = (event) => event.target === dialog && dialog.close();
    const no = form.querySelector('[value="cancel"]');
    const quiet = () => (wrong.textContent = "");
    form.addEventListener("input", quiet);
    form.addEventListener("submit", submit);
    no.addEventListener("click", cancel);
    dialog.addEventListener("click", backdrop);
    dialog.addEventListener("close", () => {
      form.removeEventListener("input", quiet);
      form.removeEventListener("submit", submit);
      no.removeEventListener("click", cancel);
      dialog.removeEventListener("click", backdrop);
      resolve(answer);
    }, { once: true });
    dialog.showModal();
  });
}

const byId = (id) => document.getElementById(id);
const note = (form) => form.elements.notes.value.trim();

/** How much of each item, and what else: {items: [{product_id, delivered_quantity}…], full, none, extra, lines, notes}. */
export function askAmounts(name, order) {
  const dialog = byId("partial");
  const rows = [...order.querySelectorAll("[data-product]")].map(stepper);
  dialog.querySelector("form").reset();
  dialog.querySelector(".whom").textContent = name;
  dialog.querySelector(".steppers").replaceChildren(...rows.map((row) => row.place));
  return ask(dialog, (form) => {
    for (const row of rows) {
      if (!row.valid()) {
        row.field.focus();
        return say("partial_invalid", { amount: quantity(row.most, row.unit) });
      }
    }
    const none = rows.every((row) => row.amount() === 0);
    const extra = readHanded(form.elements);
    if (typeof extra === "string") return extra;
    if (none && !extra) return say("partial_none");
    return {
      none,
      extra: extra?.items,
      items: rows.map((row) => ({ product_id: row.product, delivered_quantity: (row.amount() / 1000).toFixed(3) })),
      full: rows.every((row) => row.amount() === row.most),
      lines: [...rows.map((row) => row.words()), extra?.lines].filter(Boolean).join(", "),
      notes: note(form),
    };
  });
}

/** What was handed over besides: {items, lines}; null when it was nothing, or nothing may be. */
function readHanded({ extra: product, extra_quantity: amount }) {
  if (!product?.value) return null;
  const handed = thousandths(amount.value.replace(",", "."));
  if (!(handed > 0)) return say("request_quantity_invalid");
  const chosen = product.selectedOptions[0];
  const lines = say("extra_line", { what: `${chosen.textContent}: ${quantity(handed, chosen.dataset.unit)}` });
  return { items: [{ product_id: product.value, quantity: (handed / 1000).toFixed(3) }], lines };
}

function stepper(item) {
  const { product, unit, name: title } = item.dataset;
  const most = thousandths(item.dataset.ordered);
  const step = thousandths(item.dataset.step);
  const place = element("li");
  const heading = element("p", title);
  heading.className = "name";
  heading.append(element("small", say("ordered", { amount: quantity(most, unit) })));
  const field = Object.assign(element("input"), { type: "number", inputMode: "decimal", min: 0, step: "any" });
  field.max = field.value = plain(most);
  field.setAttribute("aria-label", say("amount_of", { product: title }));
  const amount = () => thousandths(field.value.replace(",", "."));
  const less = button("−", say("less", { product: title }), () => put(Math.ceil(amount() / step - 1) * step));
  const more = button("+", say("more_of", { product: title }), () => put(Math.floor(amount() / step + 1) * step));
  const suffix = element("span");
  suffix.setAttribute("aria-hidden", "true");
  const put = (value) => {
    field.value = plain(Math.min(most, Math.max(0, value)));
    limits();
  };
  const limits = () => {
    less.disabled = amount() <= 0;
    more.disabled = amount() >= most;
    suffix.textContent = quantity(amount(), unit).replace(/^[\d.]+\s*/, "");
  };
  field.addEventListener("input", limits);
  limits();
  const middle = element("div");
  middle.className = "field";
  middle.append(field, suffix);
  const control = element("div");
  control.className = "stepper";
  control.append(less, middle, more);
  place.append(heading, control);
  const valid = () => field.value !== "" && amount() >= 0 && amount() <= most;
  const given = () => say("quantity_of", { delivered: plain(amount()), ordered: quantity(most, unit) });
  return { place, field, product, unit, most, amount, valid, words: () => `${title}: ${given()}` };
}

function button(words, label, click) {
  const made = element("button", words);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}

/** Why nothing was delivered: {reason, notes}. */
export function askReason(name) {
  const dialog = byId("reason");
  dialog.querySelector("form").reset();
  dialog.querySelector(".whom").textContent = name;
  return ask(dialog, (form) => {
    const reason = form.elements.reason.value;
    return reason ? { reason, notes: note(form) } : say("reason_missing");
  });
}

/** How much cash was taken: {amount, lines}, the amount in rupees as the server takes it. */
export function askCash(name, owes) {
  const dialog = byId("cash");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.querySelector(".whom").textContent = name;
  form.elements.amount.value = Number(owes) > 0 ? owes : "";
  return ask(dialog, () => {
    const paise = Math.round(Number(form.elements.amount.value.replace(",", ".")) * 100);
    if (!(paise > 0 && paise <= MOST_CASH * 100)) return say("cash_invalid");
    return { amount: (paise / 100).toFixed(2), lines: rupees(paise) };
  });
}

/** What else a customer wants: {kind, body}, the body as the server takes it. */
export function askRequest(name) {
  const dialog = byId("request");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.querySelector("h2").textContent = say("request_title", { name });
  const arrange = () => {
    for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== form.elements.kind.value;
  };
  form.onchange = arrange;
  arrange();
  return ask(dialog, () => readRequest(form.elements));
}

function readRequest(fields) {
  const kind = fields.kind.value;
  const wish = { pause: readPause, stop: readStop, extra_item: readExtra }[kind]?.(fields) ?? say("request_incomplete");
  if (typeof wish === "string") return wish;
  const words = fields.note.value.trim();
  const lines = [wish.lines, words].filter(Boolean).join(" · ");
  return { kind, body: { kind, ...wish.body, ...(words && { note: words }) }, lines };
}

function readPause({ from, to }) {
  if (!from.value) return say("request_incomplete");
  if (to.value && to.value < from.value) return say("request_dates");
  return { body: { from: from.value, to: to.value || null }, lines: `${from.value} – ${to.value || "…"}` };
}

function readStop({ stop_date: day }) {
  return day.value ? { body: { stop_date: day.value }, lines: day.value } : say("request_incomplete");
}

function readExtra({ product, quantity: amount, day }) {
  if (!product.value || !day.value) return say("request_incomplete");
  const wanted = thousandths(amount.value);
  if (!(wanted > 0)) return say("request_quantity_invalid");
  const items = [{ product_id: product.value, quantity: (wanted / 1000).toFixed(3) }];
  const lines = `${product.selectedOptions[0].textContent}: ${plain(wanted)} · ${day.value}`;
  return { body: { delivery_date: day.value, items }, lines };
}
