/**
 * Tells the styles how much of the page an on-screen keyboard covers, for
 * browsers that shrink only the visual viewport (Safari).
 */
export function followViewport() {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const follow = () => {
    const zoomed = viewport.scale > 1.01; // a pinch is not a keyboard
    const covered = zoomed ? 0 : Math.max(0, window.innerHeight - viewport.height - viewport.offsetTop);
    document.documentElement.style.setProperty("--inset", `${Math.round(covered)}px`);
  };
  viewport.addEventListener("resize", follow);
  viewport.addEventListener("scroll", follow);
}
