// Building blocks of the page. Text from outside, such as a file name, is only written by
// textContent and setAttribute.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} attributes
 * @param {(Node | string)[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

/**
 * @template {Element} Kind
 * @param {Kind} node
 * @param {Record<string, unknown>} attributes
 * @param {(Node | string)[]} children
 * @returns {Kind}
 */
function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) setAttribute(node, name, value);
  }
  node.append(...children);
  return node;
}

/**
 * The elements below a node that a selector names.
 * @param {Element} node
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
function all(node, selector) {
  return [...node.querySelectorAll(selector)].map((found) => /** @type {HTMLElement} */ (found));
}

/** Write a text, if it is not there: writing it anew would lay out the page anew. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute, if it is another one. What is read aloud has no invisible characters. */
function setAttribute(node, name, value) {
  const isRead = name === "aria-label" || name === "aria-valuetext";
  const text = isRead ? visible(String(value)) : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** A text on one line, whose control characters and direction marks are dots. */
function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "·");
}

/** A form control under its label. */
function labelled(text, control) {
  return element("label", { class: "dup-field" }, element("span", {}, text), control);
}

/**
 * The head of a table; a name that starts with a dot is only for screen readers.
 * @param {string[]} names
 * @param {string[]} titles - what the names mean
 */
function tableHead(names, titles = []) {
  const cell = (name) =>
    name.startsWith(".") ? element("span", { class: "dup-hidden" }, name.slice(1)) : name;
  const cells = names.map((name, place) =>
    element("th", { scope: "col", title: titles[place] }, cell(name)),
  );
  return element("thead", {}, element("tr", {}, ...cells));
}

/** Fill a select with [value, text] pairs, keeping what is chosen. */
function setOptions(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  select.value = chosen;
}

/** A name on one line, shortened in the middle: what tells names apart is mostly at their ends. */
function shortName(name, length) {
  const text = visible(name);
  const characters = [...text];
  if (characters.length <= length) return text;
  const head = (length - 1) >> 1;
  const tail = characters.length - (length - 1 - head);
  return `${characters.slice(0, head).join("")}…${characters.slice(tail).join("")}`;
}

/** The last part of a name: a picture of it stands beside, and its tooltip has the whole. */
function baseName(name) {
  return name.slice(name.lastIndexOf("/") + 1) || name;
}

/**
 * Short forms of names that stand side by side: what differs between them stays. Equal last parts
 * bring in the folders; what all have in front is left out where a name is too long.
 * @param {string[]} names
 * @param {number} length
 * @returns {string[]}
 */
function tellingNames(names, length) {
  const last = names.map(baseName);
  const isAlone = (place) =>
    last.every(
      (other, own) => own === place || other !== last[place] || names[own] === names[place],
    );
  const shared = sharedLength(last.filter((_, place) => isAlone(place)));
  const skipped = shared > 3 ? shared - 2 : 0; // two characters of it still tell where it was cut
  return last.map((name, place) => {
    if (!isAlone(place)) return shortName(names[place], length);
    if (name.length <= length || !skipped) return shortName(name, length);
    return `…${shortName(name.slice(skipped), length - 1)}`;
  });
}

/** How many characters all of these names have in common in front. */
function sharedLength(names) {
  if (names.length < 2) return 0;
  const [first, ...others] = [...names].sort();
  const end = others.at(-1) ?? first;
  let count = 0;
  while (count < first.length && first[count] === end[count]) count++;
  return count;
}

/** A name as text that cannot turn the direction of what stands around it. */
function nameNode(name, length) {
  return element("bdi", { title: name }, shortName(name, length));
}

function percentText(value, digits = 1) {
  return `${Number(value.toFixed(digits))}\u00a0%`; // a number and its unit stay on one line
}

function countText(value) {
  return value.toLocaleString("en-US");
}

function plural(count, noun) {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A size on disk as people read it. */
function sizeText(bytes) {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
  return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)}\u00a0kB`;
}

/**
 * Keep plain keys from the notebook around the widget: else "x" on a button would cut the cell.
 *
 * JupyterLab asks the focused element itself for the attribute; other notebooks listen further up.
 * Keys with Ctrl, Alt or
 * Cmd, Escape, Tab and Shift+Enter stay the notebook's.
 */
function keepKeys(root, signal) {
  const pass = (event) =>
    event.ctrlKey || event.metaKey || event.altKey || ["Escape", "Tab"].includes(event.key);
  const isRun = (event) => event.shiftKey && event.key === "Enter";
  root.addEventListener(
    "keydown",
    (event) => pass(event) || isRun(event) || event.stopPropagation(),
    { signal },
  );
  const mark = (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  root.addEventListener("focusin", mark, { signal });
}

/** A click beside the controls gives the widget the focus, so that its keys work. */
function focusOnClick(root, signal) {
  const focus = ({ target }) => target.closest("button, select, input") ?? root.focus();
  root.addEventListener("click", focus, { signal });
}

/** Call a function once in the next frame, however often it is asked for. */
function oncePerFrame(callback) {
  let frame = 0;
  const ask = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      callback();
    });
  };
  ask.cancel = () => cancelAnimationFrame(frame);
  ask.isDue = () => frame !== 0;
  return ask;
}
