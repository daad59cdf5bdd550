// Keys act on the criterion that has the focus; P and ? on the whole page. None acts while typing.
import { places } from "./answers.js";
import { say } from "./words.js";

const SETTINGS = "moodeval.keys";
const DEFAULTS = { advance: false, pageKeys: true, play: "p", help: "?" };
const FIELDS = ".scale input:not([data-typed]), .scale textarea, .scale input[data-typed], .scale select, .scale button";

export function loadSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(SETTINGS)) };
  } catch {
    return { ...DEFAULTS };
  }
}

export function bindSettings(settings) {
  const show = () => document.querySelectorAll("[data-shows]").forEach((kbd) => {
    kbd.textContent = settings.pageKeys ? settings[kbd.dataset.shows].toUpperCase() : say("key_off");
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

const isTyping = (element) =>
  element?.matches?.("textarea, input:not([type=radio], [type=checkbox])") || element?.isContentEditable;

const isShown = (element) => element.getClientRects().length > 0;
const fieldsOf = (fieldset) => [...fieldset.querySelectorAll(FIELDS)].filter(isShown);

export function focusCriterion(fieldset) {
  const fields = fieldsOf(fieldset);
  const unplaced = places(fieldset).find((select) => !select.value);
  (fields.find((field) => field.checked) ?? unplaced ?? fields[0]).focus();
}

function choose(input) {
  input.focus();
  if (input.type === "checkbox" || !input.checked) input.click();
}

function next(fieldset) {
  const all = [...document.querySelectorAll(".crit:not([hidden], :disabled)")];
  const following = all[all.indexOf(fieldset) + 1];
  following ? focusCriterion(following) : document.querySelector("#submit").focus();
}

// Arrows choose among radio buttons; among boxes and places they only move.
function step(field, by) {
  const group = field.type === "radio"
    ? [...document.querySelectorAll(`input[name="${CSS.escape(field.name)}"]`)]
    : fieldsOf(field.closest(".crit"));
  const inScale = field.type === "radio" && field.closest(".scale") ? group.filter((r) => r.value !== "cannot") : group;
  const at = inScale.indexOf(field);
  const last = inScale.length - 1;
  const target = at < 0 ? inScale[last] : inScale[Math.min(Math.max(at + by, 0), last)];
  field.type === "radio" ? choose(target) : target.focus();
}

const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1000, End: 1000 };
const SIDEWAYS = { ArrowRight: 1, ArrowLeft: -1 };

function onCriterion(event, fieldset, field, settings) {
  const arrows = field.matches("select") ? SIDEWAYS : ARROWS;
  if (event.key in arrows) return step(field, arrows[event.key]), true;
  if (event.key === "Enter" && !field.matches("button")) return next(fieldset), true;
  const key = event.key.toLowerCase();
  if (key === "m" && fieldset.querySelector("[data-mark]")) return fieldset.mark(), true;
  if (field.matches("select") && /^[1-9]$/.test(key)) return place(field, key, fieldset, settings);
  const within = field.closest(".follow-up") ?? field.closest(".scale");
  const found = [...within.querySelectorAll("input")].find((input) => input.dataset.key === key)
    ?? [...fieldset.querySelectorAll(".scale input")].find((input) => input.dataset.key === key);
  if (!found) return false;
  choose(found);
  if (found.value === "cannot") found.checked && fieldset.querySelector(".reasons input").focus();
  else if (found.value === "tie" && fieldset.querySelector(".ties")) fieldset.querySelector(".ties input").focus();
  else if (settings.advance && found.type === "radio") next(fieldset);
  return true;
}

function place(select, number, fieldset, settings) {
  if (![...select.options].some((option) => option.value === number)) return false;
  select.value = number;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  if (settings.advance) {
    const following = places(fieldset)[places(fieldset).indexOf(select) + 1];
    following ? following.focus() : next(fieldset);
  }
  return true;
}

export function bindKeys(settings, { submit, player, signal, isCovered, fieldsets }) {
  document.addEventListener("keydown", (event) => {
    const active = document.activeElement;
    if (event.defaultPrevented || event.isComposing) return;
    const fieldset = active?.closest?.(".crit");
    if (isTyping(active)) {
      // A number is typed into a line of its own: Enter goes on, as after any other score.
      if (fieldset && event.key === "Enter" && !event.ctrlKey && active.matches("input[data-typed]")) {
        event.preventDefault();
        next(fieldset);
      }
      return;
    }
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
    if (sheet || isCovered()) return;
    const isField = active?.matches?.(".scale input, .scale select, .scale button, .follow-up input");
    if (isField && onCriterion(event, fieldset, active, settings)) {
      event.preventDefault();
    } else if (settings.pageKeys && key === settings.play && !event.shiftKey) {
      event.preventDefault();
      player.play();
    }
  }, { signal });
  fieldsets.forEach(makeOneStop);
}

// One tab stop a criterion: its (i) joins only while the criterion has the focus, and among boxes
// and places it is the one used last.
function makeOneStop(fieldset) {
  const info = fieldset.querySelector("[data-info]");
  const isGroup = ["multiple", "ranking", "spans"].includes(fieldset.dataset.form);
  const stops = isGroup ? [...fieldset.querySelectorAll(".scale input, .scale select, .scale button[data-mark]")] : [];
  const stopAt = (stop) => stops.forEach((other) => (other.tabIndex = other === stop ? 0 : -1));
  if (stops.length) stopAt(stops.find((stop) => stop.checked) ?? stops[0]);
  if (info) info.tabIndex = -1;
  fieldset.addEventListener("focusin", ({ target }) => {
    if (info) info.tabIndex = 0;
    if (stops.includes(target)) stopAt(target);
  });
  fieldset.addEventListener("focusout", ({ relatedTarget }) => {
    if (info && !fieldset.contains(relatedTarget)) info.tabIndex = -1;
  });
}
