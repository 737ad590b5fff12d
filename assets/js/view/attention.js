// What happens while nobody looks: the count in the title, the icon's state, the
// unread line, a notification if they were asked for.

/** @import {Message} from "../types.d.ts" */
/** @import {Log} from "./log.js" */
/** @import {NotifyToggle} from "./menu.js" */

import { data } from "./dom.js";

const LINGER = 5_000; // milliseconds that the unread line stays for the reader to find

export class Attention {
  #title = document.title;
  #icons = data("icons");
  #icon = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
  #log;
  #notify;
  #count = 0;
  #away = false;

  /**
   * @param {Log} log
   * @param {NotifyToggle} notify
   */
  constructor(log, notify) {
    this.#log = log;
    this.#notify = notify;
    // Loaded now: the one for a lost connection can't be when it is needed.
    for (const icon of Object.values(this.#icons)) new Image().src = icon;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#clear();
    });
  }

  /** Messages of others came. @param {Message[]} messages */
  add(messages) {
    if (!document.hidden || !messages.length) return;
    if (this.#count === 0) this.#log.markUnread(messages[0].id);
    this.#count += messages.length;
    this.#notify.show(messages[messages.length - 1]);
    this.#show();
  }

  /** @param {boolean} away whether the connection is lost */
  away(away) {
    this.#away = away;
    this.#show();
  }

  #clear() {
    if (this.#count === 0) return;
    this.#count = 0;
    this.#show();
    setTimeout(() => document.hidden || this.#log.unmarkUnread(), LINGER);
  }

  #show() {
    document.title = this.#count ? `(${this.#count}) ${this.#title}` : this.#title;
    const icon = this.#away ? this.#icons.away : this.#count ? this.#icons.unread : this.#icons.plain;
    if (this.#icon.getAttribute("href") !== icon) this.#icon.setAttribute("href", icon);
  }
}
