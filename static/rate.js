// The rating page: answers are saved one by one, and the whole form is sent with Submit. The next
// item is fetched beforehand and takes this one's place without a new page load.
import { bindPage } from "./rate/page.js";

document.documentElement.classList.add("js");
let page = bindPage({ open });
let path = location.pathname;

// `document` is a parsed page of the next item.
function open(next, url) {
  page.leave();
  history.pushState({}, "", url);
  path = location.pathname;
  document.title = next.title;
  document.documentElement.lang = next.documentElement.lang;
  document.body.replaceWith(document.adoptNode(next.body));
  scrollTo(0, 0);
  page = bindPage({ open });
  document.querySelector("#item").focus();
}

// Back and forward to another item load it afresh; within the page they only move.
addEventListener("popstate", () => location.pathname !== path && location.reload());
