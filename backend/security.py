"""Who may ask what: host, origin, token, content type and size, checked before any route.

Loopback is no trust boundary (any page in the user's browser can reach it), so the token is needed
there too. Public are only the static page, health and the token exchange: they hold no data.
"""

import hashlib
import hmac
import ipaddress
import re
import threading
import time
from collections import OrderedDict

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import problem

MAX_BODY = 64_000
"""Bytes; the largest legitimate request, but for a grid, is a few kilobytes."""
MAX_BODIES = {
    "/api/v1/session": 4_000,  # before sign-in
    "/api/v1/studies": 1_000_000,
    "/api/v1/studies/plan": 1_000_000,
}
"""Limits of paths that have another one, in bytes."""
HOST = re.compile(
    r"(?:\[([0-9a-f.]*:[0-9a-f:.]*)\]|([a-z0-9._-]+))(?::([0-9]{0,5}))?", re.ASCII | re.I
)
"""The Host header: an IPv6 address in brackets or a name, and a port."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = frozenset(
    {("GET", "/"), ("HEAD", "/"), ("GET", "/favicon.ico"), ("GET", "/api/v1/health")}
)
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


MAX_FAILURES = 10
"""Failed sign-ins of an address before it has to wait."""
WAIT_SECONDS = 60.0
"""Time between two further ones."""
MAX_ADDRESSES = 10_000


class Failures:
    """Failed sign-ins by address: after ten there is one try a minute; shared by threads.

    Only sign-in is counted. A script that goes on with an old token must not lock its address out.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def must_wait(self, address: str) -> bool:
        with self._lock:
            count, at = self._found.get(_network(address), (0, 0.0))
        return count >= MAX_FAILURES and time.monotonic() - at < WAIT_SECONDS

    def add(self, address: str) -> None:
        key = _network(address)
        with self._lock:
            count, _ = self._found.pop(key, (0, 0.0))
            self._found[key] = count + 1, time.monotonic()
            if len(self._found) > MAX_ADDRESSES:
                self._found.popitem(last=False)

    def forget(self, address: str) -> None:
        with self._lock:
            self._found.pop(_network(address), None)


def _network(address: str) -> str:
    """An IPv4 address itself; of an IPv6 address the /64, all of which one subscriber has."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket, or a test's client
        return address
    if given.version == 4:
        return address
    return str(ipaddress.ip_network((int(given) >> 64 << 64, 64)))


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
        origin = f"{scope['scheme']}://{self._check_host(headers)}"
        if (method, path) in PUBLIC or (method in SAFE_METHODS and path.startswith("/static/")):
            return
        if headers.get("sec-fetch-site") == "cross-site":
            raise Refusal(403, "Request refused", "Requests from other sites are not allowed.")
        if method not in SAFE_METHODS:
            self._check_unsafe(headers, origin)
        if (method, path) != SIGN_IN:
            self._check_token(headers, method)

    def _check_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self.hosts:
            shown = hosts[0][:100] if hosts else "none"
            raise Refusal(
                400,
                "Unknown host",
                f"Host {shown!r} is not served here. Open the address that was printed at the "
                "start, or add the name to RETHINK_ALLOWED_HOSTS.",
            )
        return hosts[0]

    def _check_unsafe(self, headers: Headers, own: str) -> None:
        for origin in headers.getlist("origin"):
            if origin != own:
                hint = ""
                if origin.partition("://")[2] == own.partition("://")[2]:
                    hint = (
                        f" This server is reached as {own[:100]}: a proxy that speaks TLS has to "
                        "send X-Forwarded-Proto, see docs/deployment.md."
                    )
                raise Refusal(
                    403, "Request refused", f"Origin {origin[:100]!r} is not allowed.{hint}"
                )
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
        cookies = _cookies(headers, self.credentials.cookie_name)
        if not any(map(self.credentials.is_cookie, cookies)):
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


def _name(host: str) -> str | None:
    """The name or address in a Host header; None if it is not well formed."""
    found = HOST.fullmatch(host)
    if found is None or int(found[3] or 0) > 65535:
        return None
    return str(found[1] or found[2]).lower()


def _cookies(headers: Headers, name: str) -> list[str]:
    """The values of the cookies with this name, whatever stands beside them.

    Cookies ignore ports, so others on this machine set theirs too, and not always by RFC 6265.
    """
    pairs = [part.partition("=") for part in ";".join(headers.getlist("cookie")).split(";")]
    return [value.strip() for key, _, value in pairs if key.strip() == name]


async def _within_limit(scope: Scope, receive: Receive) -> Receive:
    """Read the body, at most as many bytes of it as the path may have, and hand it on."""
    if scope["method"] in SAFE_METHODS:
        return receive
    limit = MAX_BODIES.get(scope["path"], MAX_BODY)
    too_large = Refusal(413, "Body too large", f"The body may have at most {limit} bytes.")
    length = Headers(scope=scope).get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise too_large
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise too_large

    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
