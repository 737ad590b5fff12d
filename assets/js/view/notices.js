// Who joined, left, took another name. A run of notices is one line that opens.

/** @import {Notice} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Log} from "./log.js" */

import { sum } from "../lib/notices.js";
import { bdi, clone, part } from "./dom.js";

const NAMED = 2; // names in a folded line before "and n others"
const LONGEST = 100; // notices that one run keeps

export class Notices {
  #texts;
  #log;
  /** The notices behind each line. @type {WeakMap<Element, Notice[]>} */
  #runs = new WeakMap();

  /**
   * @param {Texts} texts
   * @param {Log} log
   */
  constructor(texts, log) {
    this.#texts = texts;
    this.#log = log;
  }

  /** @param {Notice} notice */
  add(notice) {
    if (!notice.who.nickname) return;
    const { last } = this.#log;
    const run = [...((last && this.#runs.get(last)) ?? []), notice].slice(-LONGEST);
    const line = run.length === 1 ? this.#single(notice) : this.#folded(run, last?.querySelector("details")?.open);
    this.#runs.set(line, run);
    if (run.length > 1) last?.replaceWith(line);
    else this.#log.add(line);
  }

  /** @param {Notice} notice */
  #single(notice) {
    const line = clone("notice-template");
    part(line, "p").append(...this.#sentence(notice.kind, [notice]));
    return line;
  }

  /**
   * @param {Notice[]} run
   * @param {boolean | undefined} open
   */
  #folded(run, open) {
    const line = clone("fold-template");
    const summary = part(line, "summary");
    for (const { kind, notices } of sum(run)) {
      if (summary.hasChildNodes()) summary.append(" · ");
      summary.append(...this.#sentence(kind, notices));
    }
    part(line, "ul").append(...run.map((notice) => {
      const item = document.createElement("li");
      item.append(...this.#sentence(notice.kind, [notice]), ` · ${this.#texts.clock(new Date(notice.at))}`);
      return item;
    }));
    if (open) part(line, "details").setAttribute("open", "");
    return line;
  }

  /**
   * @param {Notice["kind"]} kind
   * @param {Notice[]} notices
   */
  #sentence(kind, notices) {
    /** @type {(string | Node)[]} */
    const names = notices.slice(0, NAMED).map((n) => bdi(n.who.nickname ?? ""));
    if (notices.length > NAMED) names.push(this.#texts.t("notice.others", { n: notices.length - NAMED }));
    const list = document.createElement("span");
    list.append(...this.#texts.list(names));
    return this.#texts.parts(`notice.${kind}${notices.length > 1 ? ".many" : ""}`,
      { names: list, was: bdi(notices[0].was ?? "") });
  }
}
