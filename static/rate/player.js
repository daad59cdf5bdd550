// The clips of the client's turn, and how long they were played.

const LOADING_AFTER_MS = 800;

export function bindPlayer({ seen, signal }, changed) {
  const figure = document.querySelector("#player");
  if (!figure) return { play() {}, isPlaying: () => false, hold() {}, release() {} };
  const clips = [...figure.querySelectorAll("video, audio")];
  const buttons = [...figure.querySelectorAll("[data-clip]")];
  const loading = figure.querySelector("#player-state");
  const failed = figure.querySelector("#player-failed");
  let current = clips[0];
  let held = false;
  signal.addEventListener("abort", () => clips.forEach((clip) => clip.pause()));

  function show(clip) {
    clips.forEach((other) => other !== clip && other.pause());
    current = clip;
    clips.forEach((other) => other.classList.toggle("is-current", other === clip));
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(clips[index] === clip)));
    if (clip.error) fail();
    else failed.hidden = true;
  }

  function waitIfSlow() {
    setTimeout(() => {
      loading.hidden = held || current.readyState >= 2 || Boolean(current.error) || !failed.hidden;
    }, LOADING_AFTER_MS);
  }

  function fail() {
    loading.hidden = true;
    failed.hidden = false;
    seen.clip_failed = true;
    changed();
  }

  clips.forEach((clip, index) => {
    let last = null;
    clip.addEventListener("loadeddata", () => (loading.hidden = true));
    clip.addEventListener("playing", () => ((loading.hidden = true), (last = clip.currentTime)));
    clip.addEventListener("waiting", waitIfSlow);
    clip.addEventListener("error", () => clip === current && fail());
    clip.addEventListener("seeking", () => (last = null));
    clip.addEventListener("timeupdate", () => {
      const step = last === null ? 0 : clip.currentTime - last;
      if (step > 0 && step < 2) seen.clip_ms += Math.round(step * 1000);
      last = clip.currentTime;
    });
    clip.addEventListener("ended", () => {
      if (clips[index + 1]) {
        show(clips[index + 1]);
        current.play().catch(() => {});
      }
    });
    Array.from(clip.textTracks).forEach((track) => (track.mode = "showing"));
  });
  buttons.forEach((button, index) => button.addEventListener("click", () => {
    figure.classList.remove("is-given-up");
    show(clips[index]);
    current.play().catch(() => {});
  }));
  figure.querySelector("[data-retry]").addEventListener("click", () => {
    failed.hidden = true;
    current.load();
    waitIfSlow();
    current.focus();
  });
  figure.querySelector("[data-transcript]").addEventListener("click", () => {
    failed.hidden = true;
    figure.classList.add("is-given-up");
  });
  show(current);
  waitIfSlow();
  return {
    play: () => (current.paused ? current.play().catch(() => {}) : current.pause()),
    isPlaying: () => !current.paused && !current.ended,
    // Behind a content note nothing is said of the clip.
    hold() {
      held = true;
    },
    release() {
      held = false;
      if (!current.error) waitIfSlow();
    },
  };
}
