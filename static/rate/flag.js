// A flag goes to the study team without leaving the item.
import { post } from "./queue.js";
import { say, text } from "./words.js";

export function bindFlag({ state }) {
  const flag = document.querySelector("#flag");
  if (!flag) return;
  const sent = document.querySelector("#flag-sent");
  flag.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const response = await post(flag.action, new URLSearchParams(new FormData(flag)));
      if (!response.ok) throw new Error(response.statusText);
      const { message } = await response.json();
      document.querySelector("#flag-promise").textContent = message ?? say("flag_sent");
      flag.hidden = true;
      sent.hidden = false;
      sent.focus();
    } catch {
      state.say([text(say("flag_failed"))]);
      flag.querySelector("button").focus();
    }
  });
  document.querySelector("#flag-box").addEventListener("toggle", ({ newState }) => {
    if (newState === "open") return;
    if (flag.hidden) flag.reset();
    flag.hidden = false;
    sent.hidden = true;
  });
}
