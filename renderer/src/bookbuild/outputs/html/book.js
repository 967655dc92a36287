// Enhance the page: theme button, menus, current section, anchors, copy buttons,
// notes in place, enlarged pictures, search, scrolling blocks. A classic script, so that it also runs from file://.
// The page can be read in full without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// make("a", { className: "x" }, child, "text"): an element, with properties and children
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// ---- theme ----

function themeButton() {
  const button = one("button.theme");
  const show = () => button.setAttribute("aria-pressed", bookTheme.current() === "dark");
  button.addEventListener("click", () => {
    bookTheme.toggle();
    show();
  });
  bookTheme.onSystemChange(show);
  show();
}

// ---- navigation ----

function drawers() {
  const close = (menu) => (menu.open = false);
  for (const menu of all("details.menu")) {
    const panel = menu.nextElementSibling;
    panel.addEventListener("click", (event) => event.target.closest("a") && close(menu));
    for (const element of [menu, panel]) {
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !menu.open) return;
        close(menu);
        one("summary", menu).focus();
      });
    }
  }
  one(".chapters [aria-current]")?.scrollIntoView({ block: "nearest" });
}

function currentSection() {
  const links = new Map(all(".outline a").map((link) => [link.hash.slice(1), link]));
  const headings = all("main h2[id], main h3[id]").filter((heading) => links.has(heading.id));
  let current;
  function mark() {
    const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 2;
    const line = atEnd ? innerHeight : 60; // px: below a heading that was jumped to, above its first subheading
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < line);
    const link = links.get(passed.at(-1)?.id);
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "location");
    current = link;
    keepInView(link);
  }
  function keepInView(link) {
    const margin = one(".margin");
    if (!link || margin.scrollHeight <= margin.clientHeight) return;
    margin.scrollTop = link.offsetTop - margin.clientHeight / 2; // scrollIntoView would move the page
  }
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mark();
    });
  };
  if (headings.length) addEventListener("scroll", soon, { passive: true });
  mark();
}

function anchors() {
  for (const heading of all("main h2[id], main h3[id], main h4[id]")) {
    const link = make("a", { className: "anchor", href: `#${heading.id}`, tabIndex: -1 }, "#");
    link.setAttribute("aria-hidden", "true"); // or each heading would be read out twice; the outline has the same links
    heading.append(link);
  }
}

// A block that scrolls is a tab stop with a name, so that arrow keys can scroll it; others are not.
function scrollers() {
  const kinds = { Code: "main pre", Table: "main .table-wrap", Formula: "main math" };
  const names = new Map();
  const mark = (block) => markScroller(block, names.get(block));
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  for (const [kind, selector] of Object.entries(kinds)) {
    all(selector).forEach((block, position) => {
      names.set(block, scrollerName(kind, block, position));
      mark(block); // one that is folded away is not observed yet
      observer.observe(block);
    });
  }
}

function scrollerName(kind, block, position) {
  const figure = kind !== "Formula" && block.closest("figure");
  const caption = figure && one(":scope > figcaption", figure)?.textContent.split(":")[0].trim();
  const number = one(".eq-number", block.parentElement)?.textContent;
  return `${caption || `${kind} ${number || position + 1}`}, scrollable`;
}

function markScroller(block, name) {
  const attributes = { tabindex: 0, "aria-label": name };
  if (block.localName !== "math") attributes.role = "group"; // a formula must remain one
  const scrolls = getComputedStyle(block).overflowX !== "visible" && block.scrollWidth > block.clientWidth;
  for (const [key, value] of Object.entries(attributes)) {
    scrolls ? block.setAttribute(key, value) : block.removeAttribute(key);
  }
}

// ---- code ----

function copyButtons() {
  for (const pre of all("main pre.sourceCode")) {
    const button = make("button", { type: "button", className: "copy" }, "Copy");
    const box = make("div", { className: "copyable" });
    pre.replaceWith(box);
    box.append(pre, button);
    button.addEventListener("click", async () => {
      button.textContent = await copy(pre);
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

async function copy(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent.replace(/\n$/, ""));
    return "Copied";
  } catch {
    getSelection().selectAllChildren(pre); // no clipboard access: the reader still has to press one key
    return "Selected";
  }
}

// ---- footnotes and citations in place ----

function notes() {
  const tip = one("#tip");
  let owner = null; // the link whose note is open
  let before = null; // the link whose note was open when a finger came down
  let timer;

  async function show(link) {
    clearTimeout(timer);
    if (owner === link) return;
    const content = await noteFor(link);
    if (!content || !link.matches(":hover, :focus")) return;
    hide();
    owner = link;
    link.setAttribute("aria-describedby", "tip");
    tip.replaceChildren(...content);
    tip.hidden = false;
    place(tip, link);
  }
  function hide() {
    owner?.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  }
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(hide, 250); // leaves time to move the pointer onto the note
  };

  for (const link of all("a[role=doc-noteref], .citation a, a[role=doc-biblioref]")) {
    link.addEventListener("pointerenter", (event) => event.pointerType === "touch" || show(link));
    link.addEventListener("pointerdown", () => (before = owner));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("pointerleave", later);
    link.addEventListener("blur", later);
    link.addEventListener("click", (event) => {
      if (event.pointerType !== "touch" || before === link) return; // a second tap follows the link
      event.preventDefault();
      show(link);
    });
  }
  tip.addEventListener("pointerenter", () => clearTimeout(timer));
  tip.addEventListener("pointerleave", later);
  tip.addEventListener("focusin", () => clearTimeout(timer));
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("pointerdown", (event) => tip.contains(event.target) || hide());
}

// Return the nodes to show for a link, or null. References are on another page, which a page opened
// from a file cannot read; the reader then follows the link.
async function noteFor(link) {
  const id = decodeURIComponent(link.hash.slice(1));
  const entry = document.getElementById(id) || (await referencesOf(link))?.getElementById(id);
  if (!entry) return null;
  const copyOfEntry = document.importNode(entry, true);
  for (const extra of all("[role=doc-backlink]", copyOfEntry)) extra.remove();
  for (const element of all("[id]", copyOfEntry)) element.removeAttribute("id");
  return copyOfEntry.childNodes;
}

const fetched = new Map();

function referencesOf(link) {
  if (location.protocol === "file:") return null;
  const page = link.href.split("#")[0];
  const load = async () => {
    const response = await fetch(page);
    return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  };
  if (!fetched.has(page)) fetched.set(page, load().catch(() => null));
  return fetched.get(page);
}

function place(tip, link) {
  const box = link.getClientRects()[0];
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 16);
  const below = box.bottom + 6;
  const fits = below + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(16, left) + scrollX}px`;
  tip.style.top = `${(fits ? below : box.top - tip.offsetHeight - 6) + scrollY}px`;
}

// ---- enlarged pictures ----

function lightbox() {
  const dialog = one("dialog.lightbox");
  for (const image of all("main img.lightbox")) {
    const caption = one("figcaption", image.closest("figure") || image);
    const name = caption?.textContent.split(":")[0] || image.alt;
    const button = make("button", { type: "button", className: "zoom", ariaLabel: `Enlarge ${name}` }, "Enlarge");
    const box = make("span", { className: "zoomable" });
    image.replaceWith(box);
    box.append(image, button);
    const open = () => {
      const large = image.cloneNode();
      large.removeAttribute("loading");
      one("figure", dialog).replaceChildren(large, ...(caption ? [caption.cloneNode(true)] : []));
      button.focus(); // the focused element gets the focus back when the dialog closes
      dialog.showModal();
    };
    image.addEventListener("click", open);
    button.addEventListener("click", open);
  }
  one(".close", dialog).addEventListener("click", () => dialog.close());
  closeOnBackdrop(dialog);
}

function closeOnBackdrop(dialog) {
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX > box.left && event.clientX < box.right
      && event.clientY > box.top && event.clientY < box.bottom;
    if (event.target === dialog && !inside) dialog.close();
  });
}

// ---- search ----

function search() {
  const dialog = one("dialog.search");
  if (!dialog) return;
  const input = one("input", dialog);
  const status = one(".status", dialog);
  const list = one(".results", dialog);
  const shortcut = slashShortcut(one(".shortcut input", dialog));
  let index;
  let asked = 0;

  async function open() {
    if (!dialog.open) dialog.showModal();
    input.select();
    try {
      index ??= await loadIndex();
      await find(); // text typed while the index was loading
    } catch (error) {
      status.textContent = error.message;
    }
  }
  async function find() {
    const turn = ++asked;
    const found = index && input.value.trim() ? await sectionsFor(index, input.value) : [];
    if (turn !== asked) return; // the result of an earlier query
    list.replaceChildren(...found.map(resultItem));
    status.textContent = summary(found.length, input.value.trim());
  }

  input.addEventListener("input", () => index && find());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") moveFocus(event, [input, ...all("a", list)]);
    if (event.key === "Escape") dialog.close(); // by default Escape only clears a search field
    if (event.key === "Enter" && event.target === input) one("a", list)?.click();
  });
  list.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
  closeOnBackdrop(dialog);
  one(".search-open").addEventListener("click", open);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
    const slash = event.key === "/" && shortcut.checked && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    const controlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !controlK) return;
    event.preventDefault();
    open();
  });
}

// The key / opens the search unless the reader turns that off: dictation software may type it.
function slashShortcut(box) {
  const hint = one(".search-open kbd");
  const show = () => (hint.hidden = !box.checked);
  try {
    box.checked = localStorage.getItem("shortcuts") !== "off";
  } catch {
    // no access to storage: the choice holds for this page only
  }
  box.addEventListener("change", () => {
    show();
    try {
      box.checked ? localStorage.removeItem("shortcuts") : localStorage.setItem("shortcuts", "off");
    } catch {
      // likewise
    }
  });
  show();
  return box;
}

async function loadIndex() {
  if (location.protocol === "file:") {
    throw new Error("Search needs the book to be served or read online: a browser does not let a page opened from a file load the index.");
  }
  try {
    const pagefind = await import("../pagefind/pagefind.js"); // relative to this script
    await pagefind.init();
    return pagefind;
  } catch {
    throw new Error("The search index could not be loaded.");
  }
}

async function sectionsFor(index, query) {
  const answer = await index.search(query);
  const pages = await Promise.all(answer.results.slice(0, 8).map((result) => result.data()));
  return pages.flatMap((page) => page.sub_results.map((section) => ({ ...section, page: page.meta.title })));
}

function summary(count, query) {
  if (!query) return "Type a word or two.";
  return `${count || "No"} section${count === 1 ? "" : "s"} found`;
}

function resultItem(section) {
  const excerpt = make("span", { className: "excerpt" });
  excerpt.innerHTML = section.excerpt; // pagefind escapes everything except its <mark>
  const parts = [make("span", { className: "title" }, section.title), excerpt];
  if (section.page !== section.title) parts.push(make("span", { className: "where" }, section.page));
  return make("li", {}, make("a", { href: section.url }, ...parts));
}

function moveFocus(event, stops) {
  event.preventDefault();
  const step = event.key === "ArrowDown" ? 1 : -1;
  stops[stops.indexOf(document.activeElement) + step]?.focus();
}

for (const start of [themeButton, drawers, currentSection, anchors, copyButtons, notes, lightbox, search, scrollers]) start();
