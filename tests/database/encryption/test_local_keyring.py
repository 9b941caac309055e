"""The keyring file: what it refuses, and how it is replaced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from database.encryption import providers
from database.encryption.errors import KeyringError, Undecryptable
from database.encryption.local import LocalKeyring
from database.encryption.place import Place

PLACE = Place("safes", "code", "1")


@pytest.fixture
def file(settings: Any) -> Path:
    found: Path = settings.SECRETS_KEYRING
    return found


def refused(ring: LocalKeyring) -> str:
    """What it answers, whatever it is asked for."""
    said = set()
    for ask in (ring.newest, ring.names, ring.add, lambda: ring.generate(PLACE)):
        with pytest.raises(KeyringError) as error:
            ask()
        said.add(str(error.value))
        assert error.value.__cause__ is None
    [sentence] = said
    return sentence


def test_it_is_made_private_and_with_one_key(ring: LocalKeyring, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert ring.names() == [ring.newest()]
    assert len(ring.keys()[0].secret) == 32
    assert [path.name for path in file.parent.iterdir()] == ["keyring.json"]


def test_it_is_never_overwritten(ring: LocalKeyring, file: Path) -> None:
    before = file.read_bytes()

    with pytest.raises(KeyringError, match="exists already; it is not overwritten"):
        ring.create()

    assert file.read_bytes() == before


@pytest.mark.usefixtures("configured_server")
def test_a_missing_one_beside_a_configured_server_is_refused_with_what_to_do(
    ring: LocalKeyring, file: Path
) -> None:
    file.unlink()

    sentence = refused(ring)

    assert sentence.startswith(f"There is no keyring at {file} (SECRETS_KEYRING).")
    assert sentence.endswith("run: python manage.py secret_keys create")
    assert not file.exists()


def test_beside_the_private_server_it_is_made_once_even_by_many(file: Path, settings: Any) -> None:
    settings.SECRETS_KEYRING_IS_MADE = True
    file.unlink()
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(LocalKeyring(file).names())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert found == [found[0]] * 8


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_one_that_others_may_read_is_refused_at_once(
    ring: LocalKeyring, file: Path, mode: int
) -> None:
    assert ring.newest()
    file.chmod(mode)

    assert refused(ring) == f"Others may read the keyring {file}. Run: chmod 600 {file}"
    file.chmod(0o600)
    assert ring.newest()


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        held = json.loads(content)
        change(held)
        return json.dumps(held).encode()

    return edit


def replaced_by(text: bytes) -> Callable[[bytes], bytes]:
    return lambda _: text


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (replaced_by(b""), "it is empty"),
        (replaced_by(b" \n"), "it is empty"),
        (lambda content: content[:-20], "what it holds are no keys"),
        (lambda content: b"\xff" + content, "it is no text"),
        (replaced_by(b"[]"), "what it holds are no keys"),
        (replaced_by(b'{"keys": []}'), "it holds no key"),
        (replaced_by(b'{"keys": [1]}'), "what it holds are no keys"),
        (edited(lambda held: held["keys"][0].pop("key")), "what it holds are no keys"),
        (edited(lambda held: held["keys"][0].update(key="AAAA")), "what it holds are no keys"),
        (edited(lambda held: held["keys"][0].update(key="ü")), "what it holds are no keys"),
        (edited(lambda held: held["keys"][0].update(id="mine")), "what it holds are no keys"),
        (edited(lambda held: held["keys"][0].update(id=7)), "what it holds are no keys"),
        (
            edited(lambda held: held["keys"][0].update(created_at="2026-11-21")),
            "what it holds are no keys",
        ),
        (edited(lambda held: held["keys"].append(held["keys"][0])), "two keys of one name"),
    ],
)
def test_a_damaged_one_is_refused_without_showing_what_it_holds(
    ring: LocalKeyring, file: Path, damage: Callable[[bytes], bytes], why: str
) -> None:
    content = file.read_bytes()
    key = json.loads(content)["keys"][0]["key"]
    file.write_bytes(damage(content))

    sentence = refused(ring)

    assert sentence.startswith(f"The keyring {file} is damaged (")
    assert why in sentence
    assert key not in sentence


def test_a_directory_in_its_place_is_refused(ring: LocalKeyring, file: Path) -> None:
    file.unlink()
    file.mkdir()

    assert refused(ring) == f"The keyring {file} cannot be read: Is a directory."


def test_where_it_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(KeyringError, match="cannot be written: Not a directory"):
        LocalKeyring(tmp_path / "file" / "keyring.json").create()


def test_a_key_that_another_process_adds_is_used_at_once(ring: LocalKeyring, file: Path) -> None:
    before = ring.newest()
    data_key, key_id, wrapped = ring.generate(PLACE)
    added = LocalKeyring(file).add().key_id

    assert ring.generate(PLACE)[1] == added
    assert ring.names() == [before, added]
    assert ring.unwrap(key_id, wrapped, PLACE) == data_key


def test_the_newest_key_is_never_removed_and_an_unknown_one_is_named(ring: LocalKeyring) -> None:
    with pytest.raises(KeyringError, match="is the key that wraps now. Add another first"):
        ring.remove(ring.newest())
    with pytest.raises(KeyringError, match="has no key 'local-000000000000'. It has: local-"):
        ring.remove("local-000000000000")


def test_a_wrapped_key_serves_its_place_and_master_key_alone(ring: LocalKeyring) -> None:
    data_key, old, wrapped = ring.generate(PLACE)
    new = ring.add().key_id

    assert ring.unwrap(old, wrapped, PLACE) == data_key
    for place in (
        Place("safes", "code", "2"),
        Place("safes", "other", "1"),
        Place("other", "code", "1"),
        Place("safescode", "", "1"),
    ):
        with pytest.raises(Undecryptable):
            ring.unwrap(old, wrapped, place)
    with pytest.raises(Undecryptable):
        ring.unwrap(new, wrapped, PLACE)
    with pytest.raises(Undecryptable, match="length"):
        ring.unwrap(old, wrapped[:-1], PLACE)


def test_no_key_is_shown(ring: LocalKeyring) -> None:
    [key] = ring.keys()

    assert repr(key.secret)[2:-1] not in repr(key)
    assert "secret" not in repr(key)
    assert providers.local(Path("/nowhere")) is providers.local(Path("/nowhere"))
