"""The sign-in page: plain HTML, so that nobody unknown ever creates a NiceGUI client."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ui.static import head_html, static_url

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_login_router() -> APIRouter:
    """The one page that is open to everybody."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/login", methods=["GET", "HEAD"])
    async def login() -> HTMLResponse:
        return HTMLResponse(login_html(), headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})

    return router


def login_html() -> str:
    """The page; it is the same for everybody."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Sign in · Toru Steering Center</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
{head_html("login.js")}
</head>
<body class="t-login">
<main>
  <div class="t-login-brand">
    <span class="t-logo"><img src="{static_url("mark.svg")}" width="40" height="40" alt=""></span>
    <div><b>Toru</b><span>Steering Center</span></div>
  </div>
  <form id="sign-in" class="t-card" method="post" action="/login" novalidate>
    <h1 id="title">Sign in</h1>
    <p class="t-sub" id="about">Watch this server and run its scripts.</p>
    {_password_step()}
    {_CODE_STEP}
    <div id="message" role="alert" aria-live="assertive"></div>
    <div id="spoken" class="t-sr" role="status"></div>
    <button type="submit" id="submit" class="t-btn primary block"><span>Sign in</span></button>
    {_OTHER_WAYS}
  </form>
  <noscript><p class="t-notice warn">Toru needs JavaScript. Allow it for this address and reload.</p></noscript>
</main>
</body>
</html>
"""


def _password_step() -> str:
    sprite = static_url("icons.svg")
    return f"""<div class="t-field" data-step="password">
      <label for="username">User name</label>
      <input class="t-input" id="username" name="username" type="text" autocomplete="username" autocapitalize="none"
        autocorrect="off" spellcheck="false" maxlength="200" required autofocus>
    </div>
    <div class="t-field" data-step="password">
      <label for="password">Password</label>
      <div class="t-input-with">
        <input class="t-input" id="password" name="password" type="password" autocomplete="current-password"
          maxlength="1000" required>
        <button type="button" id="show-password" class="t-iconbtn" aria-label="Show password" aria-pressed="false"
          data-on="{sprite}#eye" data-off="{sprite}#eye-off"><svg class="t-icon" aria-hidden="true"
          viewBox="0 0 24 24"><use href="{sprite}#eye"/></svg></button>
      </div>
    </div>"""


# Asked for only of who has a second factor, once the password was right; login.js shows it.
_CODE_STEP: Final = """<div class="t-field" data-step="code" hidden>
      <label for="code" id="code-label">Code</label>
      <input class="t-input code" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code"
        autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="40">
    </div>"""
_OTHER_WAYS: Final = """<div class="t-login-ways" data-step="code" hidden>
      <button type="button" id="other-code" class="t-btn quiet">Use a recovery code</button>
      <button type="button" id="start-again" class="t-btn quiet">Start again</button>
    </div>"""
