// The sign-in page: sends the form as JSON, asks for the second factor where there is one, counts a lock-out down, and
// goes on when somebody is signed in already.
(() => {
  const form = document.getElementById("sign-in");
  const username = form.elements.username;
  const password = form.elements.password;
  const code = form.elements.code;
  const submit = document.getElementById("submit");
  const message = document.getElementById("message");
  const eye = document.getElementById("show-password");

  // Only a path of ours: one slash, then neither a slash nor a backslash (browsers read "/\" as "//").
  function next() {
    const wanted = new URLSearchParams(location.search).get("next") || "/";
    if (!/^\/(?![/\\])/.test(wanted) || /[\u0000-\u001f\\]/.test(wanted)) return "/";
    const url = new URL(wanted, location.origin);
    return url.origin === location.origin && url.pathname !== "/login" ? url.pathname + url.search + url.hash : "/";
  }

  function say(text, kind = "bad") {
    message.textContent = text;
    message.className = text ? `t-notice ${kind}` : "";
    const wrong = text && kind === "bad" ? "true" : "false";
    for (const field of asksForCode ? [code] : [username, password]) field.setAttribute("aria-invalid", wrong);
  }

  // Two steps in one form: name and password, then the code. The first stay filled in, for they are sent again.
  let asksForCode = false;
  let byApp = true;

  function step(codeNext) {
    asksForCode = codeNext;
    for (const part of form.querySelectorAll("[data-step]")) part.hidden = (part.dataset.step === "code") !== codeNext;
    document.getElementById("title").textContent = codeNext ? "Second factor" : "Sign in";
    say("");
    code.value = "";
    way(true);
    (codeNext ? code : password).focus();
  }

  function way(app) {
    byApp = app;
    document.getElementById("code-label").textContent = app ? "Code" : "Recovery code";
    document.getElementById("other-code").textContent = app ? "Use a recovery code" : "Use the app";
    document.getElementById("about").textContent = !asksForCode
      ? "Watch this server and run its scripts."
      : app
        ? `Enter the six digits that your authenticator app shows for ${username.value.trim()}.`
        : "Enter one of the ten codes that you were given. Each works once.";
    code.inputMode = app ? "numeric" : "text";
    code.autocomplete = app ? "one-time-code" : "off";
    code.value = "";
  }

  function busy(on) {
    submit.disabled = on;
    submit.classList.toggle("busy", on);
    submit.setAttribute("aria-busy", String(on));
  }

  let clock = null;
  function countDown(seconds) {
    const end = Date.now() + seconds * 1000;
    clearInterval(clock);
    submit.disabled = true;
    const spoken = document.getElementById("spoken");
    spoken.textContent = `Too many tries. Try again in ${inWords(seconds)}.`;
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      if (left > 0) {
        say(`Too many tries. Try again in ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}.`, "warn");
        return;
      }
      clearInterval(clock);
      submit.disabled = false;
      spoken.textContent = "You can try again now.";
      say("You can try again now.", "ok");
    };
    message.setAttribute("aria-live", "off"); // a screen reader hears the sentence once, not every second
    tick();
    clock = setInterval(tick, 250);
  }

  function inWords(seconds) {
    const minutes = Math.ceil(seconds / 60);
    return seconds < 60 ? `${seconds} seconds` : minutes === 1 ? "one minute" : `${minutes} minutes`;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    message.setAttribute("aria-live", "assertive");
    if (!username.value.trim() || !password.value) {
      say("Enter your user name and your password.");
      (username.value.trim() ? password : username).focus();
      return;
    }
    if (asksForCode && !code.value.trim()) {
      say(byApp ? "Enter the code that your app shows." : "Enter a recovery code.");
      code.focus();
      return;
    }
    const tried = asksForCode;
    busy(true);
    say("");
    let answer, body;
    try {
      answer = await fetch("/api/auth/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: username.value, password: password.value, ...(tried && { code: code.value }) }),
      });
      body = await answer.json();
    } catch {
      busy(false);
      return say("The server does not answer. Check the connection and try again.");
    }
    if (answer.ok && body.success) return location.replace(next());
    busy(false);
    if (body.locked_until) return countDown(body.locked_until);
    if (Boolean(body.second_factor) !== asksForCode) step(!asksForCode);
    if (body.second_factor && !tried) return; // the password was right, and nothing else was asked for so far
    say(body.error || "Signing in did not work. Try again.");
    const field = asksForCode ? code : password;
    field.select();
    field.focus();
  });

  document.getElementById("start-again").addEventListener("click", () => {
    password.value = "";
    step(false);
  });
  document.getElementById("other-code").addEventListener("click", () => {
    say("");
    way(!byApp);
    code.focus();
  });

  eye.addEventListener("click", () => {
    const show = password.type === "password";
    password.type = show ? "text" : "password";
    eye.setAttribute("aria-pressed", String(show));
    eye.querySelector("use").setAttribute("href", eye.dataset[show ? "off" : "on"]);
  });

  if (new URLSearchParams(location.search).has("ended")) say("Your session has ended. Sign in to go on.", "info");

  // SameSite=Strict keeps the cookie from a visit that began on another site; a request of our own carries it.
  (async () => {
    try {
      const answer = await fetch("/api/auth/me", { cache: "no-store" });
      if (answer.ok && (await answer.json()).authenticated) location.replace(next());
    } catch {
      // signing in will tell
    }
  })();
})();
