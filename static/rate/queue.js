// Answers on their way to the server. Each stays in this device's storage until it is received,
// so that neither a lost connection nor a closed window loses one.

import { say } from "./words.js";

const PREFIX = "moodeval.answers.";
const RETRY_MS = 5000;
const TIMEOUT_MS = 20_000;
const AT_ONCE = 50;

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
    const empty = value.answers.length === 0;
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

// Questions with an answer that waits, however often it was changed
export function waitingCount(rater) {
  return waitingKeys(rater)
    .map((key) => new Set((store.read(key)?.answers ?? []).map(({ question }) => question)).size)
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
    signal: AbortSignal.timeout(TIMEOUT_MS),
    body,
  });
}

const postAnswers = (url, answers, seen, keepalive) => {
  const sent = answers.map(({ question, value, sequence }) => ({ question, value, sequence }));
  const headers = { "Content-Type": "application/json" };
  return post(url, JSON.stringify({ answers: sent, seen }), { headers, keepalive });
};

// Two versions of one answer never go in one request: each is to leave its trace in the history.
function parts(answers) {
  const found = [[]];
  for (const answer of answers) {
    const last = found.at(-1);
    const isFull = last.length === AT_ONCE || last.some(({ question }) => question === answer.question);
    isFull ? found.push([answer]) : last.push(answer);
  }
  return found;
}

// In the order given. Where one of several cannot be read, each is sent on its own, so that only
// that one is lost.
async function send(key, seen, keepalive) {
  const entry = store.read(key) ?? { answers: [] };
  const url = entry.url ?? seen.url;
  let response = null;
  for (const part of parts(entry.answers)) {
    response = await postAnswers(url, part, seen?.totals, keepalive);
    if (response.status === 400 && part.length > 1) {
      for (const answer of part) {
        const single = await postAnswers(url, [answer], undefined, keepalive);
        settled(key, [answer], single);
        if (!single.ok) response = single;
      }
    } else settled(key, part, response);
    if (!response.ok) break;
  }
  return response;
}

// Received, or never acceptable; only what was sent leaves, not what was added meanwhile.
function settled(key, sent, response) {
  if (!response.ok && response.status !== 400 && response.status !== 404) return;
  const now = store.read(key);
  if (!now) return;
  const gone = new Set(sent.map(({ question, sequence }) => `${question} ${sequence}`));
  now.answers = now.answers.filter(({ question, sequence }) => !gone.has(`${question} ${sequence}`));
  store.write(key, now);
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
  #running = null;
  #following = null;
  #tab = Math.random().toString(36).slice(2);

  constructor({ rater, assignment, url, sequence, onState, totals, silent, signal }) {
    Object.assign(this, { rater, url, onState, totals, silent, signal });
    this.key = `${PREFIX}${rater}.${assignment}`;
    this.last = Math.max(sequence, ...this.kept().map((answer) => answer.sequence), 0);
    if (silent) return;
    addEventListener("online", () => this.flush(), { signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.size && this.flush(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  // Every version that waits, in the order given
  kept() {
    return this.silent ? [] : store.read(this.key)?.answers ?? [];
  }

  get size() {
    return waitingCount(this.rater);
  }

  nextSequence() {
    this.last = Math.max(this.last + 1, Date.now());
    return this.last;
  }

  // Each choice is a version of its own, in each tab. Of words only the newest that waits is kept.
  put(question, value, { typed = false } = {}) {
    if (this.silent) return;
    const entry = store.read(this.key) ?? { url: this.url, person: person(), answers: [] };
    const isOlder = (answer) => typed && answer.question === question && answer.tab === this.#tab;
    entry.answers = entry.answers.filter((answer) => !isOlder(answer));
    entry.answers.push({ question, value, sequence: this.nextSequence(), tab: this.#tab });
    store.write(this.key, entry);
    this.onState("saving", {});
    this.flush();
  }

  // What was submitted; an answer given while the submission was on its way is still to be sent.
  forget(sequence) {
    const entry = store.read(this.key);
    if (!entry) return;
    entry.answers = entry.answers.filter((answer) => answer.sequence > sequence);
    store.write(this.key, entry);
  }

  // Resolves when everything that was put before the call has been sent, or could not be.
  flush({ keepalive = false } = {}) {
    if (this.silent) return Promise.resolve();
    if (keepalive) return this.#send(true);
    if (!this.#running) {
      this.#running = this.#send(false).finally(() => (this.#running = null));
      return this.#running;
    }
    this.#following ??= this.#running.then(() => {
      this.#following = null;
      return this.flush();
    });
    return this.#following;
  }

  async #send(keepalive) {
    clearTimeout(this.#timer);
    try {
      const others = await sendWaiting(this.rater, this.key);
      const hadAnswers = this.kept().length > 0;
      const response = await send(this.key, { url: this.url, totals: this.totals() }, keepalive);
      const content = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
      this.#report(response, content, hadAnswers || others.length > 0);
    } catch {
      this.#tell("offline", { count: this.size });
      this.#retry();
    }
  }

  #tell(kind, detail) {
    if (!this.signal.aborted) this.onState(kind, detail);
  }

  #retry() {
    if (!this.signal.aborted) this.#timer = setTimeout(() => this.flush(), RETRY_MS);
  }

  #report(response, content, hadAnswers) {
    if (response.ok && content.closed) this.#tell("closed", { message: content.closed });
    else if (response.ok && hadAnswers && !this.size) this.#tell("saved", { at: content.saved_at });
    else if (response.ok) this.#tell("idle", {});
    else if (response.status === 401 || response.status === 403) {
      this.#tell("expired", { message: content.message });
      this.#retry();
    } else if (response.status >= 500) {
      this.#tell("offline", { count: this.size, server: true });
      this.#retry();
    } else this.#tell("refused", { message: content.message ?? say("refused") });
  }
}
