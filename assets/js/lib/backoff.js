const FIRST = 1_000; // milliseconds
const LONGEST = 30_000; // milliseconds

/**
 * How long to wait before try number `attempt` (from 0): anything from nothing
 * to a bound that doubles, so that those who fell together don't come back together.
 * @param {number} attempt
 * @param {number} random in [0, 1)
 */
export function fullJitter(attempt, random) {
  return random * Math.min(LONGEST, FIRST * 2 ** Math.min(attempt, 10));
}

/**
 * What a Retry-After header asks for, in milliseconds; 0 if nothing.
 * @param {string | null} header seconds, or a date
 * @param {number} now milliseconds
 */
export function retryAfter(header, now) {
  if (!header) return 0;
  const wait = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return wait > 0 ? Math.min(wait, 5 * 60_000) : 0;
}
