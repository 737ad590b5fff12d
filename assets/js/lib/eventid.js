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
 * first event. A log may go on in a later epoch, with the next seq.
 * @param {string} start
 * @param {string} position
 */
export function covers(start, position) {
  const from = parse(start);
  const at = parse(position);
  if (from.epoch === 0) return true;
  return from.epoch === at.epoch ? at.seq >= from.seq : at.epoch > from.epoch && at.seq > from.seq;
}

/**
 * How many messages came after the last one read. None where nothing was read,
 * one at least where the log is another by now.
 * @param {string} read
 * @param {string} last
 */
export function unreadSince(read, last) {
  if (!read || !last || last === "0-0") return 0;
  const from = parse(read);
  const at = parse(last);
  if (from.epoch === at.epoch || at.seq > from.seq) return Math.max(0, at.seq - from.seq);
  return at.seq + 1;
}
