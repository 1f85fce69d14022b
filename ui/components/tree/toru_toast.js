// A sentence shown for a moment, as ui/feedback.py does it; errors stay longer. It is text, never HTML.
const LOOKS = { success: ["ok", "circle-check"], info: ["info", "info"], error: ["bad", "circle-alert"] };

export function toast(message, kind, icons) {
  const [tone, icon] = LOOKS[kind] ?? LOOKS.info;
  const source = (name) => `svguse:${icons}#${name}|0 0 24 24`;
  window.Quasar.Notify.create({
    message, html: false, position: "top", timeout: tone === "bad" ? 8000 : 3500, color: "toast", textColor: "toast",
    icon: source(icon), classes: `t-toast ${tone}`, progress: false, attrs: { role: tone === "bad" ? "alert" : "status" },
    actions: [{ icon: source("x"), round: true, flat: true, color: "toast", "aria-label": "Close" }],
  });
}
