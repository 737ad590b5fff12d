// A message's row. The markup is the server's (templates/message.html).

/** @import {Message, Span} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */

import { hue } from "../lib/person.js";
import { bigEmoji, href, initial, mentions, spans } from "../lib/text.js";
import { clone, part } from "./dom.js";

/**
 * @param {Message} message its id is empty while it is on its way
 * @param {Session} session
 */
export function messageRow({ id, at, author, text }, session) {
  const row = clone("message-template");
  const name = author.nickname ?? "";
  const mine = author.id === session.id;
  row.dataset.author = author.id;
  row.dataset.hue = String(hue(author.id));
  row.classList.toggle("mine", mine);
  row.classList.toggle("mention", !mine && mentions(text, session.nickname));
  part(row, ".avatar").textContent = initial(name);
  part(row, ".name").textContent = name;
  place(row, id, at);
  write(row, text);
  return row;
}

/**
 * Says which message the row is.
 * @param {HTMLElement} row
 * @param {string} id
 * @param {string} at
 */
export function place(row, id, at) {
  row.dataset.id = id;
  part(row, "time").setAttribute("datetime", at);
}

/**
 * @param {HTMLElement} row
 * @param {string} text
 */
export function write(row, text) {
  row.classList.toggle("big", bigEmoji(text));
  part(row, ".text").replaceChildren(...spans(text).map(node));
}

/** @param {Span} span */
function node({ kind, text }) {
  if (kind === "text") return document.createTextNode(text);
  if (kind === "link") {
    const a = document.createElement("a");
    a.setAttribute("href", href(text));
    a.target = "_blank";
    a.rel = "noopener noreferrer nofollow ugc";
    a.textContent = text;
    return a;
  }
  const code = document.createElement("code");
  code.textContent = text;
  if (kind === "code") return code;
  const pre = document.createElement("pre");
  pre.append(code);
  return pre;
}

/**
 * Writes the row's time in the reader's zone and language.
 * @param {HTMLElement} row
 * @param {Texts} texts
 */
export function localise(row, texts) {
  const time = part(row, "time");
  const at = moment(row);
  time.textContent = texts.clock(at);
  time.title = texts.full(at);
}

/** @param {HTMLElement} row */
export function moment(row) {
  return new Date(part(row, "time").getAttribute("datetime") ?? 0);
}

/**
 * What grouping asks of a row.
 * @param {HTMLElement} row
 */
export function facts(row) {
  return { author: row.dataset.author ?? "", name: part(row, ".name").textContent ?? "", at: moment(row) };
}
