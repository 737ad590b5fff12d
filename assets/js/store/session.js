// Who the reader is. The server decides; this only remembers and tells.

export class Session {
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /**
   * @param {string} id
   * @param {string} nickname empty if none was taken
   */
  constructor(id, nickname) {
    this.id = id;
    this.nickname = nickname;
  }

  get named() {
    return this.nickname !== "";
  }

  /** @param {{id: string, nickname?: string}} who */
  become({ id, nickname = "" }) {
    if (id === this.id && nickname === this.nickname) return;
    this.id = id;
    this.nickname = nickname;
    for (const listener of this.#listeners) listener();
  }

  /** @param {() => void} listener */
  onChange(listener) {
    this.#listeners.add(listener);
  }
}
