/** Building and patching the document. Text only ever enters as text nodes, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `props`: `class`, `onclick` and the like (functions), `value` and `checked`
 * (properties), anything else an attribute; true means present, false, null and undefined absent.
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") node[name] = value;
    else setAttribute(node, name, value);
  }
  append(node, children);
  return node;
}

/** An SVG element; otherwise as `h`. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

/** Set an attribute, or remove it for false, null and undefined; untouched where it is the same. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

/** Set text, untouched where it is the same, so that selections and screen readers stay calm. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** As `setText`, a sentence of the server's: what it has in backticks stands as code. */
export function setSentence(node, text) {
  if (node.textContent !== text.replaceAll("`", "")) node.replaceChildren(...withCode(text));
}

/** Nodes and strings: what `text` has in backticks as code. */
export function withCode(text) {
  return text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

/**
 * Make the children of `parent` those of `items`, in order, and keep the nodes that are there.
 * `create(item)` makes a node with an `update(item)` method, which is then called for every item.
 */
export function reconcile(parent, items, key, create) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let previous = null;
  for (const item of items) {
    const id = String(key(item));
    let node = known.get(id);
    known.delete(id);
    if (!node) {
      node = create(item);
      node.dataset.key = id;
    }
    node.update(item);
    const place = previous ? previous.nextSibling : parent.firstChild;
    if (node !== place) parent.insertBefore(node, place);
    previous = node;
  }
  for (const node of known.values()) node.remove();
}

/** Call `action` once, `milliseconds` after the last call, or at the latest after `atMost`. */
export function debounce(action, milliseconds, atMost = Infinity) {
  let timer = 0;
  let first = 0;
  const run = () => {
    first = 0;
    action();
  };
  const debounced = () => {
    const now = performance.now();
    first ||= now;
    clearTimeout(timer);
    timer = setTimeout(run, Math.max(0, Math.min(milliseconds, first + atMost - now)));
  };
  debounced.cancel = () => {
    clearTimeout(timer);
    first = 0;
  };
  return debounced;
}
