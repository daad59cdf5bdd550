// The content note: clip and text stay out of sight and out of reach until the rater wants them.
import { announce, say } from "./words.js";

const SHOWN = "moodeval.shown";

export function bindCover({ data, player, queue }) {
  const cover = document.querySelector("#cover");
  if (!cover) return;
  const wanted = recall() === data.assignment && Boolean(data.assignment);

  function show() {
    cover.remove();
    const work = document.querySelector("#work");
    work.classList.remove("is-covered");
    work.inert = false;
    document.querySelector(".foot").inert = false;
    remember(data.assignment ?? "");
  }

  if (wanted || queue.kept().length) show();
  else player.hold();
  cover.querySelector("[data-show]").addEventListener("click", (event) => {
    event.preventDefault();
    show();
    player.release();
    announce(say("shown"));
    document.querySelector("#item").focus();
  });
}

// For this window only: a reload in the middle of an item does not ask again.
function recall() {
  try {
    return sessionStorage.getItem(SHOWN);
  } catch {
    return null;
  }
}

function remember(assignment) {
  try {
    sessionStorage.setItem(SHOWN, assignment);
  } catch {
    // Asked again after a reload.
  }
}
