// Answers on their way to the server. Each stays in this device's storage until it is received,
// so that neither a lost connection nor a closed window loses one.

const PREFIX = "moodeval.answers.";
const RETRY_MS = 5000;

const memory = new Map();
const store = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? null;
    } catch {
      return memory.get(key) ?? null;
    }
  },
  write(key, value) {
    const empty = Object.keys(value.answers).length === 0;
    empty ? memory.delete(key) : memory.set(key, value);
    try {
      empty ? localStorage.removeItem(key) : localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Storage is full or switched off: memory keeps it while the page is open, and what was
      // stored before must not be read in its place.
      try {
        localStorage.removeItem(key);
      } catch {
        // Switched off: there is nothing to read.
      }
    }
  },
  keys(prefix) {
    const found = new Set([...memory.keys()].filter((key) => key.startsWith(prefix)));
    try {
      Object.keys(localStorage).forEach((key) => key.startsWith(prefix) && found.add(key));
    } catch {
      // As above.
    }
    return [...found];
  },
};

export function csrfToken() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length))
    : document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

// Several people may use one device: what one of them left waiting is never sent as another's.
const person = () => document.body.dataset.person ?? "";
const waitingKeys = (rater) => store.keys(PREFIX + rater)
  .filter((key) => (store.read(key)?.person ?? person()) === person());

export function waitingCount(rater) {
  return waitingKeys(rater)
    .map((key) => Object.keys(store.read(key)?.answers ?? {}).length)
    .reduce((sum, count) => sum + count, 0);
}

export async function post(url, body, options = {}) {
  // The form's own token is outdated once somebody signed in again in another tab.
  if (body instanceof URLSearchParams) body.delete("csrfmiddlewaretoken");
  return fetch(url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "X-CSRFToken": csrfToken(), "X-Person": person(), Accept: "application/json", ...options.headers },
    keepalive: options.keepalive ?? false,
    body,
  });
}

async function send(key, seen, keepalive) {
  const entry = store.read(key) ?? { answers: {} };
  const answers = Object.entries(entry.answers).map(([question, answer]) => ({ question, ...answer }));
  const response = await post(entry.url ?? seen.url, JSON.stringify({ answers, seen: seen?.totals }), {
    headers: { "Content-Type": "application/json" },
    keepalive,
  });
  if (response.ok || response.status === 400 || response.status === 404) {
    // Received, or never acceptable; only what was sent leaves, not what was changed meanwhile.
    const now = store.read(key) ?? entry;
    for (const { question, sequence } of answers) {
      if (now.answers[question]?.sequence === sequence) delete now.answers[question];
    }
    store.write(key, now);
  }
  return response;
}

export async function sendWaiting(rater, except = "") {
  const results = [];
  for (const key of waitingKeys(rater)) {
    if (key !== except) results.push(await send(key, null, false));
  }
  return results;
}

export class AnswerQueue {
  #timer = 0;
  #busy = false;
  #again = false;

  constructor({ rater, assignment, url, sequence, onState, totals }) {
    Object.assign(this, { rater, url, onState, totals });
    this.key = `${PREFIX}${rater}.${assignment}`;
    const kept = Object.values(this.kept()).map((answer) => answer.sequence);
    this.last = Math.max(sequence, ...kept, 0);
    addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => !document.hidden && this.size && this.flush());
  }

  kept() {
    return store.read(this.key)?.answers ?? {};
  }

  get size() {
    return waitingCount(this.rater);
  }

  nextSequence() {
    this.last = Math.max(this.last + 1, Date.now());
    return this.last;
  }

  put(question, value) {
    const entry = store.read(this.key) ?? { url: this.url, person: person(), answers: {} };
    entry.answers[question] = { value, sequence: this.nextSequence() };
    store.write(this.key, entry);
    this.onState("saving", {});
    this.flush();
  }

  // What was submitted; an answer given while the submission was on its way is still to be sent.
  forget(sequence) {
    const entry = store.read(this.key);
    if (!entry) return;
    for (const [question, answer] of Object.entries(entry.answers)) {
      if (answer.sequence <= sequence) delete entry.answers[question];
    }
    store.write(this.key, entry);
  }

  async flush({ keepalive = false } = {}) {
    if (this.#busy && !keepalive) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#busy = true;
    try {
      const others = await sendWaiting(this.rater, this.key);
      const hadAnswers = Object.keys(this.kept()).length > 0;
      const response = await send(this.key, { url: this.url, totals: this.totals() }, keepalive);
      const content = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
      this.#report(response, content, hadAnswers || others.length > 0);
    } catch {
      this.onState("offline", { count: this.size });
      this.#timer = setTimeout(() => this.flush(), RETRY_MS);
    } finally {
      this.#busy = false;
    }
    if (this.#again) {
      this.#again = false;
      await this.flush();
    }
  }

  #report(response, content, hadAnswers) {
    if (response.ok && content.closed) this.onState("closed", { message: content.closed });
    else if (response.ok && hadAnswers && !this.size) this.onState("saved", { at: content.saved_at });
    else if (response.ok) this.onState("idle", {});
    else if (response.status === 401 || response.status === 403) {
      this.onState("expired", { message: content.message });
      this.#timer = setTimeout(() => this.flush(), RETRY_MS);
    } else if (response.status >= 500) {
      this.onState("offline", { count: this.size, server: true });
      this.#timer = setTimeout(() => this.flush(), RETRY_MS);
    } else this.onState("refused", { message: content.message ?? "This answer could not be saved." });
  }
}
