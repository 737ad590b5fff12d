// "3 new messages ↓": what came while the reader was looking further up.

/** @import {Texts} from "../lib/texts.js" */
/** @import {Scroll} from "./scroll.js" */

import { $ } from "./dom.js";

export class Pill {
  #button = $("pill");
  #texts;
  #count = 0;

  /**
   * @param {Texts} texts
   * @param {Scroll} scroll
   * @param {() => void} goDown
   */
  constructor(texts, scroll, goDown) {
    this.#texts = texts;
    this.#button.addEventListener("click", () => {
      this.clear();
      goDown();
      $("log").focus({ preventScroll: true });
    });
    scroll.onScroll(() => scroll.pinned && this.clear());
  }

  /** @param {number} n */
  add(n) {
    this.#count += n;
    this.#button.textContent = this.#texts.t("log.pill", { n: this.#count });
    this.#button.hidden = this.#count === 0;
  }

  clear() {
    this.#count = 0;
    this.#button.hidden = true;
  }
}
