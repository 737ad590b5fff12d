/**
 * An element that the page is known to have.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function $(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return /** @type {T} */ (element);
}

/**
 * Part of an element that is known to have it.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {Element} element
 * @param {string} selector
 * @returns {T}
 */
export function part(element, selector) {
  const found = element.querySelector(selector);
  if (!found) throw new Error(`no ${selector} in ${element.className}`);
  return /** @type {T} */ (found);
}

/**
 * A copy of what a <template> holds.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function clone(id) {
  const template = /** @type {HTMLTemplateElement} */ ($(id));
  return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/**
 * A name, kept from turning the text around it.
 * @param {string} name
 */
export function bdi(name) {
  const element = document.createElement("bdi");
  element.textContent = name;
  return element;
}

/** What a data block in the page holds. @param {string} id */
export function data(id) {
  return JSON.parse($(id).textContent ?? "null");
}
