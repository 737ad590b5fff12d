// templates/view.go has the same rule for rows that the server renders.

const HUES = 12; // css/message.css has as many

/**
 * One of the nickname colours, by the id, so that a person keeps their colour
 * under another name. FNV-1a.
 * @param {string} id
 */
export function hue(id) {
  let h = 2166136261;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 16777619);
  return (h >>> 0) % HUES;
}
