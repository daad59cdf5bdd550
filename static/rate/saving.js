// Every change of a field is saved: choices at once, words when the rater pauses.
import { isShared, settle, valueOf } from "./answers.js";
import { say, text } from "./words.js";

const TYPING_DELAY_MS = 800;

export function bindSaving(page) {
  const { form, queue, fieldsets, comment, state, signal } = page;
  const timers = new Map();
  const saved = new Map([["comment", comment.value], ...fieldsets.map((f) => [f.dataset.question, valueOf(f)])]);

  function put(question, value, typed) {
    clearTimeout(timers.get(question));
    timers.delete(question);
    if (typed && saved.get(question) === value) return;
    saved.set(question, value);
    queue.put(question, value, { typed });
    page.tabs.tell(question, value);
  }

  page.answer = (fieldset, typed = false) => {
    if (fieldset.classList.contains("is-missing")) state.say([]);
    fieldset.classList.remove("is-missing");
    put(fieldset.dataset.question, valueOf(fieldset), typed);
    page.branch();
  };

  // Words that are still waiting for a pause
  page.saveTyped = () => {
    for (const question of [...timers.keys()]) {
      const fieldset = fieldsets.find((f) => f.dataset.question === question);
      fieldset ? page.answer(fieldset, true) : put("comment", comment.value, true);
    }
  };

  const later = (question) => {
    clearTimeout(timers.get(question));
    timers.set(question, setTimeout(page.saveTyped, TYPING_DELAY_MS));
  };

  form.addEventListener("change", ({ target }) => {
    const fieldset = target.closest(".crit");
    if (!fieldset || target.closest("[data-passages]")) return;
    settle(fieldset, target);
    page.answer(fieldset, "typed" in target.dataset);
    if (target.matches("select")) sayShared(fieldset);
  });
  form.addEventListener("input", ({ target }) => {
    const fieldset = target.closest(".crit");
    if (!fieldset || !("typed" in target.dataset)) return;
    settle(fieldset, target);
    later(fieldset.dataset.question);
  });
  comment.addEventListener("input", () => later("comment"));
  comment.addEventListener("change", () => put("comment", comment.value, true));
  addEventListener("pagehide", () => {
    page.saveTyped();
    queue.flush({ keepalive: true });
  }, { signal });
  signal.addEventListener("abort", () => timers.forEach(clearTimeout));

  // Two responses in one place, where each needs its own
  function sayShared(fieldset) {
    if (!isShared(fieldset)) return;
    const name = fieldset.querySelector("[data-name]").textContent;
    state.say([text(say("place_taken", { name }))]);
  }
}
