// Words about saving: in the bar at the top, and in a notice where something needs the rater.
import { announce, say, text, withLink } from "./words.js";

const WAITING = ["offline", "expired", "closed", "refused"];
const time = (iso) => new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

export class SaveState {
  #kind = "";
  #cleared = () => {};

  constructor({ data, isPreview }) {
    this.login = data.login;
    this.isPreview = isPreview;
    this.notice = document.querySelector("#notice");
    this.bar = document.querySelector("#save-state");
  }

  // Called whenever the notice has become free, so that what waits can be said next.
  onCleared(act) {
    this.#cleared = act;
  }

  say(nodes, { aloud = true } = {}) {
    this.notice.replaceChildren(...nodes);
    this.notice.hidden = nodes.length === 0;
    if (aloud && nodes.length) announce(this.notice.textContent);
    if (!nodes.length) this.#cleared();
  }

  get isFree() {
    return this.notice.hidden;
  }

  show(kind, detail) {
    if (this.isPreview) return;
    const recovered = ["offline", "expired"].includes(this.#kind) && ["saved", "idle"].includes(kind);
    const aloud = kind !== this.#kind;
    if (kind !== "saving") this.#kind = kind;
    if (kind === "saved") this.bar.dataset.savedAt = detail.at;
    this.bar.textContent = this.#bar(kind);
    this.bar.dataset.kind = WAITING.includes(kind) ? "waiting" : "";
    if (kind === "offline") this.say([text(offline(detail))], { aloud });
    if (kind === "expired") this.say(withLink("signed_out", this.login, say("sign_in")), { aloud });
    if (kind === "closed" || kind === "refused") this.say([text(detail.message)], { aloud });
    if (recovered) {
      this.say([]);
      announce(say("sent"));
    }
  }

  #bar(kind) {
    const at = this.bar.dataset.savedAt;
    switch (kind) {
      case "saving": return say("saving");
      case "offline":
      case "expired": return say("waiting");
      case "closed": return say("closed");
      case "refused": return say("not_saved");
      default: return at ? say("saved", { time: time(at) }) : say("nothing");
    }
  }
}

function offline({ count, server }) {
  const why = say(server ? "server" : "offline");
  return count ? `${why} ${say("kept", { count })}` : why;
}
