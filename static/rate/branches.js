// Questions that are asked only after certain answers to an earlier one.
import { said } from "./answers.js";
import { announce, say } from "./words.js";

export function bindBranches(page) {
  const { fieldsets } = page;
  const byKey = new Map(fieldsets.map((fieldset) => [fieldset.dataset.question, fieldset]));
  const name = (fieldset) => fieldset.querySelector("[data-name]").textContent;

  const isMet = (fieldset) => {
    const earlier = byKey.get(fieldset.dataset.if);
    const wanted = fieldset.dataset.ifValues.split(" ");
    return Boolean(earlier) && !earlier.hidden && said(earlier).some((value) => wanted.includes(value));
  };

  // A follow-up stands behind its question, so that one pass settles whole chains.
  page.branch = () => {
    const changes = [];
    for (const fieldset of fieldsets) {
      if (!fieldset.dataset.if) continue;
      const hidden = !isMet(fieldset);
      if (hidden === fieldset.hidden) continue;
      fieldset.hidden = hidden;
      fieldset.classList.remove("is-missing");
      changes.push(say(hidden ? "no_longer_asked" : "now_asked", { name: name(fieldset) }));
    }
    if (changes.length) announce(changes.join(" "));
  };
}
