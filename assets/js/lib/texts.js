/** @typedef {string | number | Node} Value */

/** The page's sentences in one language, from locales/*.json. */
export class Texts {
  #texts;
  #plural;
  #list;
  #day;
  #full;
  #clock;

  /**
   * @param {string} lang
   * @param {Record<string, string>} texts
   */
  constructor(lang, texts) {
    this.#texts = texts;
    this.#plural = new Intl.PluralRules(lang);
    this.#list = new Intl.ListFormat(lang, { type: "conjunction" });
    this.#clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" });
    this.#day = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
    this.#full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" });
  }

  /** @param {string} key */
  has(key) {
    return key in this.#texts;
  }

  /**
   * The sentence named key. With `n`, the plural form that n asks for.
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   */
  t(key, values = {}) {
    return this.parts(key, values).join("");
  }

  /**
   * The sentence in parts, so that a value may be a node.
   * @template {Value} V
   * @param {string} key
   * @param {Record<string, V>} values
   * @returns {(string | V)[]}
   */
  parts(key, values) {
    return this.#sentence(key, Number(values.n)).split(/\{(\w+)\}/)
      .map((part, i) => (i % 2 ? values[part] ?? "" : part));
  }

  /**
   * @param {string} key
   * @param {number} n
   */
  #sentence(key, n) {
    const plain = this.#texts[key];
    if (plain !== undefined || Number.isNaN(n)) return plain ?? key;
    return this.#texts[`${key}.${this.#plural.select(n)}`] ?? this.#texts[`${key}.other`] ?? key;
  }

  /**
   * "a, b and c" in parts: each value stands where it belongs.
   * @template {Value} V
   * @param {V[]} values
   * @returns {(string | V)[]}
   */
  list(values) {
    let next = 0;
    return this.#list.formatToParts(values.map((_, i) => String(i)))
      .map(({ type, value }) => (type === "element" ? values[next++] : value));
  }

  /** @param {Date} at */
  clock(at) {
    return this.#clock.format(at);
  }

  /** @param {Date} at */
  full(at) {
    return this.#full.format(at);
  }

  /**
   * @param {Date} at
   * @param {number} ago whole days
   */
  day(at, ago) {
    if (ago === 0) return this.#texts["log.today"];
    if (ago === 1) return this.#texts["log.yesterday"];
    return this.#day.format(at);
  }
}
