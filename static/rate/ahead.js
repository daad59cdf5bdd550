// The next item, fetched while the rater works on this one: its page, and its clips as bytes in
// memory (they are sent no-store). Memory of one item only.

const QUIET_MS = 1500;
const FRESH_MS = 20 * 60_000;
const MOST_BYTES = 80 * 1024 * 1024;

export class Ahead {
  #next = null;

  constructor(page) {
    this.page = page;
    this.signal = page.signal;
    if (page.isPreview) return;
    const timer = setTimeout(() => this.#fetch().catch(() => {}), QUIET_MS);
    page.signal.addEventListener("abort", () => clearTimeout(timer));
  }

  // Another tab changed it: what was fetched is no longer true.
  forget(assignment) {
    if (this.#next?.url.includes(assignment)) this.#drop();
  }

  goTo(url) {
    const next = this.#next;
    const isHere = next && new URL(url, location.href).href === next.url && performance.now() - next.at < FRESH_MS;
    if (!isHere) return location.assign(url);
    this.#next = null;
    for (const [media, address] of next.clips) media.src = address;
    freeAfterwards(next.clips.values());
    this.page.open(next.document, next.url);
  }

  async #fetch() {
    const { url } = await (await this.#get(this.page.data.nextUrl, "application/json")).json();
    if (!url) return;
    const response = await this.#get(url, "text/html");
    if (response.redirected) return;
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!parsed.body.dataset.assignment) return;
    const next = { url: response.url, document: parsed, at: performance.now(), clips: new Map() };
    this.#next = next;
    this.signal.addEventListener("abort", () => this.#drop());
    let bytes = 0;
    for (const media of parsed.querySelectorAll("video[src], audio[src]")) {
      const blob = await (await this.#get(media.getAttribute("src"), "*/*")).blob();
      bytes += blob.size;
      if (this.#next !== next || bytes > MOST_BYTES) return;
      next.clips.set(media, URL.createObjectURL(blob));
    }
  }

  async #get(url, accept) {
    const response = await fetch(url, {
      credentials: "same-origin",
      headers: { Accept: accept, "X-Person": this.page.data.person },
      signal: this.signal,
      priority: "low",
    });
    if (!response.ok) throw new Error(response.statusText);
    return response;
  }

  #drop() {
    this.#next?.clips.forEach((address) => URL.revokeObjectURL(address));
    this.#next = null;
  }
}

// The clips of the item that is now on the screen; freed when the one after it comes.
let shown = [];
function freeAfterwards(addresses) {
  shown.forEach((address) => URL.revokeObjectURL(address));
  shown = [...addresses];
}
