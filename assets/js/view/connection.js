// The indicator: what the reader sees of the connection. The states are the
// transport's; this only decides when they are worth showing.

/** @import {State} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */

import { $ } from "./dom.js";

const BLINK = 2_000; // milliseconds: a shorter drop is not shown
const WORTH = 5_000; // milliseconds: a shorter wait has no countdown

export class Connection {
  #element = $("connection");
  #text = $("connection-text");
  #countdown = $("connection-countdown");
  #retry = $("retry");
  #icon = /** @type {Element} */ ($("connection").querySelector("use"));
  #texts;
  /** @type {State} */
  #state = "connecting";
  #retryAt = 0;
  #redis = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #blink;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;

  /**
   * @param {Texts} texts
   * @param {() => void} retry
   */
  constructor(texts, retry) {
    this.#texts = texts;
    this.#retry.addEventListener("click", retry);
  }

  /**
   * @param {State} state
   * @param {number} [retryAt]
   */
  set(state, retryAt = 0) {
    this.#state = state;
    this.#retryAt = retryAt;
    const shown = this.#element.dataset.state;
    const drop = state === "reconnecting" || state === "waiting";
    if (drop && shown === "live") {
      this.#blink ??= setTimeout(() => this.#show(), BLINK);
      return;
    }
    this.#show();
  }

  /** Whether the server can reach its Redis. @param {boolean} up */
  redis(up) {
    this.#redis = up;
    if (this.#blink === undefined) this.#show();
  }

  #show() {
    clearTimeout(this.#blink);
    this.#blink = undefined;
    const label = this.#state === "live" && !this.#redis ? "degraded" : this.#state;
    this.#element.dataset.state = label;
    const sentence = this.#texts.t(`connection.${label}`);
    if (this.#text.textContent !== sentence) this.#text.textContent = sentence;
    this.#icon.setAttribute("href", label === "live" || label === "connecting" ? "#icon-link" : "#icon-cut");
    const waits = label === "waiting" && this.#retryAt - Date.now() > 500;
    this.#retry.hidden = !waits && label !== "offline";
    clearInterval(this.#tick);
    this.#count();
    if (waits) this.#tick = setInterval(() => this.#count(), 1_000);
  }

  #count() {
    const left = this.#retryAt - Date.now();
    const counts = this.#element.dataset.state === "waiting" && (left > WORTH || (left > 0 && this.#countdown.textContent !== ""));
    this.#countdown.textContent = counts ? this.#texts.t("connection.countdown", { n: Math.ceil(left / 1_000) }) : "";
  }
}
