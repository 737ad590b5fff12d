/**
 * A new name for a message. Not crypto.randomUUID, which plain http has not.
 */
export function nonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}
