// A cursor that moves by word through the response, for marking without a mouse.
import { announce, say } from "./words.js";

function wordsOf(marked) {
  return marked.pieces.flatMap(({ from, content }) =>
    [...content.matchAll(/\S+/gu)].map((found) => {
      const start = from + [...content.slice(0, found.index)].length;
      return { start, end: start + [...found[0]].length };
    }));
}

export function bindWordCursor({ signal }, marked, add) {
  const words = wordsOf(marked);
  const { box } = marked;
  let asking = null;
  let from = 0;
  let to = 0;

  const chosen = () => [words[Math.min(from, to)].start, words[Math.max(from, to)].end];

  function show() {
    const ranges = marked.ranges(...chosen());
    CSS.highlights?.set("cursor", new Highlight(...ranges));
    ranges[0].startContainer.parentElement.scrollIntoView({ block: "nearest" });
    announce(marked.text(...chosen()));
  }

  function stop() {
    const back = asking;
    asking = null; // first: the focus leaves with the tab stop
    box.removeAttribute("tabindex");
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
    CSS.highlights?.delete("cursor");
    return back;
  }

  function move(by, extend) {
    to = Math.min(Math.max(to + by, 0), words.length - 1);
    if (!extend) from = to;
    show();
  }

  const KEYS = {
    ArrowRight: ({ shiftKey }) => move(1, shiftKey),
    ArrowLeft: ({ shiftKey }) => move(-1, shiftKey),
    ArrowDown: ({ shiftKey }) => move(10, shiftKey),
    ArrowUp: ({ shiftKey }) => move(-10, shiftKey),
    Home: ({ shiftKey }) => move(-words.length, shiftKey),
    End: ({ shiftKey }) => move(words.length, shiftKey),
    Enter: () => add(asking, ...chosen()),
    Escape: () => stop().querySelector("[data-mark]").focus(),
  };

  box.addEventListener("keydown", (event) => {
    if (!asking || !(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key](event);
  }, { signal });
  box.addEventListener("blur", () => asking && stop());

  return {
    start(fieldset) {
      if (!words.length) return;
      asking = fieldset;
      box.tabIndex = 0;
      box.setAttribute("role", "application");
      box.setAttribute("aria-label", say("text_to_mark"));
      box.focus();
      from = to = Math.min(to, words.length - 1);
      show();
    },
  };
}
