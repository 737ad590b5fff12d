// Storage that may be missing, full or forbidden: then nothing is kept, and
// nothing breaks.

/** @param {() => Storage} area */
function guarded(area) {
  return {
    /**
     * @param {string} key
     * @returns {string | null}
     */
    get(key) {
      try {
        return area().getItem(`causette:${key}`);
      } catch {
        return null;
      }
    },
    /**
     * @param {string} key
     * @param {string} value empty removes it
     */
    set(key, value) {
      try {
        if (value) area().setItem(`causette:${key}`, value);
        else area().removeItem(`causette:${key}`);
      } catch {
        // Kept nowhere; the page works on.
      }
    },
  };
}

/** @typedef {ReturnType<typeof guarded>} Shelf */

/** For good, for all tabs. */
export const lasting = guarded(() => localStorage);

/** For this tab, over reloads. */
export const tab = guarded(() => sessionStorage);
