// How a row stands to the one above it: in its group, or after a new day.

/** @import {Texts} from "../lib/texts.js" */

import { continues, dayKey, daysAgo } from "../lib/when.js";
import { clone, part } from "./dom.js";
import { facts } from "./row.js";

/**
 * Sets a message row into its group, under a day separator where it begins a
 * day. A group also breaks where anything else lies between two messages.
 * @param {HTMLElement} row
 * @param {Texts} texts
 */
export function arrange(row, texts) {
  const here = facts(row);
  const above = messageAbove(row);
  const newDay = !above || dayKey(facts(above).at) !== dayKey(here.at);
  separate(row, newDay, here.at, texts);
  const joins = above !== null && above === row.previousElementSibling && continues(facts(above), here);
  row.classList.toggle("continued", joins);
}

/** @param {HTMLElement} row */
function messageAbove(row) {
  let above = row.previousElementSibling;
  while (above && !above.matches(".message")) above = above.previousElementSibling;
  return /** @type {HTMLElement | null} */ (above);
}

/**
 * @param {HTMLElement} row
 * @param {boolean} wanted
 * @param {Date} at
 * @param {Texts} texts
 */
function separate(row, wanted, at, texts) {
  let above = row.previousElementSibling;
  while (above && !above.matches(".message, .day")) above = above.previousElementSibling;
  const day = above?.matches(".day") ? above : null;
  if (!wanted) return day?.remove();
  const rule = day ?? clone("day-template");
  const time = part(rule, "time");
  time.setAttribute("datetime", `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`);
  time.textContent = texts.day(at, daysAgo(at, new Date()));
  if (!day) row.before(rule);
}
