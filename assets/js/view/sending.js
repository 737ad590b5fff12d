// The reader's own messages on their way: shown at once, and followed until
// they have arrived.

/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */
/** @import {Outbox, Entry} from "../store/outbox.js" */
/** @import {Problem} from "../net/api.js" */
/** @import {Log} from "./log.js" */

import { nonce } from "../lib/nonce.js";
import { clone, part } from "./dom.js";
import { why } from "./why.js";

const PATIENCE = 400; // milliseconds before a row says that it is being sent

export class Sending {
  #texts;
  #session;
  #log;
  /** @type {Outbox} */
  #outbox;

  /**
   * @param {Texts} texts
   * @param {Session} session
   * @param {Log} log
   * @param {(on: ConstructorParameters<typeof Outbox>[3]) => Outbox} makeOutbox
   * @param {(code: string) => void} onFailed
   */
  constructor(texts, session, log, makeOutbox, onFailed) {
    this.#texts = texts;
    this.#session = session;
    this.#log = log;
    this.#outbox = makeOutbox({
      sent: (message) => log.append([message]),
      delayed: (entry, problem) => this.#delayed(entry, problem),
      failed: (entry, problem) => {
        this.#failed(entry, problem.code, why(texts, problem));
        onFailed(problem.code);
      },
    });
    for (const entry of this.#outbox.entries) {
      this.#show(entry);
      if (entry.failed) this.#failed(entry, entry.failed, texts.has(`error.${entry.failed}`) ? texts.t(`error.${entry.failed}`) : "");
    }
  }

  /** @param {string} text */
  send(text) {
    const entry = { nonce: nonce(), text, at: new Date().toISOString() };
    this.#show(entry);
    this.#outbox.add(entry);
  }

  /** Tries again what waits; for when the connection is back. */
  flush() {
    this.#outbox.flush();
  }

  /** Tries those again that failed for a reason that is gone. @param {string} code */
  retry(code) {
    for (const { nonce, failed } of this.#outbox.entries) if (failed === code) this.#retry(nonce);
  }

  /** A message came on the stream. @param {string | undefined} nonce */
  settle(nonce) {
    this.#outbox.settle(nonce);
  }

  /** @param {Entry} entry */
  #show({ nonce, text, at }) {
    this.#log.addPending({ id: "", at, author: { id: this.#session.id, nickname: this.#session.nickname }, text, nonce });
    setTimeout(() => {
      const row = this.#log.pending(nonce);
      if (row && !row.querySelector(".delivery")) this.#say(nonce, this.#texts.t("message.sending"));
    }, PATIENCE);
  }

  /** @param {Entry} entry @param {Problem} problem */
  #delayed({ nonce }, problem) {
    const { code, wait } = problem;
    const n = Math.ceil(Math.max(wait, 1_000) / 1_000);
    let sentence = this.#texts.t("message.queued");
    if (code === "rate_limited") sentence = this.#texts.t("message.limited", { n });
    else if (code === "storage_full" || code === "busy") sentence = this.#texts.t("message.waits", { why: this.#texts.t(`error.${code}`) });
    this.#say(nonce, sentence);
    this.#offer(nonce, [".discard"]);
  }

  /** @param {Entry} entry @param {string} code @param {string} reason */
  #failed({ nonce }, code, reason) {
    this.#say(nonce, this.#texts.t("message.failed", { why: reason }), "alert");
    this.#offer(nonce, [".retry", ".discard"]);
    const row = this.#log.pending(nonce);
    row?.classList.add("failed");
    if (row) row.dataset.problem = code;
  }

  /**
   * @param {string} nonce
   * @param {string} sentence
   * @param {string} [role]
   */
  #say(nonce, sentence, role) {
    const row = this.#log.pending(nonce);
    if (!row) return;
    const delivery = clone("delivery-template");
    const line = part(delivery, "p");
    if (role) line.setAttribute("role", role);
    line.textContent = sentence;
    for (const button of delivery.querySelectorAll("button")) button.hidden = true;
    row.querySelector(".delivery")?.remove();
    part(row, ".content").append(delivery);
    row.classList.remove("failed");
  }

  /** @param {string} nonce @param {string[]} buttons */
  #offer(nonce, buttons) {
    const row = this.#log.pending(nonce);
    for (const name of row ? buttons : []) {
      const button = part(/** @type {HTMLElement} */ (row), name);
      button.hidden = false;
      button.addEventListener("click", () => (name === ".retry" ? this.#retry(nonce) : this.#discard(nonce)));
    }
  }

  /** @param {string} nonce */
  #retry(nonce) {
    const { problem } = this.#log.pending(nonce)?.dataset ?? {};
    if (problem === "nonce_reused") return this.#again(nonce);
    this.#say(nonce, this.#texts.t("message.sending"));
    this.#outbox.retry(nonce);
    document.getElementById("text")?.focus();
  }

  /** Sends the text under another nonce. @param {string} nonce */
  #again(nonce) {
    const entry = this.#outbox.entries.find((e) => e.nonce === nonce);
    this.#discard(nonce);
    if (entry) this.send(entry.text);
  }

  /** @param {string} nonce */
  #discard(nonce) {
    this.#outbox.discard(nonce);
    this.#log.removePending(nonce);
    document.getElementById("text")?.focus();
  }
}
