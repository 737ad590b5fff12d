// The stored choice of light or dark, before the first paint: the one script
// that blocks, and so the smallest.
try {
  const theme = localStorage.getItem("causette:theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's choice stands.
}
