// Answers as the server reads them, out of the fields of a question and back into them.

export const inputs = (fieldset, part) => [...fieldset.querySelectorAll(`${part} input`)];
const picked = (fieldset, part) => inputs(fieldset, part).find((input) => input.checked)?.value ?? "";
const cannot = (fieldset) => fieldset.querySelector(".opt--cannot input");
const nothing = (fieldset) => fieldset.querySelector("input[value=none]");
const boxes = (fieldset) => inputs(fieldset, ".scale").filter((box) => box.name.endsWith("-option"));
export const places = (fieldset) => [...fieldset.querySelectorAll("select")];
const typed = (fieldset) => fieldset.querySelector("textarea[data-typed], input[data-typed]");

export const answersOf = (fieldsets) => fieldsets
  .filter((fieldset) => !fieldset.hidden && !fieldset.disabled)
  .map((fieldset) => [fieldset.dataset.question, valueOf(fieldset)]);

// Whether two responses stand in one place where each needs its own
export const isShared = (fieldset) => {
  const chosen = places(fieldset).map((select) => select.value).filter(Boolean);
  return !("ties" in fieldset.dataset) && new Set(chosen).size < chosen.length;
};

// An order in which each response has a place, the best first; empty while one has none
function order(fieldset) {
  if (isShared(fieldset)) return "";
  const tied = new Map();
  for (const select of places(fieldset)) {
    if (!select.value) return "";
    tied.set(Number(select.value), [...(tied.get(Number(select.value)) ?? []), select.dataset.letter]);
  }
  const sorted = [...tied].sort(([one], [other]) => one - other);
  return `rank:${sorted.map(([, letters]) => letters.join("=")).join(">")}`;
}

const READ = {
  number: (fieldset) => typed(fieldset).value.trim(),
  multiple: (fieldset) => {
    const chosen = boxes(fieldset).filter((box) => box.checked).map((box) => box.value);
    return chosen.length || nothing(fieldset).checked ? `opts:${chosen.join(",")}` : "";
  },
  text: (fieldset) => (typed(fieldset).value.trim() ? `text:${typed(fieldset).value}` : ""),
  spans: (fieldset) => {
    const { passages } = fieldset;
    return passages.length || nothing(fieldset).checked ? `spans:${JSON.stringify(passages)}` : "";
  },
  ranking: order,
};

export function valueOf(fieldset) {
  if (cannot(fieldset).checked) {
    const reason = picked(fieldset, ".reasons");
    return reason && `cannot:${reason}`;
  }
  const read = READ[fieldset.dataset.form];
  if (read) return read(fieldset);
  const value = picked(fieldset, ".scale");
  const kind = value === "tie" && picked(fieldset, ".ties");
  return kind ? `tie:${kind}` : value;
}

const WRITE = {
  number: (fieldset, value) => (typed(fieldset).value = value),
  multiple: (fieldset, value) => {
    const chosen = value.replace("opts:", "").split(",");
    boxes(fieldset).forEach((box) => (box.checked = chosen.includes(box.value)));
    nothing(fieldset).checked = value === "opts:";
  },
  text: (fieldset, value) => (typed(fieldset).value = value.replace("text:", "")),
  spans: (fieldset, value) => {
    fieldset.show(value ? JSON.parse(value.slice("spans:".length)) : []);
    nothing(fieldset).checked = value === "spans:[]";
  },
  ranking: (fieldset, value) => {
    const groups = value.replace("rank:", "").split(">").map((group) => group.split("="));
    places(fieldset).forEach((select) => {
      const at = groups.findIndex((group) => group.includes(select.dataset.letter));
      select.value = at < 0 ? "" : String(at + 1);
    });
  },
};

export function setValue(fieldset, value) {
  const refused = value.startsWith("cannot:");
  const [head, detail = ""] = value.split(":");
  const write = WRITE[fieldset.dataset.form];
  if (write) write(fieldset, refused ? "" : value);
  else inputs(fieldset, ".scale").forEach((radio) => (radio.checked = radio.value === head));
  cannot(fieldset).checked = refused;
  inputs(fieldset, ".reasons").forEach((r) => (r.checked = refused && r.value === detail));
  inputs(fieldset, ".ties").forEach((r) => (r.checked = head === "tie" && r.value === detail));
}

// What a change of one field means for the others of its question
export function settle(fieldset, changed) {
  const isCannot = changed === cannot(fieldset);
  const isOwn = Boolean(changed.closest(".scale"));
  if (!isOwn) return;
  if (!isCannot || !changed.checked) {
    inputs(fieldset, ".reasons").forEach((reason) => (reason.checked = false));
    if (!isCannot) cannot(fieldset).checked = false;
  }
  if (changed.value !== "tie") inputs(fieldset, ".ties").forEach((tie) => (tie.checked = false));
  const none = nothing(fieldset);
  if (!none) return;
  if (changed === none && none.checked) {
    boxes(fieldset).forEach((box) => (box.checked = false));
    if (fieldset.passages?.length) fieldset.show([]);
  } else if (changed !== none && !isCannot) none.checked = false;
  if (isCannot && changed.checked) none.checked = false;
}

// The values that conditions of follow-up questions are compared with
export function said(fieldset) {
  const value = valueOf(fieldset);
  if (value.startsWith("opts:")) return value.slice("opts:".length).split(",");
  return value ? [value.replace(/^tie:.*/, "tie").replace(/^([a-h])[12]$/, "$1")] : [];
}
