"""The attacks that hit other experiment trackers, tried on this one."""

import json
import time

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from backend import security
from backend.__main__ import serve
from backend.app import create_app
from core.run.errors import InvalidInput
from core.settings import Settings
from core.storage.database import Database
from tests.backend.conftest import TOKEN

PUBLIC = {
    *("/", "/favicon.ico", "/static/plotly.min.js", "/static"),
    *("/api/v1/health", "/api/v1/session"),
}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def stranger(api: TestClient) -> TestClient:
    """A client without a token."""
    del api.headers["Authorization"]
    return api


def paths(api: TestClient) -> list[tuple[str, str]]:
    """Every method and path of the application, mounts too."""
    found = []
    for route in _routes(api.app.routes):  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            found.append(("GET", route.path))
        elif isinstance(route, Route | APIRoute):
            found += [(method, route.path) for method in route.methods or ()]
    return found


def _routes(routes: list[object]) -> list[object]:
    """The routes, those of included routers too, whichever way FastAPI keeps them."""
    found = []
    for route in routes:
        inner = getattr(getattr(route, "router", None), "routes", None)
        found += _routes(inner) if inner and not isinstance(route, Mount) else [route]
    return found


def test_every_route_that_holds_data_needs_the_token(stranger: TestClient) -> None:
    tried = [(m, p) for m, p in paths(stranger) if p not in PUBLIC]
    assert tried
    schema = create_app(stranger.app.state.parts.settings).openapi()  # type: ignore[attr-defined]
    tried += [(m.upper(), p) for p, ms in schema["paths"].items() for m in ms if p not in PUBLIC]
    assert len({p for _, p in tried}) >= 10
    for method, path in tried:
        filled = path.replace("{run_id}", "0123456789abcdef")
        answer = stranger.request(method, filled, json={} if method in UNSAFE else None)
        assert answer.status_code == 401, (method, path)
        if method != "HEAD":
            assert "rethink token" in answer.json()["detail"]


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", "Basic abc", f"Token {TOKEN}", "é"])
def test_another_token_is_no_token(stranger: TestClient, given: str) -> None:
    answer = stranger.get("/api/v1/runs", headers={"Authorization": given.encode()})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        *("evil.com", "127.0.0.1.evil.com", "", "evil.com:80", "[::2]"),
        *("[", "[::1", "[]", "[127.0.0.1]", "evil.com@127.0.0.1"),
        *("127.0.0.1:abc", "127.0.0.1:99999", "127.0.0.1#x", "127.0.0.1?x", "local\thost"),
    ],
)
def test_a_foreign_host_is_refused_on_every_route(api: TestClient, host: str) -> None:
    """DNS rebinding: a page of evil.com whose name suddenly leads here."""
    for path in ("/", "/api/v1/health", "/api/v1/runs", "/static/index.html"):
        answer = api.get(path, headers={"Host": host})
        assert answer.status_code == 400, (path, host)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_are_served(api: TestClient, host: str) -> None:
    assert api.get("/api/v1/runs", headers={"Host": host}).status_code == 200


def test_two_hosts_are_refused(api: TestClient) -> None:
    answer = api.get("/api/v1/runs", headers=[("Host", "127.0.0.1"), ("Host", "evil.com")])
    assert answer.status_code == 400


def test_an_unsafe_request_from_another_origin_is_refused(api: TestClient) -> None:
    for method in UNSAFE:
        for headers in (
            {"Origin": "http://evil.com"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:9999"},
            {"Origin": "http://["},
            {"Origin": "https://127.0.0.1"},
            {"Origin": "ftp://127.0.0.1"},
            {"Origin": "http://evil.com@127.0.0.1"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = api.request(method, "/api/v1/runs", headers=headers, json={})
            assert answer.status_code == 403, (method, headers)
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert api.get("/api/v1/runs").json()["total"] == 0


def test_a_cross_site_read_is_refused(api: TestClient) -> None:
    for path in ("/api/v1/runs", "/api/v1/stream"):
        answer = api.get(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read(api: TestClient, kind: str) -> None:
    """What a form of a foreign page could send without asking first."""
    answer = api.post("/api/v1/runs", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_no_other_origin_may_read_answers(api: TestClient) -> None:
    for origin in ("http://evil.com", "null", "http://127.0.0.1"):
        answer = api.get("/api/v1/runs", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
    preflight = api.options(
        "/api/v1/runs",
        headers={"Origin": "http://evil.com", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in preflight.headers


def test_the_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(
    stranger: TestClient,
) -> None:
    assert stranger.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    answer = stranger.post("/api/v1/session", json={"token": TOKEN})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert stranger.get("/api/v1/runs").status_code == 200
    assert stranger.post("/api/v1/runs", json={}).status_code == 403  # a form could send this
    assert stranger.post("/api/v1/runs", json={}, headers={"X-Rethink": "1"}).status_code == 201
    assert stranger.delete("/api/v1/session", headers={"X-Rethink": "1"}).status_code == 204
    assert stranger.get("/api/v1/runs").status_code == 401


@pytest.mark.parametrize("beside", ['prefs={"a":1}', "a=b c", "x[y]=1", "novalue", "=", ";;"])
def test_a_foreign_cookie_beside_it_does_no_harm(stranger: TestClient, beside: str) -> None:
    credentials = stranger.app.state.parts.credentials  # type: ignore[attr-defined]
    own = f"{credentials.cookie_name}={credentials.cookie_value}"
    for cookie in (f"{beside}; {own}", f"{own}; {beside}", f"{beside};{own};{beside}"):
        answer = stranger.get("/api/v1/runs", headers={"Cookie": cookie})
        assert answer.status_code == 200, cookie
    assert stranger.get("/api/v1/runs", headers={"Cookie": beside}).status_code == 401


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_for_tls_alone_where_there_is_tls(settings: Settings, scheme: str) -> None:
    with TestClient(create_app(settings), base_url=f"{scheme}://localhost") as browser:
        headers = {"Origin": f"{scheme}://localhost"}
        answer = browser.post("/api/v1/session", json={"token": TOKEN}, headers=headers)
    assert answer.status_code == 204
    assert ("Secure" in answer.headers["set-cookie"]) is (scheme == "https")


def test_after_ten_wrong_tokens_an_address_waits(
    stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [stranger.post("/api/v1/session", json={"token": "wrong"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "Wait a minute" in answers[-1].json()["detail"]
    assert stranger.post("/api/v1/session", json={"token": TOKEN}).status_code == 429
    later = time.monotonic() + security.WAIT_SECONDS
    monkeypatch.setattr(security.time, "monotonic", lambda: later)
    assert stranger.post("/api/v1/session", json={"token": TOKEN}).status_code == 204


def test_failures_are_counted_by_address_in_bounded_memory() -> None:
    failures = security.Failures()
    for _ in range(security.MAX_FAILURES):
        failures.add("2001:db8::1")
    assert failures.must_wait("2001:db8::2")  # of the same subscriber
    assert not failures.must_wait("2001:db8:0:1::1")
    for number in range(security.MAX_ADDRESSES + 5):
        failures.add(f"10.0.{number >> 8}.{number & 255}")
    assert len(failures._found) == security.MAX_ADDRESSES


def test_a_small_request_before_sign_in_has_a_small_answer(stranger: TestClient) -> None:
    fault = json.dumps({f"k{i}": 1 for i in range(350)})
    answer = stranger.post(
        "/api/v1/session", content=fault, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("; and 331 more")  # token is missing too
    assert len(answer.content) < 2 * len(fault)
    answer = stranger.post("/api/v1/session", json={"token": "x" * 4000})
    assert answer.status_code == 413


def test_a_long_name_of_a_field_is_shortened(api: TestClient) -> None:
    body = json.dumps({"k" * 50_000: 1})
    answer = api.post("/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.content) < 1000


def test_only_a_grid_may_have_a_large_body(api: TestClient) -> None:
    body = json.dumps({"title": "x" * 100_000})
    headers = {"Content-Type": "application/json"}
    for path in ("runs", "runs/estimate", "runs/0123456789abcdef/extend"):
        assert api.post(f"/api/v1/{path}", content=body, headers=headers).status_code == 413
    for path in ("studies", "studies/plan"):
        assert api.post(f"/api/v1/{path}", content=body, headers=headers).status_code == 422


@pytest.mark.parametrize("token", ["", "x", "x" * 31])
def test_a_server_for_others_needs_a_long_token(settings: Settings, token: str) -> None:
    with pytest.raises(InvalidInput, match="at least 32 characters"):
        serve(settings.model_copy(update={"host": "0.0.0.0", "token": token}))


def test_an_unexpected_error_has_the_headers_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "read", lambda _: 1 / 0)
    client = TestClient(
        create_app(settings), base_url="http://localhost", raise_server_exceptions=False
    )
    answer = client.get("/api/v1/runs", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_icon_is_not_asked_a_token_for(stranger: TestClient) -> None:
    answer = stranger.get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"


def test_cookies_of_two_servers_on_one_machine_have_different_names(settings: Settings) -> None:
    other = settings.model_copy(update={"home": settings.home / "other"})
    (settings.home / "other").mkdir()
    names = {create_app(s).state.parts.credentials.cookie_name for s in (settings, other)}
    assert len(names) == 2


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_is_refused_before_it_is_read_whole(api: TestClient, declared: bool) -> None:
    body = json.dumps({"name": "x" * 10_000_000}).encode()
    chunks = (body[i : i + 65536] for i in range(0, len(body), 65536))
    answer = api.post(
        "/api/v1/runs",
        content=body if declared else chunks,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["title"] == "Body too large"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static/..%5cpyproject.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/%00",
        "/api/v1/runs/..%2f..%2fetc",
        "/api/v1/runs/0123456789abcdef;x/metrics",
    ],
)
def test_no_path_leads_out(api: TestClient, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code in (400, 404, 422)
    assert "root:" not in answer.text
    assert "[project]" not in answer.text


def test_the_page_may_load_from_its_own_host_alone(api: TestClient) -> None:
    policy = api.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy
    assert api.get("/api/v1/runs").headers["x-content-type-options"] == "nosniff"


def test_an_unknown_path_is_a_problem_too(api: TestClient) -> None:
    answer = api.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
