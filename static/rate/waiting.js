// Between items and on the list of studies: sends what is still waiting, and asks before signing out.
import { sendWaiting, waitingCount } from "./queue.js";

const rater = document.body.dataset.rater ?? "";
const notice = document.querySelector("#waiting");

function words(count) {
  return count === 1
    ? "1 answer is kept on this device and will be sent when you are online."
    : `${count} answers are kept on this device and will be sent when you are online.`;
}

async function flush() {
  if (waitingCount(rater)) await sendWaiting(rater).catch(() => {});
  const count = waitingCount(rater);
  if (!notice) return;
  notice.hidden = count === 0;
  notice.textContent = count ? `No connection. ${words(count)}` : "";
}

document.querySelectorAll("form[action$='/logout/']").forEach((form) => {
  form.addEventListener("submit", (event) => {
    const count = waitingCount(rater);
    if (count && !confirm(`${words(count)} Sign out anyway?`)) event.preventDefault();
  });
});
addEventListener("online", flush);
flush();
