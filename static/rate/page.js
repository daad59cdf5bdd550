// One item on the screen, from its first moment until the next one takes its place.
import { Ahead } from "./ahead.js";
import { setValue } from "./answers.js";
import { bindBoxes } from "./boxes.js";
import { bindBranches } from "./branches.js";
import { bindCover } from "./cover.js";
import { bindFlag } from "./flag.js";
import { bindKeys, bindSettings, loadSettings } from "./keys.js";
import { bindMarking } from "./marking.js";
import { bindPlayer } from "./player.js";
import { AnswerQueue } from "./queue.js";
import { bindSaving } from "./saving.js";
import { bindSeen } from "./seen.js";
import { SaveState } from "./state.js";
import { bindSubmit } from "./submit.js";
import { OtherTabs } from "./tabs.js";
import { readWords } from "./words.js";

export function bindPage({ open }) {
  const ending = new AbortController();
  const { signal } = ending;
  const data = document.body.dataset;
  const form = document.querySelector("#answers");
  const page = {
    data,
    form,
    signal,
    open,
    isPreview: "preview" in data,
    words: readWords(),
    fieldsets: [...form.querySelectorAll(".crit")],
    comment: document.querySelector("#comment"),
    isCovered: () => document.querySelector("#work").inert,
  };
  page.state = new SaveState(page);
  page.seen = bindSeen(page);
  page.queue = new AnswerQueue({
    rater: data.rater,
    assignment: data.assignment,
    url: data.save,
    sequence: Number(data.sequence),
    onState: (kind, detail) => page.state.show(kind, detail),
    totals: page.seen.totals,
    silent: page.isPreview,
    signal,
  });
  bindMarking(page);
  bindBranches(page);
  page.tabs = new OtherTabs(page);
  bindSaving(page);
  restoreKept(page);
  page.ahead = new Ahead(page);
  bindSubmit(page);
  bindFlag(page);
  bindBoxes(page);
  page.player = bindPlayer(page, () => page.queue.flush());
  bindCover(page);
  page.seen.start(page.player);
  const settings = loadSettings();
  bindSettings(settings);
  bindKeys(settings, page);
  page.state.show("idle", {});
  page.queue.flush();
  return { leave: () => ending.abort() };
}

// What an earlier, interrupted sitting left on this device
function restoreKept({ queue, fieldsets, comment, branch }) {
  for (const { question, value } of queue.kept()) {
    const fieldset = fieldsets.find((f) => f.dataset.question === question);
    if (fieldset && !fieldset.disabled) setValue(fieldset, value);
    else if (question === "comment") comment.value = value;
  }
  branch();
}
