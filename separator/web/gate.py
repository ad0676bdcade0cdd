"""The gate in front of the page: who may enter, what there is, and what a browser may do with it."""

import base64
import binascii
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = re.compile(r"[\w-]{40,80}", re.ASCII)

OPEN_PATHS = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/(?:assets|static|page)/.*|/recordings(?:[/.].*)?"
    r"|/separations|/gradio_api/(?:heartbeat/\w+|startup-events|info/?)"
)
"""All that the page needs. gradio has more: it serves files by path, takes uploads, and passes requests on."""

SECURITY_HEADERS = {
    # Scripts, fonts, pictures: all from here. gradio makes functions of text and has scripts in its page.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Gate:
    """Lets those through who know the password, to what there is, and gives each browser a session of its own.

    Args:
        app: What is behind it.
        auth: `user:password`; None lets everyone in.
        port: Of this server: the cookies of several on one machine need different names.
    """

    def __init__(self, app: "ASGIApp", auth: str | None, port: int) -> None:
        self.app = app
        self.auth = auth
        self.cookie = f"separator-{port}"

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or pass it on with `session` in its scope: None where the browser has no cookie yet."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if not self._is_known(headers.get("authorization", "")):
            refusal = {"www-authenticate": 'Basic realm="separator", charset="UTF-8"'}
            await PlainTextResponse("A name and a password are needed.", 401, refusal)(scope, receive, send)
            return
        if not OPEN_PATHS.fullmatch(scope["path"]):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
            return
        scope["session"] = self.session_of(headers)
        new = secrets.token_urlsafe(32) if scope["path"] == "/" and scope["session"] is None else None

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(SECURITY_HEADERS)
                if new is not None:
                    answer.append("set-cookie", f"{self.cookie}={new}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def session_of(self, headers: Headers) -> str | None:
        """Return the session that a request belongs to; None where it has no cookie of this server."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        return found.value if found is not None and TOKEN.fullmatch(found.value) else None

    def _is_known(self, authorization: str) -> bool:
        if self.auth is None:
            return True
        scheme, _, given = authorization.partition(" ")
        try:
            found = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and secrets.compare_digest(found, self.auth.encode())
