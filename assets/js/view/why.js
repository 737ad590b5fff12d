/** @import {Texts} from "../lib/texts.js" */
/** @import {Problem} from "../net/api.js" */

/**
 * A problem in the reader's language, or in the server's words where the page
 * has none for it.
 * @param {Texts} texts
 * @param {Problem} problem
 */
export function why(texts, { code, detail, status }) {
  if (texts.has(`error.${code}`)) return texts.t(`error.${code}`);
  return detail || texts.t(status >= 500 ? "error.unavailable" : "error.network");
}
