// The words of this page's language, as the server put them into it.
const texts = JSON.parse(document.getElementById("words").textContent);

/** The text of a key with what stands in its braces. */
export function say(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Why something was not accepted, in this language where it knows the code. */
export function why(code, detail) {
  return texts[`code_${code}`] ?? say("code_other", { detail: detail || code });
}

// Quantities are counted in thousandths: 0.1 + 0.2 must be 0.3.
export const thousandths = (text) => Math.round(Number(text) * 1000);
export const plain = (amount) => String(amount / 1000);

/** "1.5 L", "3 packets". */
export function quantity(amount, unit) {
  const key = amount === 1000 ? `unit_${unit}_one` : `unit_${unit}`;
  return key in texts ? say(key, { n: plain(amount) }) : `${plain(amount)} ${unit}`;
}

/** "₹ 1,23,456.50", of an amount in paise. */
export function rupees(paise) {
  return `₹ ${(paise / 100).toLocaleString("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** A time of the day on this phone's clock. */
export function clock(moment) {
  const at = new Date(moment);
  return [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}
