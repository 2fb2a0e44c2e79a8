"""Settings from the environment: what is forgiven, what is refused, and that no secret is shown."""

import traceback
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

from core import credentials, messages
from core.run.errors import InvalidInput, invalid_input
from core.settings import Settings, get_settings
from rethink import doctor


@pytest.fixture(autouse=True)
def _fresh(home: Path) -> None:
    """The settings are read anew in each test."""


def test_white_space_at_the_ends_is_dropped_and_is_no_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (
        ("TOKEN", " secret\n"),
        ("CIFAR10", "/data "),
        ("URL", "\thttp://host\r\n"),
        ("PORT", " 8001 "),
        ("ARTIFACTS", "  "),
    ):
        monkeypatch.setenv(f"RETHINK_{name}", value)
    found = get_settings()
    assert (found.token, found.url, found.port) == ("secret", "http://host", 8001)
    assert (found.cifar10, found.artifacts) == (Path("/data"), None)


@pytest.mark.parametrize("token", ["sec\nret", "sec\rret", "sec\x7fret", "sécret", "sec\u2028ret"])
def test_a_token_that_no_header_can_carry_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("RETHINK_TOKEN", token)
    with pytest.raises(InvalidInput, match=r"^RETHINK_TOKEN is not allowed: a line break") as found:
        get_settings()
    shown = "".join(traceback.format_exception(found.value)) + repr(found.value.errors)
    assert token not in shown
    assert repr(token)[1:-1] not in shown
    assert "cret" not in shown
    assert "ret'" not in shown


def test_another_variable_that_is_wrong_shows_no_secret_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RETHINK_TOKEN", "hidden")
    monkeypatch.setenv("RETHINK_DATABASE_URL", "postgresql://me:hidden@host/name")
    monkeypatch.setenv("RETHINK_HEARTBEAT_SECONDS", "50")
    with pytest.raises(InvalidInput, match="RETHINK_LEASE_SECONDS") as found:
        get_settings()
    shown = "".join(traceback.format_exception(found.value)) + repr(found.value.errors)
    assert "hidden" not in shown


@pytest.mark.parametrize("name", ["HOME", "ARTIFACTS", "CIFAR10"])
def test_the_home_of_a_user_who_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"RETHINK_{name}", "~no-such-user/x")
    with pytest.raises(InvalidInput, match=f"RETHINK_{name} ~no-such-user/x is not allowed"):
        get_settings()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hidden@host:1/0 is away", "redis://***@host:1/0 is away"),
        ("redis://:hid/den@host", "redis://***@host"),
        ("postgresql://u:hid@den@host/db", "postgresql://***@host/db"),
        ("x://h/db?password=hidden&a=1", "x://h/db?password=***&a=1"),
        ("x://h/db?a=1&sslpassword=hidden", "x://h/db?a=1&sslpassword=***"),
        ("http://h/#token=hidden", "http://h/#token=***"),
        ("write :hidden@host:6379 so", "write ***@host:6379 so"),
        ("'me:hid/den@host'", "'***@host'"),
        ("http://h/path?a=1#/runs", "http://h/path?a=1#/runs"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(text: str, shown: str) -> None:
    assert credentials.hidden(text) == shown


@pytest.mark.parametrize("url", [":hidden@host:6379", "u:hidden@h", "hidden", "u:hidden@h://x"])
def test_a_broker_url_without_a_scheme_is_refused_without_its_secret(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="is no URL") as refused:
        messages.redis_url(url)
    assert "hidden" not in refused.value.message
    found = doctor._broker(Settings(home=tmp_path, broker_url=url))
    assert found.state == "broken"
    assert "hidden" not in found.detail


class SignIn(BaseModel):
    token: str = Field(max_length=5)
    name: str


@pytest.mark.parametrize("body", [{"token": "hidden", "name": "x"}, {"token": ["hidden"]}, {}])
def test_a_refused_request_does_not_repeat_its_token(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        SignIn.model_validate(body)
    refused = invalid_input(caught.value)
    assert "token" in refused.message
    assert "hidden" not in refused.message + repr(refused.errors)


def test_a_value_that_is_no_object_at_all_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValidationError) as caught:
        SignIn.model_validate("hidden")
    assert invalid_input(caught.value).errors[0]["field"] == ""


def test_settings_print_no_secret() -> None:
    settings = Settings(
        token="hidden",
        url="http://h/#token=hidden",
        database_url="postgresql://u:hidden@h/db",
        broker_url="redis://:hidden@h",
    )
    assert "hidden" not in repr(settings) + str(settings)
