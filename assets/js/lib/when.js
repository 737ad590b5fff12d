const GROUP_WITHIN = 5 * 60_000; // milliseconds

/**
 * The reader's own day of a moment, as a comparable string.
 * @param {Date} at
 */
export function dayKey(at) {
  return `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`;
}

/**
 * Whether a message goes on in the group of the one right before it.
 * @param {{author: string, name: string, at: Date}} before
 * @param {{author: string, name: string, at: Date}} message
 */
export function continues(before, message) {
  const pause = message.at.getTime() - before.at.getTime();
  return before.author === message.author && before.name === message.name &&
    pause >= 0 && pause < GROUP_WITHIN && dayKey(before.at) === dayKey(message.at);
}

/**
 * How many days ago, in the reader's calendar: 0 today, 1 yesterday.
 * @param {Date} at
 * @param {Date} now
 */
export function daysAgo(at, now) {
  const noon = (/** @type {Date} */ d) => new Date(d.getFullYear(), d.getMonth(), d.getDate(), 12).getTime();
  return Math.round((noon(now) - noon(at)) / 86_400_000);
}
