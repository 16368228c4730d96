// What was tapped and is not yet safe on the server: kept on the phone, one key an entry, so that two open pages never
// overwrite each other's. Keyed by a hash of the link; its token is not stored.
//
// An entry: {key, type: "confirmation" | "request" | "payment", state: "waiting" | "sent" | "rejected", hold (not sent before this
// moment: time to undo), at, what, name, lines, body, code?, detail?}. The key of a confirmation is its order: a later
// word about the same order replaces the earlier one.
const PREFIX = "dairy-round:";

export class Store extends EventTarget {
  constructor(link) {
    super();
    this.prefix = `${PREFIX}${link}:`;
    this.entries = new Map();
    this.broken = false;
    this.read();
    addEventListener("storage", (event) => {
      if (event.key === null || event.key.startsWith(this.prefix)) this.read();
    });
  }

  read() {
    const found = new Map();
    for (const [key, entry] of stored(this.prefix)) found.set(key, entry);
    // What could not be written stands only here.
    for (const [key, entry] of this.entries) if (entry.unwritten && !found.has(key)) found.set(key, entry);
    this.entries = found;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  get(key) {
    return this.entries.get(key);
  }

  /** Entries in this state, the earliest first. */
  in(state) {
    return [...this.entries.values()].filter((entry) => entry.state === state).sort((a, b) => a.at - b.at);
  }

  put(entry) {
    delete entry.unwritten;
    try {
      localStorage.setItem(this.prefix + entry.key, JSON.stringify(entry));
      this.broken = false;
    } catch {
      entry.unwritten = true;
      this.broken = true;
    }
    this.entries.set(entry.key, entry);
    this.changed();
  }

  drop(key) {
    try {
      localStorage.removeItem(this.prefix + key);
    } catch {
      // It cannot be read there either.
    }
    this.entries.delete(key);
    this.changed();
  }

  /** Take over what an earlier link on this phone left unsent for orders that stand on this round too. */
  adopt(isHere) {
    for (const [key, entry, full] of stored(PREFIX)) {
      if (full.startsWith(this.prefix) || entry.state !== "waiting" || !isHere(entry)) continue;
      if (!this.entries.has(key)) this.put(entry);
      if (!this.broken) localStorage.removeItem(full);
    }
  }

  /** How many confirmations other links on this phone still hold. */
  elsewhere() {
    return stored(PREFIX).filter(([, entry, full]) => !full.startsWith(this.prefix) && entry.state === "waiting").length;
  }
}

/** [key, entry, full key] of everything stored below a prefix; what cannot be read is left alone. */
function stored(prefix) {
  const found = [];
  try {
    for (const full of Object.keys(localStorage)) {
      if (!full.startsWith(prefix)) continue;
      try {
        const entry = JSON.parse(localStorage.getItem(full));
        if (entry && entry.key && entry.body) found.push([entry.key, entry, full]);
      } catch {
        // Not ours.
      }
    }
  } catch {
    // A browser that refuses storage: all stays in memory, and the page says so.
  }
  return found;
}

/** A random UUID; the short way exists on secure pages only. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
