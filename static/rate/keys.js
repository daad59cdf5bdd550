// Keys act on the criterion that has the focus; P and ? on the whole page. None acts while typing.

const SETTINGS = "moodeval.keys";
const DEFAULTS = { advance: false, pageKeys: true, play: "p", help: "?" };

export function loadSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(SETTINGS)) };
  } catch {
    return { ...DEFAULTS };
  }
}

export function bindSettings(settings) {
  const show = () => document.querySelectorAll("[data-shows]").forEach((kbd) => {
    kbd.textContent = settings.pageKeys ? settings[kbd.dataset.shows].toUpperCase() : "off";
  });
  document.querySelectorAll("[data-setting]").forEach((input) => {
    const name = input.dataset.setting;
    input.type === "checkbox" ? (input.checked = settings[name]) : (input.value = settings[name]);
    input.addEventListener("change", () => {
      settings[name] = input.type === "checkbox" ? input.checked : input.value.trim().toLowerCase() || DEFAULTS[name];
      if (input.type !== "checkbox") input.value = settings[name];
      try {
        localStorage.setItem(SETTINGS, JSON.stringify(settings));
      } catch {
        // Kept for this page only.
      }
      show();
    });
  });
  show();
}

function isTyping(element) {
  return element?.matches?.("textarea, select, input:not([type=radio], [type=checkbox])") || element?.isContentEditable;
}

function groupOf(radio) {
  return [...document.querySelectorAll(`input[name="${CSS.escape(radio.name)}"]`)];
}

export function focusCriterion(fieldset) {
  const radios = [...fieldset.querySelectorAll(".scale input")];
  (radios.find((radio) => radio.checked) ?? radios[0]).focus();
}

function choose(radio) {
  radio.focus();
  if (!radio.checked) radio.click();
}

function next(fieldset) {
  const all = [...document.querySelectorAll(".crit")];
  const following = all[all.indexOf(fieldset) + 1];
  following ? focusCriterion(following) : document.querySelector("#submit").focus();
}

function step(radio, by) {
  const radios = groupOf(radio);
  const inScale = radio.closest(".scale") ? radios.filter((r) => r.value !== "cannot") : radios;
  const at = inScale.indexOf(radio);
  const target = at < 0 ? inScale[inScale.length - 1] : inScale[Math.min(Math.max(at + by, 0), inScale.length - 1)];
  choose(target);
}

const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function onCriterion(event, fieldset, radio, settings) {
  if (event.key in ARROWS) return step(radio, ARROWS[event.key]), true;
  if (event.key === "Enter") return next(fieldset), true;
  const within = radio.closest(".follow-up") ?? radio.closest(".scale");
  const key = event.key.toLowerCase();
  const found = [...within.querySelectorAll("input")].find((r) => r.dataset.key === key)
    ?? [...fieldset.querySelectorAll(".scale input")].find((r) => r.dataset.key === key);
  if (!found) return false;
  choose(found);
  if (found.value === "cannot") fieldset.querySelector(".reasons input").focus();
  else if (found.value === "tie" && fieldset.querySelector(".ties")) fieldset.querySelector(".ties input").focus();
  else if (settings.advance) next(fieldset);
  return true;
}

export function bindKeys(settings, { submit, play }) {
  document.addEventListener("keydown", (event) => {
    const active = document.activeElement;
    if (event.defaultPrevented || event.isComposing || isTyping(active)) return;
    const sheet = document.querySelector("[popover]:popover-open");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (sheet) return;
      event.preventDefault();
      submit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (settings.pageKeys && key === settings.help) {
      event.preventDefault();
      document.querySelector("#keys").togglePopover();
      return;
    }
    if (sheet) return;
    const radio = active?.matches?.(".crit input[type=radio]") ? active : null;
    if (radio && onCriterion(event, radio.closest(".crit"), radio, settings)) {
      event.preventDefault();
    } else if (settings.pageKeys && key === settings.play) {
      event.preventDefault();
      play();
    }
  });
  // One tab stop a criterion: its (i) joins only while the criterion has the focus.
  document.querySelectorAll(".crit").forEach((fieldset) => {
    const info = fieldset.querySelector("[data-info]");
    if (!info) return;
    info.tabIndex = -1;
    fieldset.addEventListener("focusin", () => (info.tabIndex = 0));
    fieldset.addEventListener("focusout", (event) => {
      if (!fieldset.contains(event.relatedTarget)) info.tabIndex = -1;
    });
  });
}
