// The frame in the browser: the menu on phones, signing out, and what happens when the connection or the session ends.
(() => {
  const root = document.documentElement;
  const menu = () => document.querySelector(".t-nav");
  const narrow = window.matchMedia("(max-width: 1023px)");

  // ---- menu: a drawer below 1024 px, always there above
  let opener = null;

  function openMenu(button) {
    if (!menu()) return;
    opener = button;
    root.classList.add("menu-open");
    for (const rest of outside()) rest.inert = true;
    (menu().querySelector("[aria-current]") || menu().querySelector("a")).focus({ preventScroll: true });
    expanded(true);
  }

  function closeMenu() {
    if (!root.classList.contains("menu-open")) return;
    root.classList.remove("menu-open");
    for (const rest of outside()) rest.inert = false;
    expanded(false);
    opener?.focus({ preventScroll: true });
    opener = null;
  }

  const outside = () => document.querySelectorAll(".t-header, .q-page-container, .t-bottom");

  function expanded(open) {
    for (const button of document.querySelectorAll("[data-menu]")) button.setAttribute("aria-expanded", String(open));
  }

  document.addEventListener("click", (event) => {
    const target = event.target;
    const button = target.closest("[data-menu]");
    if (button) return root.classList.contains("menu-open") ? closeMenu() : openMenu(button);
    if (target.closest("[data-sign-out]")) return signOut();
    const copy = target.closest("[data-copy]");
    if (copy) return copied(copy);
    if (target.closest(".t-nav a") || target.classList.contains("t-scrim")) closeMenu();
    const popover = target.closest("[popover]");
    if (popover && target.closest("a[href]")) popover.hidePopover();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenu();
  });
  narrow.addEventListener("change", closeMenu);

  // A swipe from the left edge opens the menu, a swipe to the left closes it.
  let start = null;
  document.addEventListener("touchstart", (event) => {
    const touch = event.touches[0];
    const open = root.classList.contains("menu-open");
    start = narrow.matches && event.touches.length === 1 && (open || touch.clientX < 20) ? touch : null;
  }, { passive: true });
  document.addEventListener("touchend", (event) => {
    if (!start) return;
    const end = event.changedTouches[0];
    const [across, down] = [end.clientX - start.clientX, Math.abs(end.clientY - start.clientY)];
    start = null;
    if (Math.abs(across) < 60 || down > 60) return;
    if (across < 0) closeMenu();
    else if (!root.classList.contains("menu-open")) openMenu(document.querySelector(".t-header [data-menu]"));
  }, { passive: true });

  // ---- dialogs: what lies behind one is out of reach, and gets the focus back
  let last = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.closest(".nicegui-layout")) last = event.target;
  });

  function behindDialog() {
    const layout = document.querySelector(".nicegui-layout");
    const open = document.querySelector('[id^="q-portal--dialog"]') !== null;
    if (!layout || layout.inert === open) return;
    layout.inert = open;
    if (!open) last?.focus({ preventScroll: true });
  }

  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(behindDialog).observe(document.body, { childList: true });
    document.getElementById("popup")?.setAttribute("role", "status");
  });

  // ---- copying: the clipboard, or where the page came without TLS, the old way
  window.toruCopy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const box = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
      box.style.cssText = "position:fixed;top:0;opacity:0";
      (document.querySelector("dialog[open], .q-dialog") || document.body).append(box);
      box.select();
      const worked = document.execCommand("copy");
      box.remove();
      return worked;
    }
  };

  async function copied(button) {
    if (!(await toruCopy(button.dataset.copy))) return;
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  }

  // ---- session
  const here = () => location.pathname + location.search;
  const toSignIn = () => location.replace("/login?ended=1&next=" + encodeURIComponent(here()));

  async function signOut() {
    window.socket?.disconnect(); // else the server's word that the session has ended would come first
    try {
      await fetch("/api/auth/logout", { method: "POST" });
    } finally {
      location.replace("/login");
    }
  }

  // A refused reconnect looks like a lost network. Only the server can tell the two apart.
  let asking = false;
  async function stillSignedIn() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch("/api/auth/me", { cache: "no-store" });
      if (answer.ok && !(await answer.json()).authenticated) toSignIn();
    } catch {
      // no network: NiceGUI goes on trying, and its notice is shown
    } finally {
      setTimeout(() => { asking = false; }, 1000);
    }
  }
  window.toruSession = { check: stillSignedIn, end: toSignIn };

  const waiting = setInterval(() => {
    if (!window.socket) return;
    clearInterval(waiting);
    window.socket.on("connect_error", stillSignedIn);
    window.socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") stillSignedIn();
    });
  }, 50);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) stillSignedIn();
  });
})();
