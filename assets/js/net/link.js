// How this tab gets its stream: through the shared worker where there is one,
// else by a stream of its own.

/** @import {News, Order} from "../types.d.ts" */

import { Hub } from "./hub.js";

const ANSWER = 3_000; // milliseconds that the worker has for its first word

export class Link {
  #room;
  #position;
  #tell;
  /** @type {((order: Order) => void) | null} */
  #send = null;

  /**
   * @param {string} room
   * @param {() => string} position the id after which to go on; asked at each start
   * @param {(news: News) => void} tell
   */
  constructor(room, position, tell) {
    this.#room = room;
    this.#position = position;
    this.#tell = tell;
    addEventListener("pagehide", () => this.#order({ type: "detach" }));
    addEventListener("pageshow", (e) => e.persisted && this.#attach());
    document.addEventListener("freeze", () => this.#order({ type: "detach" }));
    document.addEventListener("resume", () => this.#attach());
    addEventListener("online", () => this.#order({ type: "check" }));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#order({ type: "check" });
    });
  }

  start() {
    this.#send = this.#shared() ?? this.#own();
    this.#attach();
  }

  retry() {
    this.#order({ type: "retry" });
  }

  /** Has the stream opened anew: the browser is another session now. */
  reopen() {
    this.#order({ type: "reopen" });
  }

  #attach() {
    this.#tell({ type: "state", state: "connecting" });
    this.#order({ type: "attach", room: this.#room, resume: this.#position() });
  }

  /** @param {Order} order */
  #order(order) {
    this.#send?.(order);
  }

  #own() {
    const hub = new Hub();
    const port = { postMessage: this.#tell };
    return (/** @type {Order} */ order) => hub.take(port, order);
  }

  #shared() {
    if (typeof SharedWorker !== "function") return null;
    try {
      const worker = new SharedWorker(workerURL(), { type: "module", name: "causette" });
      const fallBack = () => {
        clearTimeout(silence);
        worker.port.close();
        this.#send = this.#own();
        this.#attach();
      };
      const silence = setTimeout(fallBack, ANSWER);
      worker.onerror = fallBack;
      worker.port.onmessage = ({ data }) => {
        clearTimeout(silence);
        this.#tell(data);
      };
      return (/** @type {Order} */ order) => worker.port.postMessage(order);
    } catch {
      return null; // refused, as in some private windows
    }
  }
}

/** The worker's address, as the one thing that the policy "chat" lets through. */
function workerURL() {
  const url = new URL("../worker.js", import.meta.url).href;
  const types = /** @type {any} */ (globalThis).trustedTypes;
  return types ? types.createPolicy("chat", { createScriptURL: () => url }).createScriptURL("") : url;
}
