// The same item in two tabs: where answers differ, the rater says which one counts. Both were sent,
// each as a version of its own; what is chosen is sent once more, as the newest.
import { setValue, valueOf } from "./answers.js";
import { button, say, text } from "./words.js";

export class OtherTabs {
  #differ = new Map();

  constructor(page) {
    this.page = page;
    if (page.isPreview) return;
    this.channel = new BroadcastChannel(`moodeval.${page.data.rater}`);
    this.channel.addEventListener("message", ({ data }) => this.#hear(data));
    page.signal.addEventListener("abort", () => this.channel.close());
    page.state.onCleared(() => this.#ask());
  }

  tell(question, value) {
    this.#differ.delete(question);
    this.channel?.postMessage({ assignment: this.page.data.assignment, question, value });
  }

  #hear({ assignment, question, value }) {
    if (assignment !== this.page.data.assignment) {
      this.page.ahead.forget(assignment);
      return;
    }
    if (this.#own(question) === value) {
      if (this.#differ.delete(question)) this.page.state.say([]);
      return;
    }
    this.#differ.set(question, value);
    this.#ask();
  }

  #field(question) {
    return this.page.fieldsets.find((fieldset) => fieldset.dataset.question === question);
  }

  #own(question) {
    return question === "comment" ? this.page.comment.value : this.#field(question) && valueOf(this.#field(question));
  }

  #ask() {
    const [question, value] = this.#differ.entries().next().value ?? [];
    if (question === undefined) return;
    const name = this.#field(question)?.querySelector("[data-name]").textContent ?? say("comment");
    this.page.state.say([
      text(say("other_tab", { name })),
      button(say("keep_this"), () => this.#settle(question)),
      button(say("use_other"), () => this.#settle(question, value)),
    ]);
  }

  #settle(question, value = this.#own(question)) {
    const { page } = this;
    const fieldset = this.#field(question);
    if (fieldset) setValue(fieldset, value);
    else page.comment.value = value;
    page.queue.put(question, value);
    this.tell(question, value);
    page.branch();
    page.state.say([]);
  }
}
