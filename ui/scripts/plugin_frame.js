// Inside a plugin's document: light or dark as the page around it, the bundle's api, and its mount and unmount.
(() => {
  const root = document.documentElement;
  const { plugin: id, route } = root.dataset;
  const around = window.parent === window ? null : window.parent;
  const OWN = "/api/plugins/";
  const container = () => document.getElementById("toru-plugin");

  // ---- light and dark, in step with the page around
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function paint() {
    const dark = around ? around.document.documentElement.classList.contains("dark") : system.matches;
    root.classList.toggle("dark", dark);
  }
  paint();
  (around ?? system).addEventListener(around ? "toru:theme" : "change", paint);

  // ---- what the page around does for us
  const tell = (name, detail) =>
    window.frameElement?.dispatchEvent(new CustomEvent(`toru-plugin:${name}`, { detail }));

  // A lost session leads the whole page to the sign-in.
  async function ask(input, options) {
    const answer = await fetch(input, options);
    if (answer.status === 401) tell("stranger", null);
    return answer;
  }

  function navigate(path) {
    const target = new URL(String(path), location.origin);
    if (target.origin !== location.origin) throw new TypeError("navigate() leads to pages of this server only.");
    const own = target.pathname + target.search + target.hash;
    if (around) tell("navigate", own);
    else location.assign(own);
  }

  async function store(action, key, value) {
    const answer = await ask(`${OWN}${id}/kv`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action, key: String(key), ...(action === "set" ? { value: String(value) } : {}) }),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error || `The value could not be kept (${answer.status}).`);
    return told.value ?? null;
  }

  const api = Object.freeze({
    fetch(path, options) {
      const text = String(path ?? "");
      if (text.startsWith(OWN)) return ask(text, options);
      return ask(`${OWN}route${route}${text.startsWith("/") ? "" : "/"}${text}`, options);
    },
    navigate,
    showToast: (message, kind = "info") => tell("toast", { message: String(message), kind: String(kind) }),
    kv: Object.freeze({
      get: (key) => store("get", key),
      set: (key, value) => store("set", key, value),
      delete: (key) => store("delete", key),
    }),
  });

  // ---- links lead the whole page, or out of it
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((element) => element.matches?.("a[href]"));
    if (!link || link.hasAttribute("download") || link.getAttribute("href").startsWith("#")) return;
    const target = new URL(link.href, location.href);
    if (!/^https?:$/.test(target.protocol)) return;
    event.preventDefault();
    const isPage = target.origin === location.origin && !target.pathname.startsWith("/api/");
    if (isPage && link.target !== "_blank") navigate(target.href);
    else window.open(target.href, "_blank", "noopener");
  });

  // ---- mount and unmount
  let mounted = null;

  function problem(sentence) {
    document.getElementById("toru-problem")?.remove();
    const card = document.createElement("section");
    card.id = "toru-problem";
    card.setAttribute("role", "alert");
    const [title, text] = [document.createElement("h1"), document.createElement("p")];
    title.textContent = "This page of the plugin cannot be shown";
    text.textContent = sentence;
    card.append(title, text);
    container().hidden = true;
    document.body.append(card);
  }

  function unmount() {
    const plugin = mounted;
    mounted = null;
    try {
      plugin?.unmount?.(container());
    } catch (error) {
      console.warn("the plugin's unmount failed:", error);
    }
  }
  window.toruUnmount = unmount;
  window.addEventListener("pagehide", () => {
    unmount();
    around?.removeEventListener("toru:theme", paint);
  });

  async function why() {
    const answer = await ask(`${OWN}${id}/bundle.js`).catch(() => null);
    if (!answer) return "The server cannot be reached.";
    if (answer.ok) return "Its bundle.js could not be run.";
    return (await answer.json().catch(() => ({}))).error || `Its bundle.js was answered with ${answer.status}.`;
  }

  function load() {
    return new Promise((loaded, failed) => {
      const script = document.createElement("script");
      script.src = `${OWN}${id}/bundle.js`;
      script.onload = loaded;
      script.onerror = failed;
      document.head.append(script);
    });
  }

  const said = (error) => error?.message || String(error);

  // A page that is drawn later, as React does, fails after its mount: what it leaves is an empty container.
  let thrown = null;
  function hear(error) {
    thrown ??= error;
    setTimeout(() => {
      if (!mounted || container().firstChild) return;
      unmount();
      problem(`It failed while it was drawn: ${said(error)}`);
    }, 100);
  }
  window.addEventListener("error", (event) => { if (event.message) hear(event.error ?? event.message); });
  window.addEventListener("unhandledrejection", (event) => hear(event.reason));

  async function start() {
    window.ToruPlugins ??= {};
    try {
      await load();
    } catch {
      return problem(await why());
    }
    const plugin = window.ToruPlugins?.[id] ?? window[`toru_plugin_${id}`];
    if (typeof plugin?.mount !== "function") {
      return problem(thrown ? `Its bundle failed: ${said(thrown)}` : "Its bundle did not register a page for it.");
    }
    mounted = plugin;
    try {
      await plugin.mount(container(), api);
    } catch (error) {
      unmount();
      problem(`It failed while it was drawn: ${said(error)}`);
    }
  }
  document.addEventListener("DOMContentLoaded", start);
})();
