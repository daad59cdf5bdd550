// Passages marked in the response: with the mouse, or word by word with the keyboard. Places are
// counted in code points of the whole text, as the server counts them.
import { settle } from "./answers.js";
import { bindWordCursor } from "./word_cursor.js";
import { announce, button, say } from "./words.js";

const points = (content) => [...content].length;
const NOTE_LENGTH = 1000;

// The text that is marked: one piece, or one per line of a dialogue
export class MarkedText {
  constructor(box) {
    this.box = box;
    this.pieces = [...box.querySelectorAll("[data-from]")].map((element) => ({
      node: element.firstChild,
      from: Number(element.dataset.from),
      content: element.textContent,
    })).filter(({ node }) => node);
    this.length = Math.max(...this.pieces.map(({ from, content }) => from + points(content)));
  }

  // Code points before a place in the document; of one outside the pieces, of the nearest piece.
  at(node, offset) {
    const piece = this.pieces.find((one) => one.node === node);
    if (piece) return piece.from + points(piece.content.slice(0, offset));
    const range = document.createRange();
    range.setStart(node, offset);
    const behind = this.pieces.find((one) => range.comparePoint(one.node, 0) >= 0);
    return behind ? behind.from : this.length;
  }

  ranges(start, end) {
    return this.pieces.flatMap(({ node, from, content }) => {
      const first = Math.max(start - from, 0);
      const last = Math.min(end - from, points(content));
      if (first >= last) return [];
      const range = document.createRange();
      range.setStart(node, unit(content, first));
      range.setEnd(node, unit(content, last));
      return [range];
    });
  }

  text(start, end) {
    return this.ranges(start, end).map(String).join(" ");
  }
}

// Code units before a code point
const unit = (content, point) => [...content].slice(0, point).join("").length;

export function bindMarking(page) {
  const box = document.querySelector("[data-markable]");
  const questions = page.fieldsets.filter((fieldset) => fieldset.dataset.form === "spans");
  if (!box || !questions.length) return;
  const marked = new MarkedText(box);

  function draw() {
    if (!CSS.highlights) return;
    const all = questions.filter((f) => !f.hidden).flatMap((f) => f.passages);
    CSS.highlights.set("marked", new Highlight(...all.flatMap((p) => marked.ranges(p.start, p.end))));
  }
  page.signal.addEventListener("abort", () => CSS.highlights?.clear());

  questions.forEach((fieldset) => (fieldset.passages = []));
  for (const fieldset of questions) {
    const kept = fieldset.querySelector(".scale").dataset.answer;
    const list = fieldset.querySelector("[data-passages]");
    fieldset.show = (passages) => {
      fieldset.passages = [...passages].sort((a, b) => a.start - b.start || a.end - b.end);
      list.replaceChildren(...fieldset.passages.map((passage) => line(page, fieldset, marked, passage)));
      draw();
    };
    fieldset.show(kept.startsWith("spans:") ? JSON.parse(kept.slice("spans:".length)) : []);
    fieldset.mark = () => cursor.start(fieldset);
    fieldset.querySelector("[data-mark]").addEventListener("click", fieldset.mark);
  }

  function add(fieldset, start, end) {
    const content = marked.text(start, end);
    if (fieldset.passages.some((p) => p.start === start && p.end === end)) return announce(say("already_marked"));
    fieldset.show([...fieldset.passages, { start, end, note: "" }]);
    changed(page, fieldset);
    announce(say("marked", { text: content }));
  }

  const cursor = bindWordCursor(page, marked, add);
  bindMouse(page, marked, questions, add);
}

function changed(page, fieldset) {
  settle(fieldset, fieldset.querySelector("[data-passages]"));
  page.answer(fieldset);
}

function line(page, fieldset, marked, passage) {
  const quoted = marked.text(passage.start, passage.end);
  const item = document.createElement("li");
  const quote = document.createElement("q");
  quote.textContent = quoted;
  const note = document.createElement("input");
  Object.assign(note, { type: "text", value: passage.note, maxLength: NOTE_LENGTH, placeholder: say("note") });
  note.setAttribute("aria-label", say("note_on", { text: quoted }));
  note.addEventListener("change", () => {
    passage.note = note.value;
    page.answer(fieldset, true);
  });
  const remove = button(say("remove"), () => {
    fieldset.show(fieldset.passages.filter((other) => other !== passage));
    changed(page, fieldset);
    announce(say("removed", { text: quoted }));
    fieldset.querySelector("[data-mark]").focus();
  });
  remove.className = "quiet";
  remove.setAttribute("aria-label", say("remove_it", { text: quoted }));
  item.append(quote, note, remove);
  return item;
}

// What was selected with the mouse can be marked for each question that asks for passages.
function bindMouse(page, marked, questions, add) {
  const bar = document.createElement("p");
  bar.className = "marker";
  bar.hidden = true;
  marked.box.closest(".reply").append(bar);
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    const range = selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    bar.hidden = !range || !range.intersectsNode(marked.box) || !marked.box.contains(range.startContainer);
    if (bar.hidden) return;
    const start = marked.at(range.startContainer, range.startOffset);
    const end = marked.box.contains(range.endContainer) ? marked.at(range.endContainer, range.endOffset) : marked.length;
    const [first, last] = trimmed(marked, start, end);
    if (first >= last) return (bar.hidden = true);
    bar.replaceChildren(...questions.filter((f) => !f.hidden && !f.disabled).map((fieldset) => {
      const name = fieldset.querySelector("[data-name]").textContent;
      return button(say("mark_for", { name }), () => {
        getSelection().removeAllRanges();
        add(fieldset, first, last);
      });
    }));
  }, { signal: page.signal });
  bar.addEventListener("mousedown", (event) => event.preventDefault());
}

// Without white space at the ends
function trimmed(marked, start, end) {
  const whole = new Map(marked.pieces.flatMap(({ from, content }) => [...content].map((c, i) => [from + i, c])));
  const isBlank = (at) => !whole.has(at) || !whole.get(at).trim();
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return [start, end];
}
