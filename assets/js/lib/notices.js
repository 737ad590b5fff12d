/** @import {Notice} from "../types.d.ts" */

/**
 * Sums up a run of notices: for each kind, in the order they began, who. Whoever
 * did the same thing twice is named once.
 * @param {Notice[]} notices
 */
export function sum(notices) {
  /** @type {Map<Notice["kind"], Map<string, Notice>>} */
  const kinds = new Map();
  for (const notice of notices) {
    const people = kinds.get(notice.kind) ?? new Map();
    kinds.set(notice.kind, people.set(notice.who.id, notice));
  }
  return [...kinds].map(([kind, people]) => ({ kind, notices: [...people.values()] }));
}
