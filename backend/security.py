"""Who may ask what: host, origin, token, content type and size, checked before any route.

Loopback is no trust boundary (any page in the user's browser can reach it), so the token is needed
there too. Public are only the static page, health and the token exchange: they hold no data.
"""

import hashlib
import hmac
import http.cookies
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import problem

MAX_BODY = 1_000_000
"""Bytes; the largest legitimate request is a few kilobytes."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = frozenset({("GET", "/"), ("HEAD", "/"), ("GET", "/api/v1/health")})
SIGN_IN = ("POST", "/api/v1/session")
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
RESPONSE_HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Credentials:
    """The token, and the cookie that a browser gets in exchange for it."""

    def __init__(self, token: str, instance: str) -> None:
        self._token = token.encode()
        # Cookies ignore ports: the name keeps two servers on one machine apart.
        self.cookie_name = "rethink_" + hashlib.sha256(instance.encode()).hexdigest()[:8]
        self.cookie_value = hmac.new(self._token, b"session", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token)

    def is_cookie(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.cookie_value.encode())


class Refusal(Exception):
    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


class Guard:
    """ASGI middleware that refuses what it should before a route sees it."""

    def __init__(self, app: ASGIApp, credentials: Credentials, hosts: frozenset[str]) -> None:
        self.app, self.credentials, self.hosts = app, credentials, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *RESPONSE_HEADERS]
            await send(message)

        try:
            self._check(scope)
            receive = await _within_limit(scope, receive)
        except Refusal as refusal:
            answer = problem(refusal.status, refusal.title, refusal.detail)
            if refusal.status == 401:
                answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        host = self._check_host(headers)
        if (method, path) in PUBLIC or (method in SAFE_METHODS and path.startswith("/static/")):
            return
        if headers.get("sec-fetch-site") == "cross-site":
            raise Refusal(403, "Request refused", "Requests from other sites are not allowed.")
        if method not in SAFE_METHODS:
            self._check_unsafe(headers, host)
        if (method, path) != SIGN_IN:
            self._check_token(headers, method)

    def _check_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        name = urlsplit(f"//{hosts[0]}").hostname if len(hosts) == 1 else None
        if name is None or name.lower() not in self.hosts:
            shown = hosts[0][:100] if hosts else "none"
            raise Refusal(
                400,
                "Unknown host",
                f"Host {shown!r} is not served here. Open the address that was printed at the "
                "start, or add the name to RETHINK_ALLOWED_HOSTS.",
            )
        return hosts[0]

    def _check_unsafe(self, headers: Headers, host: str) -> None:
        for origin in headers.getlist("origin"):
            if urlsplit(origin).netloc != host:
                raise Refusal(403, "Request refused", f"Origin {origin[:100]!r} is not allowed.")
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        media_type = headers.get("content-type", "").split(";")[0].strip().lower()
        if has_body and media_type != "application/json":
            raise Refusal(
                415,
                "Unsupported media type",
                "Send the body as JSON, with Content-Type: application/json.",
            )

    def _check_token(self, headers: Headers, method: str) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.credentials.is_token(given.strip()):
            return
        cookie = _cookie(headers, self.credentials.cookie_name)
        if cookie is None or not self.credentials.is_cookie(cookie):
            raise Refusal(
                401,
                "A token is needed",
                "Send `Authorization: Bearer <token>`; `rethink token` prints the token. In a "
                "browser, open the link that `rethink up` printed.",
            )
        if method not in SAFE_METHODS and "x-rethink" not in headers:
            raise Refusal(
                403, "Request refused", "Requests with a cookie need the header X-Rethink: 1."
            )


def _cookie(headers: Headers, name: str) -> str | None:
    try:
        jar = http.cookies.SimpleCookie(headers.get("cookie", ""))
    except http.cookies.CookieError:
        return None
    return jar[name].value if name in jar else None


async def _within_limit(scope: Scope, receive: Receive) -> Receive:
    """Read the body, at most MAX_BODY bytes of it, and hand it on."""
    if scope["method"] in SAFE_METHODS:
        return receive
    too_large = Refusal(413, "Body too large", f"The body may have at most {MAX_BODY} bytes.")
    length = Headers(scope=scope).get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY:
        raise too_large
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise too_large

    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
