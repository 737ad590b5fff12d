// The rows of messages that have an id, in the order of their ids.

import { compare } from "../lib/eventid.js";

export class Rows {
  #list;
  /** In order. @type {Map<string, HTMLElement>} */
  #byID = new Map();

  /** @param {HTMLElement} list that already holds the rows that the server rendered */
  constructor(list) {
    this.#list = list;
    for (const row of list.children) {
      if (row instanceof HTMLElement && row.dataset.id) this.#byID.set(row.dataset.id, row);
    }
  }

  /** @returns {Iterator<HTMLElement> & Iterable<HTMLElement>} */
  [Symbol.iterator]() {
    return this.#byID.values();
  }

  /** @param {string} id */
  get(id) {
    return this.#byID.get(id);
  }

  /** The id of the oldest row; "" if there is none. */
  get oldest() {
    for (const id of this.#byID.keys()) return id;
    return "";
  }

  /** The id of the newest row; "" if there is none. */
  get newest() {
    let last = "";
    for (const id of this.#byID.keys()) last = id;
    return last;
  }

  /** Whether an id is before all rows. @param {string} id */
  before(id) {
    return this.oldest !== "" && compare(id, this.oldest) < 0;
  }

  /**
   * Puts a row where its id belongs: nearly always last. Gives the row after it.
   * @param {HTMLElement} row
   * @param {string} id
   * @param {Element | null} end what a last row goes in before
   */
  lay(row, id, end) {
    const { newest } = this;
    const later = newest && compare(newest, id) > 0 ? [...this.#byID].filter(([other]) => compare(other, id) > 0) : [];
    this.#list.insertBefore(row, later[0]?.[1] ?? end);
    for (const [other] of later) this.#byID.delete(other);
    this.#byID.set(id, row);
    for (const [other, below] of later) this.#byID.set(other, below);
    return later[0]?.[1];
  }

  /**
   * Puts rows above all others, in order.
   * @param {[id: string, row: HTMLElement][]} rows
   */
  stack(rows) {
    const below = [...this.#byID];
    this.#list.prepend(...rows.map(([, row]) => row));
    this.#byID = new Map([...rows, ...below]);
    return below[0]?.[1];
  }

  /** Takes away whatever element of the list it is. @param {Element | null} element */
  drop(element) {
    if (element instanceof HTMLElement && element.dataset.id) this.#byID.delete(element.dataset.id);
    element?.remove();
  }

  clear() {
    this.#byID.clear();
  }
}
