// Sends what the store holds, as batches, until the server has it. Repeats are harmless: the server knows each entry by
// its client_event_id. Only an answer of the server's own takes an entry off the list; a lost or strange answer (a
// captive portal's page) is no answer.
export const BATCH = 200;
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60000;
const TIMEOUT = 20000;

export class Sender extends EventTarget {
  /** `state`: idle, sending, offline, trouble (no answer), busy (429, 5xx), pin, gone. */
  constructor(store, api) {
    super();
    Object.assign(this, { store, api, state: "idle", failures: 0, timer: null, running: false });
    Object.assign(this, { flying: new Set(), refused: [] });
    addEventListener("online", () => this.kick());
    addEventListener("offline", () => this.kick());
    document.addEventListener("visibilitychange", () => this.kick(document.hidden));
    addEventListener("pagehide", () => this.kick(true));
  }

  /** What could be sent now; `all`: without the time to undo. */
  due(all = false) {
    return this.store.in("waiting").filter((entry) => all || entry.hold <= Date.now());
  }

  /** Send what is due, now rather than later. */
  kick(all = false) {
    this.failures = 0;
    return this.run(all);
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), delay);
  }

  async run(all = false) {
    if (this.running) {
      if (all) this.again = true;
      return;
    }
    clearTimeout(this.timer);
    if (this.state === "pin" || this.state === "gone") return this.become(this.state);
    if (!navigator.onLine) return this.become("offline");
    this.running = true;
    try {
      await this.alone(() => this.send(all));
    } finally {
      this.running = false;
      this.flying.clear();
    }
    if (this.again && this.state === "idle") {
      this.again = false;
      return this.run(true);
    }
    this.again = false;
    this.plan();
    this.become(this.state);
  }

  /** One page at a time sends, where the browser can tell. */
  alone(work) {
    if (!navigator.locks) return work();
    return navigator.locks.request(this.store.prefix, { ifAvailable: true }, (lock) => (lock ? work() : undefined));
  }

  plan() {
    const waiting = this.store.in("waiting");
    if (!waiting.length || this.state === "pin" || this.state === "gone") return;
    if (this.state === "trouble" || this.state === "busy") {
      const wait = Math.min(FIRST_WAIT * 2 ** this.failures, LONGEST_WAIT) * (0.75 + Math.random() / 2);
      this.failures += 1;
      return this.later(Math.max(wait, this.asked ?? 0));
    }
    this.later(Math.max(250, Math.min(...waiting.map((entry) => entry.hold)) - Date.now()));
  }

  async send(all) {
    let batch = BATCH;
    for (;;) {
      const due = this.due(all);
      const confirmations = due.filter((entry) => entry.type === "confirmation").slice(0, batch);
      const entries = confirmations.length ? confirmations : due.slice(0, 1);
      if (!entries.length) return this.become("idle");
      entries.forEach((entry) => this.flying.add(entry.key));
      this.become("sending");
      const state = confirmations.length ? await this.confirm(entries) : await this.ask(entries[0]);
      this.flying.clear();
      const refused = this.refused.splice(0);
      if (refused.length) this.dispatchEvent(new CustomEvent("refused", { detail: refused }));
      if (state === "split") batch = Math.ceil(entries.length / 2);
      else if (state !== "idle") return this.become(state);
      else this.failures = 0;
    }
  }

  async confirm(entries) {
    const answer = await this.post("confirmations/batch", { confirmations: entries.map((entry) => entry.body) });
    if (answer.state !== "ok") {
      if (answer.state !== "refused") return answer.state;
      if (entries.length > 1) return "split";
      this.settle(entries[0], { outcome: "rejected", ...answer.body });
      return "idle";
    }
    if (!Array.isArray(answer.body.results)) return "trouble";
    const judged = new Map(answer.body.results.map((each) => [each.index, each]));
    const settled = entries.filter((entry, index) => this.settle(entry, judged.get(index)));
    return settled.length ? "idle" : "trouble";
  }

  async ask(entry) {
    const answer = await this.post(entry.type === "payment" ? "payments" : "requests", entry.body);
    if (answer.state !== "ok" && answer.state !== "refused") return answer.state;
    this.settle(entry, answer.state === "ok" ? { outcome: "confirmed" } : { outcome: "rejected", ...answer.body });
    return "idle";
  }

  /** Write down what became of an entry, if it is still the same one. */
  settle(entry, result) {
    const kept = this.store.get(entry.key);
    if (!result || kept?.body.client_event_id !== entry.body.client_event_id) return false;
    const done = result.outcome === "confirmed" || result.outcome === "replayed";
    if (!done && result.outcome !== "rejected") return false;
    if (done && entry.type === "request") this.store.drop(entry.key);
    else if (done && entry.type === "payment") this.noted(kept);
    else if (done) this.store.put({ ...kept, state: "sent" });
    else this.store.put({ ...kept, state: "rejected", code: result.code, detail: result.detail });
    if (!done) this.refused.push(kept);
    return true;
  }

  /** Cash is the server's to tell from here on: the page asks for it anew. */
  noted(entry) {
    this.store.drop(entry.key);
    this.dispatchEvent(new Event("noted"));
  }

  async post(path, body) {
    const text = JSON.stringify(body);
    let answer, parsed;
    try {
      answer = await fetch(`${this.api}/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: text,
        cache: "no-store",
        keepalive: text.length < 30000, // so that it is finished when the page is closed; browsers allow 64 KB
        signal: after(TIMEOUT),
      });
      parsed = await answer.json();
    } catch {
      return { state: navigator.onLine ? "trouble" : "offline" };
    }
    if (answer.ok) return { state: "ok", body: parsed };
    if (typeof parsed?.code !== "string") return { state: "trouble" };
    this.asked = Number(answer.headers.get("Retry-After") ?? 0) * 1000;
    if (parsed.code === "pin_required") return { state: "pin" };
    if (answer.status === 410 || parsed.code === "link_not_found") return { state: "gone" };
    if (answer.status === 429 || answer.status >= 500) return { state: "busy" };
    return { state: "refused", body: parsed };
  }
}

function after(delay) {
  const timer = new AbortController();
  setTimeout(() => timer.abort(), delay);
  return timer.signal;
}
