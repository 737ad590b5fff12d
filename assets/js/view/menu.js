// The settings: light or dark, and notifications. The language is a link.

/** @import {Message} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */

import { lasting } from "../store/storage.js";
import { $ } from "./dom.js";

/** The stored choice of light or dark; js/theme.js applies it at load. */
export function themeSwitch() {
  const group = $("theme");
  const stored = lasting.get("theme") ?? "";
  for (const radio of group.querySelectorAll("input")) radio.checked = radio.value === stored;
  group.addEventListener("change", (e) => {
    const { value } = /** @type {HTMLInputElement} */ (e.target);
    lasting.set("theme", value);
    if (value) document.documentElement.dataset.theme = value;
    else delete document.documentElement.dataset.theme;
  });
}

export class NotifyToggle {
  #toggle = /** @type {HTMLInputElement} */ ($("notify"));
  #why = $("notify-why");
  #texts;
  #room;

  /**
   * @param {string} room
   * @param {Texts} texts
   */
  constructor(room, texts) {
    this.#room = room;
    this.#texts = texts;
    this.#toggle.addEventListener("change", () => this.#choose());
    this.#show();
  }

  /** @param {Message} message */
  show({ author, text }) {
    if (!document.hidden || !this.#toggle.checked) return;
    try {
      const note = new Notification(author.nickname ?? "", { body: text.slice(0, 200), tag: `causette:${this.#room}` });
      note.onclick = () => window.focus();
    } catch {
      // Chrome on Android has the constructor but refuses it outside a service worker.
    }
  }

  async #choose() {
    const wanted = this.#toggle.checked && (await Notification.requestPermission()) === "granted";
    lasting.set("notify", wanted ? "on" : "");
    this.#show();
  }

  #show() {
    const obstacle = this.#obstacle();
    this.#toggle.disabled = obstacle !== "";
    this.#toggle.checked = !obstacle && Notification.permission === "granted" && lasting.get("notify") === "on";
    this.#why.textContent = this.#texts.t(obstacle || "menu.notify.on");
  }

  #obstacle() {
    if (!isSecureContext) return "menu.notify.insecure";
    if (!("Notification" in globalThis)) return "menu.notify.missing";
    if (Notification.permission === "denied") return "menu.notify.denied";
    return "";
  }
}
