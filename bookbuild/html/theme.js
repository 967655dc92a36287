// Sets the reader's theme before anything is painted; hence blocking, in <head>, and tiny.
// Without a stored choice the style sheet follows the system by itself.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = () => (system.matches ? "dark" : "light");

  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is closed to us: follow the system
    }
  }

  function choose(theme) {
    // the system's own theme is no choice to remember: forgetting it lets the page follow again
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
