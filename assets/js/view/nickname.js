// Taking a nickname, and another: one form, in the composer's place.

/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */
/** @import {Problem} from "../net/api.js" */
/** @import {Composer} from "./composer.js" */

import { nonce } from "../lib/nonce.js";
import { postNickname, postSessionEnd } from "../net/api.js";
import { lasting } from "../store/storage.js";
import { $ } from "./dom.js";
import { why } from "./why.js";

export class NicknameForm {
  #form = /** @type {HTMLFormElement} */ ($("nickname-form"));
  #input = /** @type {HTMLInputElement} */ ($("nickname"));
  #error = $("nickname-error");
  #hint = $("nickname-hint");
  #suggestion = $("nickname-suggestion");
  #leave = $("nickname-leave");
  #me = $("me");
  #busy = false;
  /** What was asked for and not answered: the same again has the same nonce. */
  #asked = { name: "", nonce: "" };
  #room;
  #texts;
  #session;
  #composer;

  /**
   * @param {string} room
   * @param {Texts} texts
   * @param {Session} session
   * @param {Composer} composer
   */
  constructor(room, texts, session, composer) {
    this.#room = room;
    this.#texts = texts;
    this.#session = session;
    this.#composer = composer;
    this.#input.value ||= lasting.get("nickname") ?? "";
    this.#form.addEventListener("submit", (e) => {
      e.preventDefault();
      void this.#submit();
    });
    this.#input.addEventListener("input", () => this.#complain(null));
    this.#suggestion.addEventListener("click", () => {
      this.#input.value = this.#suggestion.dataset.name ?? "";
      this.#form.requestSubmit();
    });
    this.#me.addEventListener("click", () => this.open());
    $("leave-form").addEventListener("submit", (e) => {
      e.preventDefault();
      void this.#giveUp();
    });
    $("nickname-cancel").addEventListener("click", () => this.#close(this.#me));
    this.#form.addEventListener("keydown", (e) => {
      if (e.key === "Escape" && this.#session.named) this.#close(this.#me);
    });
    session.onChange(() => this.#show());
    this.#show();
  }

  /** Asks for a nickname, or for another. */
  open() {
    const { named, nickname } = this.#session;
    if (named) this.#input.value = nickname;
    $("nickname-label").textContent = this.#texts.t(named ? "nickname.new" : "nickname.label");
    $("nickname-submit").textContent = this.#texts.t(named ? "nickname.save" : "nickname.join");
    $("nickname-cancel").hidden = !named;
    this.#leave.hidden = !named;
    this.#complain(null);
    this.#hint.hidden = named;
    this.#form.hidden = false;
    this.#composer.show(false);
    this.#input.focus();
    this.#input.select();
  }

  /** @param {HTMLElement} [focus] where the focus goes, if not into the composer */
  #close(focus) {
    this.#form.hidden = true;
    this.#composer.show(true);
    if (focus) focus.focus();
    else this.#composer.focus();
  }

  #show() {
    const { named, nickname } = this.#session;
    this.#me.hidden = !named;
    $("me-name").textContent = nickname;
    this.#me.setAttribute("aria-label", this.#texts.t("nickname.change", { name: nickname }));
    if (named && this.#form.hidden === false && !this.#form.contains(document.activeElement)) {
      this.#form.hidden = true; // another tab took the name
      this.#composer.show(true);
    }
  }

  async #submit() {
    if (this.#busy) return;
    this.#busy = true;
    const name = this.#input.value;
    if (name !== this.#asked.name) this.#asked = { name, nonce: nonce() };
    try {
      const who = await postNickname(this.#room, name, this.#asked.nonce);
      this.#asked = { name: "", nonce: "" };
      lasting.set("nickname", who.nickname);
      this.#close();
      this.#session.become(who);
      $("status").textContent = this.#texts.t("nickname.joined", { name: who.nickname });
    } catch (e) {
      this.#complain(/** @type {Problem} */ (e));
      this.#input.focus();
    }
    this.#busy = false;
  }

  /** Ends the session: who goes on is somebody new, and reads without a name. */
  async #giveUp() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await postSessionEnd(this.#room);
      this.#session.become({ id: "" });
      this.open();
      $("status").textContent = this.#texts.t("nickname.left");
    } catch (e) {
      this.#complain(/** @type {Problem} */ (e));
    }
    this.#busy = false;
  }

  /** @param {Problem | null} problem */
  #complain(problem) {
    this.#error.hidden = !problem;
    this.#error.textContent = problem && why(this.#texts, problem);
    this.#hint.hidden = problem !== null || this.#session.named;
    this.#input.setAttribute("aria-invalid", String(problem !== null));
    this.#suggestion.hidden = !problem?.suggestion;
    if (!problem?.suggestion) return;
    this.#suggestion.dataset.name = problem.suggestion;
    this.#suggestion.textContent = this.#texts.t("nickname.take", { name: problem.suggestion });
  }
}
