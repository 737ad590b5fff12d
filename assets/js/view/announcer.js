// What a screen reader hears of the log: each new message by itself, but what
// comes in a heap after a reconnection only as a number.

/** @import {Texts} from "../lib/texts.js" */

import { $ } from "./dom.js";

const HEAP = 1_000; // milliseconds after a hello that count as catching up

export class Announcer {
  #log = $("log");
  #status = $("status");
  #texts;
  #count = 0;
  #first = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Texts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /** The stream begins, or goes on. */
  catchUp() {
    this.quiet();
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#log.ariaLive = "polite";
      if (this.#count && !this.#first) this.#status.textContent = this.#texts.t("log.caughtup", { n: this.#count });
      this.#first = false;
    }, HEAP);
  }

  /** @param {number} n messages */
  add(n) {
    this.#count += n;
  }

  /** Old messages come in, which nobody waits to hear. */
  hush() {
    if (this.#log.ariaLive === "off") return;
    this.quiet();
    this.#timer = setTimeout(() => (this.#log.ariaLive = "polite"), HEAP);
  }

  /** Nothing is read out until the stream is caught up. */
  quiet() {
    clearTimeout(this.#timer);
    this.#log.ariaLive = "off";
  }
}
