// Runs before the first paint, so that a remembered theme does not flash. Everything else about
// the theme is in elements/page-menu.js.
(() => {
  try {
    const theme = localStorage.getItem("rethink-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden: the system's theme then holds.
  }
})();
