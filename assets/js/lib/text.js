// What a message's text is made of. templates/text.go does the same for rows
// that the server renders; templates/testdata/texts.json holds both together.

/** @import {Span} from "../types.d.ts" */

const FENCE = /```(?:[A-Za-z0-9+#-]*\n)?([\s\S]+?)```\n?/gu;
const INLINE = /`([^`\n]+)`/gu;
// White space is spelt out, because \s is not the same in Go.
const LINK = /https?:\/\/[\p{L}\p{N}[][^\x00-\x20\u00a0\u2028\u2029\u3000<>"`]*/giu;
const EMOJI = /[\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b00-\u2bff\u{1f000}-\u{1faff}]|^[0-9#*]\ufe0f?\u20e3$/u;
const WORD_AT_END = /[\p{L}\p{N}_]$/u;
const MAX_BIG_EMOJI = 3;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Cuts a text into fenced code, code, http(s) links, and the rest.
 * @param {string} text
 * @returns {Span[]}
 */
export function spans(text) {
  return cut(text, FENCE, "pre", (rest) => cut(rest, INLINE, "code", links));
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 * @param {"pre" | "code"} kind
 * @param {(text: string) => Span[]} between
 */
function cut(text, pattern, kind, between) {
  /** @type {Span[]} */
  const out = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) out.push(...between(text.slice(at, match.index)));
    out.push({ kind, text: kind === "pre" ? match[1].replace(/\n$/, "") : match[1] });
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push(...between(text.slice(at)));
  return out;
}

/** @param {string} text */
function links(text) {
  /** @type {Span[]} */
  const out = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    if (WORD_AT_END.test(text.slice(0, match.index))) continue;
    const url = trimPunctuation(match[0]);
    if (match.index > at) out.push({ kind: "text", text: text.slice(at, match.index) });
    out.push({ kind: "link", text: url });
    at = match.index + url.length;
  }
  if (at < text.length) out.push({ kind: "text", text: text.slice(at) });
  return out;
}

/**
 * Takes off the end of a URL what belongs to the sentence around it.
 * @param {string} url
 */
function trimPunctuation(url) {
  for (;;) {
    const last = url.at(-1) ?? "";
    const open = { ")": "(", "]": "[", "}": "{" }[last];
    const unopened = open && url.split(last).length > url.split(open).length;
    if (!unopened && !".,;:!?'*_~…»”’".includes(last)) return url;
    url = url.slice(0, -1);
  }
}

/**
 * A link's address, escaped as Go's html/template escapes it.
 * @param {string} url
 */
export function href(url) {
  return url.replace(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!#$&*+,/:;=?@[\]%]/gu, (c) =>
    [...new TextEncoder().encode(c)].map((byte) => "%" + byte.toString(16).padStart(2, "0")).join(""));
}

/**
 * Whether the text has @name, in any case, as a word of its own.
 * @param {string} text
 * @param {string} name
 */
export function mentions(text, name) {
  if (!name) return false;
  const escaped = name.toLowerCase().replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])@${escaped}(?![\\p{L}\\p{N}_])`, "u").test(text.toLowerCase());
}

/**
 * Whether the text is one to three emoji and nothing else.
 * @param {string} text
 */
export function bigEmoji(text) {
  if (text.length > 100) return false; // three emoji are never that long
  const seen = [...graphemes.segment(text)].map((s) => s.segment).filter((s) => s.trim());
  return seen.length > 0 && seen.length <= MAX_BIG_EMOJI && seen.every((s) => EMOJI.test(s));
}

/**
 * How many characters a person counts in the text.
 * @param {string} text
 */
export function length(text) {
  let n = 0;
  for (const _ of graphemes.segment(text)) n++;
  return n;
}

/**
 * The first character of a name, as a person counts characters.
 * @param {string} name
 */
export function initial(name) {
  for (const { segment } of graphemes.segment(name.trim())) return segment;
  return "";
}
