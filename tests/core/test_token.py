"""The access token and the small files of the home."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from core import home as homes
from core import token
from core.run.errors import HomeUnavailable
from core.settings import Settings


def test_it_is_made_once_with_256_bits_for_this_user_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new" / "home")
    assert token.read(settings) is None
    made = token.read_or_create(settings)
    assert len(made) == 43  # 32 bytes in base64 without padding
    assert token.read_or_create(settings) == token.read(settings) == made
    assert stat.S_IMODE((settings.root / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.root.stat().st_mode) == 0o700


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, token="from the environment")
    assert token.read_or_create(settings) == "from the environment"
    assert not (tmp_path / "token").exists()


def test_processes_that_race_get_the_same_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(token.read_or_create, [settings] * 16, chunksize=1))) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["token"]  # no temporary file stays


def test_rotation_replaces_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    old = token.read_or_create(settings)
    new = token.rotate(settings)
    assert new != old
    assert token.read(settings) == new


def test_an_empty_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(HomeUnavailable, match="rethink token --new"):
        token.read_or_create(Settings(home=tmp_path))


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnavailable, match="RETHINK_HOME"):
        token.read_or_create(Settings(home=tmp_path / "file" / "home"))


def test_a_file_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert homes.write(path, "first", replace=False)
    assert not homes.write(path, "second", replace=False)
    assert path.read_text() == "first"
    assert homes.write(path, "third")
    assert path.read_text() == "third"
    assert list(tmp_path.iterdir()) == [path]
