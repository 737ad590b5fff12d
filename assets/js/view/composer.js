// Where the reader writes. Never disabled.

/** @import {Texts} from "../lib/texts.js" */
/** @import {Scroll} from "./scroll.js" */
/** @import {Shelf} from "../store/storage.js" */

import { length } from "../lib/text.js";
import { $ } from "./dom.js";

const LONGEST = 2_000; // characters, as chat.MaxTextGraphemes
const WARN = 200; // characters left from which the counter shows

export class Composer {
  #form = /** @type {HTMLFormElement} */ ($("composer"));
  #text = /** @type {HTMLTextAreaElement} */ ($("text"));
  #counter = $("counter");
  #texts;
  #drafts;
  #key;
  #touch = matchMedia("(hover: none) and (pointer: coarse)");

  /**
   * @param {Texts} texts
   * @param {Shelf} drafts
   * @param {string} room
   * @param {Scroll} scroll
   * @param {{send(text: string): void, typing(): void}} on
   */
  constructor(texts, drafts, room, scroll, on) {
    this.#texts = texts;
    this.#drafts = drafts;
    this.#key = `draft:${room}`;
    this.#text.value ||= drafts.get(this.#key) ?? "";
    this.#measure();
    this.#text.addEventListener("input", () => {
      this.#measure();
      drafts.set(this.#key, this.#text.value);
      if (this.#text.value.trim()) on.typing();
    });
    this.#text.addEventListener("keydown", (e) => this.#press(e, scroll));
    this.#form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.#submit(on.send);
    });
  }

  /** @param {boolean} shown */
  show(shown) {
    this.#form.hidden = !shown;
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} e @param {Scroll} scroll */
  #press(e, scroll) {
    if (e.key === "PageUp" || e.key === "PageDown") {
      e.preventDefault();
      scroll.byPages(e.key === "PageUp" ? -1 : 1);
    }
    // 229 is what Safari says for the Enter that ends a composition.
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229 || this.#touch.matches) return;
    e.preventDefault();
    this.#form.requestSubmit();
  }

  /** @param {(text: string) => void} send */
  #submit(send) {
    const text = this.#text.value.trim();
    if (!text || length(text) > LONGEST) return this.focus();
    this.#text.value = "";
    this.#drafts.set(this.#key, "");
    this.#measure();
    send(text);
    this.focus();
  }

  #measure() {
    const { value } = this.#text;
    // A count of graphemes is only worth its time near the limit.
    const left = value.length >= LONGEST - WARN ? LONGEST - length(value.trim()) : LONGEST;
    this.#counter.hidden = left > WARN;
    this.#counter.classList.toggle("over", left < 0);
    if (left <= WARN) this.#counter.textContent = this.#texts.t(left < 0 ? "composer.over" : "composer.left", { n: Math.abs(left) });
    this.#form.classList.toggle("ready", value.trim() !== "" && left >= 0);
    this.#grow();
  }

  /** For browsers without field-sizing: content. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
