// An event id is <epoch>-<seq>: a place in a room's log.

/** @param {string} id */
function parse(id) {
  const [epoch, seq] = id.split("-").map(Number);
  return { epoch, seq };
}

/**
 * Orders ids as the log does: negative if a came first.
 * @param {string} a
 * @param {string} b
 */
export function compare(a, b) {
  const x = parse(a);
  const y = parse(b);
  return x.epoch - y.epoch || x.seq - y.seq;
}

/**
 * Whether what begins after `start` goes on from `position` without a hole: both
 * are of one log, and `position` is not before `start`. 0-0 is before any log's
 * first event.
 * @param {string} start
 * @param {string} position
 */
export function covers(start, position) {
  const from = parse(start);
  const at = parse(position);
  return from.epoch === 0 ? true : from.epoch === at.epoch && at.seq >= from.seq;
}
