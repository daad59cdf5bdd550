// What the page says, in the rater's language; the words come with the page.

let words = {};
let plurals = new Intl.PluralRules("en");

export function readWords() {
  words = JSON.parse(document.querySelector("#words").textContent);
  plurals = new Intl.PluralRules(document.documentElement.lang || "en");
  return words;
}

export function say(name, values = {}) {
  const found = words[name];
  const form = typeof found === "string" ? found : found[plurals.select(values.count)] ?? found.other;
  return form.replace(/\{\{(\w+)\}\}/g, (whole, key) => values[key] ?? whole);
}

export const text = (content) => document.createTextNode(content);

export function button(content, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: content });
  made.addEventListener("click", act);
  return made;
}

export function link(url, content) {
  const made = document.createElement("a");
  Object.assign(made, { href: url, textContent: content, target: "_blank", rel: "noopener" });
  return made;
}

// A sentence with a link in it, wherever the language puts it
export function withLink(name, url, content) {
  const [before, after] = say(name, { link: "\0" }).split("\0");
  return [text(before), link(url, content), text(after)];
}

export function announce(content) {
  document.querySelector("#live").textContent = content;
}
