"""The file with the keys that sign access tokens."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.tokens import keyring
from accounts.tokens.errors import KeyringError


@pytest.fixture(autouse=True)
def file(tmp_path: Path, settings: Any) -> Path:
    settings.TOKEN_KEYRING = tmp_path / "tokens" / "keyring.json"
    settings.TOKEN_KEYRING_IS_MADE = False
    return tmp_path / "tokens" / "keyring.json"


def later(**time: int) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def test_a_key_is_named_by_its_thumbprint() -> None:
    """RFC 8037, appendices A.1 and A.3: the key and its name."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = Ed25519PrivateKey.from_private_bytes(secret).public_key()

    assert keyring.thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert keyring.is_kid("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")


def test_the_file_is_its_owners_alone_and_is_read_back(file: Path) -> None:
    made = keyring.create()

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]
    assert keyring.current().signer().kid == made.kid
    assert "PrivateKey" not in repr(keyring.current())


def test_what_is_published_is_the_public_half_alone(file: Path) -> None:
    keyring.create()
    secret = json.loads(file.read_text())["keys"][0]["secret"]

    (published,) = keyring.current().public_keys()

    assert set(published) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert secret not in json.dumps(published)


def test_a_keyring_is_not_overwritten() -> None:
    made = keyring.create()

    with pytest.raises(KeyringError, match="exists already"):
        keyring.create()

    assert keyring.current().signer().kid == made.kid


def test_a_new_key_is_published_before_it_signs() -> None:
    old = keyring.create()

    new = keyring.add(after=timedelta(minutes=10))

    ring = keyring.current()
    assert ring.signer().kid == old.kid
    assert {key["kid"] for key in ring.public_keys()} == {old.kid, new.kid}
    assert ring.signer(later(minutes=11)).kid == new.kid


def test_the_newest_of_several_keys_signs_and_the_others_verify() -> None:
    made = [keyring.create(), keyring.add(), keyring.add()]

    ring = keyring.current()

    assert ring.signer().kid == made[-1].kid
    assert all(ring.find(key.kid) for key in made)


def test_a_retired_key_verifies_until_what_it_signed_has_expired(settings: Any) -> None:
    old = keyring.create()
    keyring.add()

    keyring.retire(old.kid)

    ring = keyring.current()
    last = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES) + keyring.LEEWAY
    assert ring.find(old.kid, later(seconds=int(last.total_seconds()) - 5))
    assert ring.find(old.kid, later(seconds=int(last.total_seconds()) + 5)) is None
    assert ring.find(old.kid).may_have_signed(later(minutes=1)) is False  # type: ignore[union-attr]


def test_a_removed_key_is_unknown_at_once() -> None:
    stolen = keyring.create()
    keyring.add()

    keyring.remove(stolen.kid)

    assert keyring.current().find(stolen.kid) is None


@pytest.mark.parametrize("verb", [keyring.retire, keyring.remove])
def test_there_is_always_a_key_that_signs(verb: Any) -> None:
    only = keyring.create()
    keyring.add(after=timedelta(minutes=10))

    with pytest.raises(KeyringError, match="no key would sign"):
        verb(only.kid)


def test_a_key_is_retired_once_and_an_unknown_one_not_at_all() -> None:
    old = keyring.create()
    keyring.add()
    keyring.retire(old.kid)

    with pytest.raises(KeyringError, match="retired already"):
        keyring.retire(old.kid)
    with pytest.raises(KeyringError, match="There is no key 'x'"):
        keyring.retire("x")


def test_keys_that_are_of_no_use_any_more_leave_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    old = keyring.create()
    keyring.add()
    keyring.retire(old.kid)
    monkeypatch.setattr(keyring, "_now", lambda: later(hours=1).replace(microsecond=0))

    keyring.add()

    assert old.kid not in {key.kid for key in keyring.current().keys}


def test_a_running_process_follows_the_file() -> None:
    keyring.create()
    before = keyring.current()

    assert keyring.current() is before, "an unchanged file is not read again"
    keyring.add()
    assert len(keyring.current().keys) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"keys": []}',
        b'{"keys": [{"secret": "AAAA"}]}',
        b"\xff\xfe",
        b'{"keys": [{"secret": 7, "created_at": "x", "signs_from": "x"}]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_keyring_is_refused_by_name(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_bytes(content)

    with pytest.raises(KeyringError, match="is damaged"):
        keyring.current()


def test_two_keys_of_one_name_are_refused(file: Path) -> None:
    keyring.create()
    ring = json.loads(file.read_text())
    file.write_text(json.dumps({"keys": ring["keys"] * 2}))

    with pytest.raises(KeyringError, match="is damaged"):
        keyring.current()


def test_a_keyring_that_others_may_read_is_refused(file: Path) -> None:
    keyring.create()
    file.chmod(0o640)

    with pytest.raises(KeyringError, match="chmod 600"):
        keyring.current()


def test_without_a_keyring_the_sentence_says_how_to_make_one() -> None:
    with pytest.raises(KeyringError, match="token_keys create"):
        keyring.current()


def test_beside_the_private_server_one_is_made_once(file: Path, settings: Any) -> None:
    settings.TOKEN_KEYRING_IS_MADE = True
    found: list[str] = []
    gate = threading.Barrier(8)

    def look() -> None:
        gate.wait()
        found.append(keyring.current().signer().kid)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_no_key_is_named_like_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["-Xc", "--x", "Xc-"])
    monkeypatch.setattr(keyring, "thumbprint", lambda _: next(names))

    keyring.Key.make()

    assert list(names) == [], "two were drawn again"
