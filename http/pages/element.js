/** Makes elements. What they say is always set as text, so that nothing a server answers can become HTML. */

const svgNamespace = 'http://www.w3.org/2000/svg';

/** @param {string} tag @param {string} className @param {(string | Node)[]} content @returns {any} */
export function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}

/** @param {string} text @param {string} className @returns {HTMLButtonElement} */
export function button(text, className) {
  const made = make('button', className, text);
  made.type = 'button';
  return made;
}

/**
 * Parts of a drawing. Their sizes are attributes, which the policy of the page allows, as styles in elements are not.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {Node[]} content
 */
export function draw(tag, attributes, ...content) {
  const made = document.createElementNS(svgNamespace, tag);
  set(made, attributes);
  made.append(...content);
  return made;
}

/** Leaves alone what is so already: a selection in it stays. @param {Element} place @param {string} text */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** @param {Element} element @param {Record<string, string | number>} attributes */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/**
 * Elements of a list by key: kept and changed in place, so that a poll takes no button from under the pointer.
 *
 * @template Item
 * @param {Element} list
 * @param {(item: Item) => {element: Element, show: (item: Item) => void}} create
 */
export function createRows(list, create) {
  /** @type {Map<string, ReturnType<typeof create>>} */
  const rows = new Map();

  /** @param {readonly Item[]} items @param {(item: Item) => string} keyOf */
  return function show(items, keyOf) {
    const named = new Set(items.map(keyOf));
    for (const [key, {element}] of rows) {
      if (named.has(key)) continue;
      element.remove();
      rows.delete(key);
    }
    for (const [at, item] of items.entries()) {
      const key = keyOf(item);
      const row = rows.get(key) ?? create(item);
      rows.set(key, row);
      row.show(item);
      if (list.children[at] !== row.element) list.insertBefore(row.element, list.children[at] ?? null);
    }
  };
}

/** A long name goes on in the next line after a dot or a `#`. @param {string} name */
export const breakable = name =>
  name.split(/(?<=[.#])/).flatMap(part => [document.createTextNode(part), document.createElement('wbr')]);
