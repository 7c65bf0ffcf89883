// A nicety only: paper shows the tables that the screen folds away.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
