// The rating page: answers are saved one by one, and the whole form is sent with Submit.
import { bindKeys, bindSettings, focusCriterion, loadSettings } from "./rate/keys.js";
import { bindPlayer } from "./rate/player.js";
import { AnswerQueue, post } from "./rate/queue.js";

const ACTIVE_WINDOW_MS = 60_000;
const REPORT_MS = 30_000;
const COMMENT_DELAY_MS = 800;

document.documentElement.classList.add("js");
const page = document.body.dataset;
const form = document.querySelector("#answers");
const notice = document.querySelector("#notice");
const live = document.querySelector("#live");
const saveState = document.querySelector("#save-state");
const fieldsets = [...form.querySelectorAll(".crit")];
const comment = document.querySelector("#comment");
const opened = performance.now();

// What is recorded about looking: totals that only grow, so that a repeated report is harmless.
const seen = {
  active_ms: Number(page.activeMs),
  clip_ms: Number(page.clipMs),
  clip_failed: false,
  definitions: new Set(),
};
const screenClass = () => [[721, "phone"], [1000, "tablet"], [1500, "laptop"]]
  .find(([below]) => window.innerWidth < below)?.[1] ?? "desktop";
const totals = () => ({
  ...seen,
  definitions: [...seen.definitions],
  screen: screenClass(),
  opened_ms_ago: Math.round(performance.now() - opened),
});

// Words about saving
const time = (iso) => new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
let stateKind = "";

function say(html, { announce = true } = {}) {
  notice.replaceChildren(...html);
  notice.hidden = html.length === 0;
  if (announce && html.length) live.textContent = notice.textContent;
}

function showState(kind, detail) {
  const recovered = ["offline", "expired"].includes(stateKind) && ["saved", "idle"].includes(kind);
  if (kind === "saving") saveState.textContent = "Saving";
  if (kind === "saved") {
    saveState.textContent = `Saved ${time(detail.at)}`;
    saveState.dataset.savedAt = detail.at;
  }
  if (kind === "idle") showSavedAt();
  if (kind === "offline") {
    saveState.textContent = "Not sent yet";
    const many = detail.count === 1 ? "1 answer is" : `${detail.count} answers are`;
    const why = detail.server ? "The server does not answer." : "No connection.";
    const kept = detail.count ? `${many} kept on this device and will be sent when you are online.` : "";
    say([text(`${why} ${kept}`)], { announce: kind !== stateKind });
  }
  if (kind === "expired") {
    saveState.textContent = "Not sent yet";
    say([
      text("You were signed out. Your answers are kept here; "),
      link(page.login, "sign in"),
      text(" to send them."),
    ], { announce: kind !== stateKind });
  }
  if (kind === "closed" || kind === "refused") {
    saveState.textContent = kind === "closed" ? "Closed" : "Not saved";
    say([text(detail.message)]);
  }
  saveState.dataset.kind = ["offline", "expired", "closed", "refused"].includes(kind) ? "waiting" : "";
  if (recovered) {
    say([]);
    live.textContent = "Your answers have been sent.";
  }
  stateKind = kind === "saving" ? stateKind : kind;
}

function showSavedAt() {
  const at = saveState.dataset.savedAt;
  saveState.textContent = at ? `Saved ${time(at)}` : "Nothing answered yet";
}

function text(words) {
  return document.createTextNode(words);
}

function link(url, words) {
  const a = document.createElement("a");
  Object.assign(a, { href: url, textContent: words, target: "_blank", rel: "noopener" });
  return a;
}

function button(words, act) {
  const b = document.createElement("button");
  Object.assign(b, { type: "button", textContent: words });
  b.addEventListener("click", act);
  return b;
}

// Answers as the server reads them
const radios = (fieldset, part) => [...fieldset.querySelectorAll(`${part} input`)];
const picked = (fieldset, part) => radios(fieldset, part).find((radio) => radio.checked)?.value ?? "";

function valueOf(fieldset) {
  const value = picked(fieldset, ".scale");
  if (value === "cannot") return picked(fieldset, ".reasons") && `cannot:${picked(fieldset, ".reasons")}`;
  if (value === "tie" && picked(fieldset, ".ties")) return `tie:${picked(fieldset, ".ties")}`;
  return value;
}

function setValue(fieldset, value) {
  const [head, detail = ""] = value.split(":");
  radios(fieldset, ".scale").forEach((radio) => (radio.checked = radio.value === head));
  radios(fieldset, ".reasons").forEach((r) => (r.checked = head === "cannot" && r.value === detail));
  radios(fieldset, ".ties").forEach((r) => (r.checked = head === "tie" && r.value === detail));
}

const queue = new AnswerQueue({
  rater: page.rater,
  assignment: page.assignment,
  url: page.save,
  sequence: Number(page.sequence),
  onState: showState,
  totals,
});
const otherTabs = new BroadcastChannel(`moodeval.${page.assignment}`);

function answer(fieldset) {
  const question = fieldset.dataset.question;
  const value = valueOf(fieldset);
  if (fieldset.classList.contains("is-missing")) say([]);
  fieldset.classList.remove("is-missing");
  queue.put(question, value);
  otherTabs.postMessage({ question, value });
}

otherTabs.addEventListener("message", ({ data }) => {
  const fieldset = fieldsets.find((f) => f.dataset.question === data.question);
  if (!fieldset || valueOf(fieldset) === data.value) return;
  const name = fieldset.querySelector("legend").textContent;
  say([
    text(`${name} has a different answer in another tab.`),
    button("Keep this", () => (say([]), answer(fieldset))),
    button("Use the other", () => (say([]), setValue(fieldset, data.value))),
  ]);
});

form.addEventListener("change", (event) => {
  const fieldset = event.target.closest(".crit");
  if (!fieldset) return;
  if (event.target.closest(".scale")) {
    if (event.target.value !== "cannot") radios(fieldset, ".reasons").forEach((r) => (r.checked = false));
    if (event.target.value !== "tie") radios(fieldset, ".ties").forEach((r) => (r.checked = false));
  }
  answer(fieldset);
});

let commentTimer = 0;
comment.addEventListener("input", () => {
  clearTimeout(commentTimer);
  commentTimer = setTimeout(saveComment, COMMENT_DELAY_MS);
});
comment.addEventListener("change", saveComment);
let savedComment = comment.value;
function saveComment() {
  clearTimeout(commentTimer);
  if (comment.value === savedComment) return;
  savedComment = comment.value;
  queue.put("comment", comment.value);
}

// What an earlier, interrupted sitting left on this device
for (const [question, { value }] of Object.entries(queue.kept())) {
  const fieldset = fieldsets.find((f) => f.dataset.question === question);
  if (fieldset) setValue(fieldset, value);
  else if (question === "comment") comment.value = value;
}

// Submit
let submitting = false;
async function submit() {
  if (submitting) return;
  submitting = true;
  saveComment();
  try {
    await queue.flush();
    const sequence = queue.nextSequence();
    form.elements.sequence.value = sequence;
    const response = await post(form.action, new URLSearchParams(new FormData(form)));
    const content = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
    if (response.ok) {
      queue.forget(sequence);
      location.assign(content.next);
      return;
    }
    if (response.status === 422) showMissing(content.missing);
    else if (response.status === 401 || response.status === 403) showState("expired", {});
    else showState("refused", { message: content.message ?? "The item could not be submitted. Try again." });
  } catch {
    showState("offline", { count: queue.size });
  }
  submitting = false;
}

function showMissing(missing) {
  fieldsets.forEach((f) => f.classList.toggle("is-missing", missing.some((gap) => gap.question === f.dataset.question)));
  const rest = missing.length - 1;
  const more = rest ? ` ${rest} more ${rest === 1 ? "has" : "have"} none.` : "";
  say([text(missing[0].message + more)]);
  const first = document.querySelector(`#q-${CSS.escape(missing[0].question)}`);
  first.scrollIntoView({ block: "nearest" });
  focusCriterion(first);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

// Flag: stays on the page
const flag = document.querySelector("#flag");
const flagSent = document.querySelector("#flag-sent");
flag.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const response = await post(flag.action, new URLSearchParams(new FormData(flag)));
    if (!response.ok) throw new Error(response.statusText);
    flag.hidden = true;
    flagSent.hidden = false;
    flagSent.focus();
  } catch {
    say([text("The flag was not sent. Check your connection and send it again.")]);
    flag.querySelector("button").focus();
  }
});
document.querySelector("#flag-box").addEventListener("toggle", ({ newState }) => {
  if (newState === "open") return;
  if (flag.hidden) flag.reset();
  flag.hidden = false;
  flagSent.hidden = true;
});

// Definitions opened
document.querySelectorAll(".definition").forEach((sheet) => {
  sheet.addEventListener("toggle", ({ newState }) => newState === "open" && seen.definitions.add(sheet.dataset.question));
});

// The guiding question of the focused criterion, shared by the narrow rows of the pairwise page
const focused = document.querySelector("#focused-question");
function showQuestion(fieldset) {
  if (focused) focused.textContent = fieldset.querySelector(".crit__ask").textContent;
}
fieldsets.forEach((fieldset) => fieldset.addEventListener("focusin", () => showQuestion(fieldset)));
showQuestion(fieldsets[0]);

// Boxes that hold more than they show
function markMore(box) {
  const more = box.scrollHeight - box.clientHeight - box.scrollTop > 4;
  box.toggleAttribute("data-more", more);
  if (box.scrollHeight > box.clientHeight + 4) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}
const before = document.querySelector("#before");
before.scrollTop = before.scrollHeight;
document.querySelectorAll(".scrollbox").forEach((box) => {
  box.addEventListener("scroll", () => markMore(box), { passive: true });
  new ResizeObserver(() => markMore(box)).observe(box);
});

// Active time: visible, with input or playback within the last minute
const player = bindPlayer(seen, () => queue.flush());
let lastInput = performance.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => (lastInput = performance.now()), { passive: true });
}
let lastTick = performance.now();
setInterval(() => {
  const now = performance.now();
  if (player.isPlaying()) lastInput = now;
  const step = Math.min(now - lastTick, 2000);
  if (!document.hidden && now - lastInput < ACTIVE_WINDOW_MS) seen.active_ms += Math.round(step);
  lastTick = now;
}, 1000);
setInterval(() => !document.hidden && performance.now() - lastInput < ACTIVE_WINDOW_MS && queue.flush(), REPORT_MS);
addEventListener("pagehide", () => queue.flush({ keepalive: true }));

const settings = loadSettings();
bindSettings(settings);
bindKeys(settings, { submit, play: player.play });
showSavedAt();
queue.flush();
