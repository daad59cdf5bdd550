// Submit and skip: first what is still waiting, then the whole page, then the next one.
import { answersOf } from "./answers.js";
import { focusCriterion } from "./keys.js";
import { post } from "./queue.js";
import { say, text } from "./words.js";

export function bindSubmit(page) {
  const { form, queue, state } = page;
  let busy = false;

  async function act(send) {
    if (busy) return;
    if (page.isPreview) return state.say([text(say("preview"))]);
    busy = true;
    page.saveTyped();
    try {
      await queue.flush();
      if (await send()) return;
    } catch {
      state.show("offline", { count: queue.size });
    }
    busy = false;
  }

  const content = async (response) =>
    response.headers.get("content-type")?.includes("json") ? response.json() : {};

  // True where the next page is on its way.
  async function submit() {
    const sequence = queue.nextSequence();
    const response = await post(form.action, wholePage(sequence));
    const { next, missing, message } = await content(response);
    if (response.ok) {
      queue.forget(sequence);
      page.ahead.goTo(next);
      return true;
    }
    if (response.status === 422) showMissing(missing);
    else if (response.status === 401 || response.status === 403) state.show("expired", {});
    else state.show("refused", { message: message ?? say("not_submitted") });
    return false;
  }

  function wholePage(sequence) {
    const body = new URLSearchParams({ sequence, comment: page.comment.value });
    for (const [question, value] of answersOf(page.fieldsets)) {
      if (value) body.set(question, value);
    }
    return body;
  }

  function showMissing(missing) {
    const has = (fieldset) => missing.some((gap) => gap.question === fieldset.dataset.question);
    page.fieldsets.forEach((fieldset) => {
      fieldset.classList.toggle("is-missing", has(fieldset));
      if (has(fieldset)) fieldset.hidden = false;
    });
    const count = missing.length - 1;
    const more = count ? ` ${say("more_missing", { count })}` : "";
    state.say([text(missing[0].message + more)]);
    const first = page.fieldsets.find(has);
    first?.scrollIntoView({ block: "nearest" });
    if (first) focusCriterion(first);
  }

  page.submit = () => page.isCovered() || act(submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    page.submit();
  });

  const skip = document.querySelector("#skip");
  skip?.addEventListener("submit", (event) => {
    event.preventDefault();
    act(async () => {
      const response = await post(skip.action, new URLSearchParams(new FormData(skip)));
      const { next, message } = await content(response);
      if (response.ok) page.ahead.goTo(next);
      else if (response.status === 401 || response.status === 403) state.show("expired", {});
      else state.show("refused", { message: message ?? say("not_skipped") });
      return response.ok;
    });
  });
}
