// What is recorded about looking: totals that only grow, so that a repeated report is harmless.

const ACTIVE_WINDOW_MS = 60_000;
const REPORT_MS = 30_000;
const SCREENS = [[721, "phone"], [1000, "tablet"], [1500, "laptop"]];

export function bindSeen(page) {
  const { data, signal } = page;
  const opened = performance.now();
  const seen = {
    active_ms: Number(data.activeMs),
    clip_ms: Number(data.clipMs),
    clip_failed: false,
    definitions: new Set(),
  };
  document.querySelectorAll(".definition").forEach((sheet) => {
    // Not `toggle`: of a sheet that is opened and closed at once it tells the closing only.
    sheet.addEventListener("beforetoggle", ({ newState }) => newState === "open" && seen.definitions.add(sheet.dataset.question));
  });
  return Object.assign(seen, {
    totals: () => ({
      active_ms: seen.active_ms,
      clip_ms: seen.clip_ms,
      clip_failed: seen.clip_failed,
      definitions: [...seen.definitions],
      screen: SCREENS.find(([below]) => innerWidth < below)?.[1] ?? "desktop",
      opened_ms_ago: Math.round(performance.now() - opened),
    }),
    // Active time: visible, with input or playback within the last minute
    start(player) {
      let lastInput = performance.now();
      let lastTick = lastInput;
      for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
        addEventListener(kind, () => (lastInput = performance.now()), { passive: true, signal });
      }
      const isActive = () => !document.hidden && performance.now() - lastInput < ACTIVE_WINDOW_MS;
      const tick = setInterval(() => {
        const now = performance.now();
        if (player.isPlaying()) lastInput = now;
        if (isActive()) seen.active_ms += Math.round(Math.min(now - lastTick, 2000));
        lastTick = now;
      }, 1000);
      const report = setInterval(() => isActive() && page.queue.flush(), REPORT_MS);
      signal.addEventListener("abort", () => [tick, report].forEach(clearInterval));
    },
  });
}
