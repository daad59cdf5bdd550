// Between items and on the list of studies: sends what is still waiting, and asks before signing out.
import { sendWaiting, waitingCount } from "./queue.js";
import { readWords, say } from "./words.js";

const rater = document.body.dataset.rater ?? "";
const notice = document.querySelector("#waiting");

readWords();

async function flush() {
  if (waitingCount(rater)) await sendWaiting(rater).catch(() => {});
  const count = waitingCount(rater);
  if (!notice) return;
  notice.hidden = count === 0;
  notice.textContent = count ? `${say("offline")} ${say("kept", { count })}` : "";
}

document.querySelectorAll("form[action$='/logout/']").forEach((form) => {
  form.addEventListener("submit", (event) => {
    const count = waitingCount(rater);
    if (count && !confirm(`${say("kept", { count })} ${say("sign_out_anyway")}`)) event.preventDefault();
  });
});
addEventListener("online", flush);
flush();
