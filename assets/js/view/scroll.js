// The log's scrolling. The scroller is a reversed column, so that its bottom
// is its origin: it opens at the newest message without a script, stays there
// when the window or the composer changes size, and older rows may be put above
// without a jump. scrollTop is 0 at the bottom and negative above.

import { $ } from "./dom.js";

const PINNED = 40; // CSS px from the bottom that still count as being there

export class Scroll {
  #log = $("log");
  #rows = $("rows");
  /** @type {(() => void)[]} */
  #listeners = [];

  constructor() {
    this.#log.addEventListener("scroll", () => this.#listeners.forEach((f) => f()), { passive: true });
  }

  /** @param {() => void} listener */
  onScroll(listener) {
    this.#listeners.push(listener);
  }

  get pinned() {
    return -this.#log.scrollTop <= PINNED;
  }

  /** Whether the reader is nearer to the oldest row than to the newest. */
  get nearerTop() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    return !this.pinned && -scrollTop > (scrollHeight - clientHeight) / 2;
  }

  toBottom() {
    this.#log.scrollTop = 0;
  }

  /** @param {number} pages negative is up */
  byPages(pages) {
    this.#log.scrollBy({ top: pages * this.#log.clientHeight * 0.9 });
  }

  /**
   * Makes a change to the rows that the reader does not see move: the bottom
   * stays the bottom, else the first row in view stays where it is.
   * @param {() => void} change
   */
  keep(change) {
    if (this.pinned) {
      change();
      this.toBottom();
      return;
    }
    const row = this.#firstInView();
    const before = row?.getBoundingClientRect().top ?? 0;
    change();
    if (!row?.isConnected) return;
    const moved = row.getBoundingClientRect().top - before;
    if (moved) this.#log.scrollTop += moved;
  }

  /** @returns {Element | undefined} */
  #firstInView() {
    const top = this.#log.getBoundingClientRect().top;
    const rows = this.#rows.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return rows[low];
  }
}
