// Runs before the first paint, so that a dark console does not flash white.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("fluxbase-theme");
  } catch {
    // storage is refused: follow the system
  }
  var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
