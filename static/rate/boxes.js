// Boxes that hold more than they show, and the guiding question that narrow rows share.

export function bindBoxes({ fieldsets, signal }) {
  const before = document.querySelector("#before");
  if (before) before.scrollTop = before.scrollHeight;
  document.querySelectorAll(".scrollbox").forEach((box) => {
    const mark = () => markMore(box);
    box.addEventListener("scroll", mark, { passive: true });
    const observer = new ResizeObserver(mark);
    observer.observe(box);
    signal.addEventListener("abort", () => observer.disconnect());
  });
  const shared = document.querySelector("#focused-question");
  if (!shared || !fieldsets.length) return;
  const show = (fieldset) => (shared.textContent = fieldset.querySelector(".crit__ask").textContent);
  fieldsets.forEach((fieldset) => fieldset.addEventListener("focusin", () => show(fieldset)));
  show(fieldsets[0]);
}

function markMore(box) {
  box.toggleAttribute("data-more", box.scrollHeight - box.clientHeight - box.scrollTop > 4);
  if (box.querySelector("input")) return; // the keyboard scrolls it with the focus
  if (box.scrollHeight > box.clientHeight + 4) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}
