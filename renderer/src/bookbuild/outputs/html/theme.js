// Set the reader's theme before the first paint; this script therefore blocks, in <head>, and is tiny.
// Without a stored choice the style sheet follows the system.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = () => (system.matches ? "dark" : "light");

  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // no access to storage: follow the system
    }
  }

  function choose(theme) {
    // the system's own theme is not stored, so that the page follows the system again
    const follows = theme === systemTheme();
    try {
      follows ? localStorage.removeItem("theme") : localStorage.setItem("theme", theme);
    } catch {
      // the choice holds for this page only
    }
    follows ? delete root.dataset.theme : (root.dataset.theme = theme);
  }

  const choice = stored();
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  root.classList.add("js");
  window.bookTheme = {
    current: () => root.dataset.theme || systemTheme(),
    toggle: () => choose(window.bookTheme.current() === "dark" ? "light" : "dark"),
    onSystemChange: (listener) => system.addEventListener("change", listener),
  };
})();
