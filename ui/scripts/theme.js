// Light or dark before the first paint, and in step with NiceGUI afterwards.
// The choice is kept in the cookie toru_theme (light, dark or absent for "as the system"), so that the server can
// draw the page right at once. `html.dark` is what the style sheet looks at; every change fires "toru:theme",
// every choice "toru:theme-choice".
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => (document.cookie.match(/(?:^|;\s*)toru_theme=(light|dark)\b/) || [])[1] || "auto";

  function paint(dark) {
    if (root.classList.contains("dark") !== dark) {
      root.classList.toggle("dark", dark);
      window.dispatchEvent(new CustomEvent("toru:theme", { detail: { dark } }));
    }
    const meta = document.querySelector('meta[name="theme-color"]');
    if (meta) meta.content = getComputedStyle(root).getPropertyValue("--bg").trim();
  }

  function apply() {
    const choice = chosen();
    const dark = choice === "auto" ? system.matches : choice === "dark";
    paint(dark);
    window.Quasar?.Dark.set(dark);
    window.dispatchEvent(new CustomEvent("toru:theme-choice", { detail: { choice } }));
  }

  function choose(choice) {
    const rest = "; Path=/; SameSite=Strict" + (location.protocol === "https:" ? "; Secure" : "");
    const kept = choice === "auto" ? "; Max-Age=0" : "; Max-Age=31536000";
    document.cookie = `toru_theme=${choice === "auto" ? "" : choice}${kept}${rest}`;
    apply();
  }

  window.toruTheme = { choose, chosen, isDark: () => root.classList.contains("dark") };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    // Quasar starts with what the server sent; the class it puts on <body> is followed from there on.
    const follow = () => {
      const dark = document.body.classList.contains("body--dark");
      if (dark || document.body.classList.contains("body--light")) paint(dark);
    };
    new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
})();
