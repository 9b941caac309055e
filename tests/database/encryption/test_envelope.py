"""The binary form: held to published vectors; any change, anywhere, is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from database.encryption import envelope, providers
from database.encryption.envelope import Envelope
from database.encryption.errors import Undecryptable
from database.encryption.local import LocalKeyring
from database.encryption.place import Place
from tests.vectors.secrets import make

VECTORS: dict[str, list[dict[str, str]]] = json.loads(
    (make.FOLDER / "envelopes.json").read_text(encoding="ascii")
)
PLACE = Place("safes", "code", "0199aaaa-0000-7000-8000-000000000001")
SECRET = b"JBSWY3DPEHPK3PXP"


def place_of(vector: dict[str, str]) -> Place:
    return Place(vector["table"], vector["column"], vector["row"])


@pytest.fixture
def sample(settings: Any, tmp_path: Path) -> None:
    """The keyring of the vectors."""
    settings.SECRETS_KEYRING = tmp_path / "sample.json"
    shutil.copy(make.FOLDER / "sample-keyring.json", settings.SECRETS_KEYRING)
    settings.SECRETS_KEYRING.chmod(0o600)


def test_the_vectors_are_what_their_program_makes() -> None:
    assert make.vectors() == VECTORS
    held = json.loads((make.FOLDER / "sample-keyring.json").read_text(encoding="ascii"))
    assert make.keyring() == held


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["value"][:9])
@pytest.mark.usefixtures("sample")
def test_good_vectors_are_read(vector: dict[str, str]) -> None:
    place = place_of(vector)
    blob = bytes.fromhex(vector["envelope"])

    assert place.associated(envelope.VALUE_LABEL).hex() == vector["associated"]
    assert envelope.unseal(blob, place) == vector["value"].encode()
    assert bytes(Envelope.parse(blob)) == blob
    again = envelope.rewrap(blob, place)
    assert Envelope.parse(again).key_id == make.KEYS[-1]
    assert envelope.unseal(again, place) == vector["value"].encode()


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["why"])
@pytest.mark.usefixtures("sample")
def test_bad_vectors_are_refused(vector: dict[str, str]) -> None:
    place = place_of(vector)
    blob = bytes.fromhex(vector["envelope"])

    for read in (envelope.unseal, envelope.rewrap):
        with pytest.raises(Undecryptable) as refused:
            read(blob, place)
        assert str(refused.value).startswith(
            f"The secret in {place.table}.{place.column} of row {place.row} cannot be decrypted: "
        )


def test_a_change_of_any_bit_is_noticed() -> None:
    blob = envelope.seal(SECRET, PLACE)
    for number in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[number // 8] ^= 1 << number % 8
        with pytest.raises(Undecryptable):
            envelope.unseal(bytes(changed), PLACE)


def test_every_shorter_one_and_a_longer_one_are_noticed() -> None:
    blob = envelope.seal(SECRET, PLACE)
    for end in range(len(blob)):
        with pytest.raises(Undecryptable):
            envelope.unseal(blob[:end], PLACE)
    with pytest.raises(Undecryptable):
        envelope.unseal(blob + b"\x00", PLACE)


def test_parts_of_two_envelopes_cannot_be_put_together() -> None:
    one, two = (Envelope.parse(envelope.seal(SECRET, PLACE)) for _ in range(2))

    for mixed in (
        Envelope(one.key_id, two.wrapped, one.nonce, one.sealed),
        Envelope(one.key_id, one.wrapped, two.nonce, one.sealed),
        Envelope(one.key_id, one.wrapped, one.nonce, two.sealed),
    ):
        with pytest.raises(Undecryptable):
            envelope.unseal(bytes(mixed), PLACE)


def test_a_rewrapped_secret_is_still_bound_to_its_place(ring: LocalKeyring) -> None:
    blob = envelope.seal(SECRET, PLACE)
    ring.add()
    again = envelope.rewrap(blob, PLACE)

    assert envelope.unseal(again, PLACE) == SECRET
    with pytest.raises(Undecryptable):
        envelope.unseal(again, Place("safes", "code", "another"))
    with pytest.raises(Undecryptable):
        envelope.rewrap(blob, Place("safes", "code", "another"))


def test_a_master_key_that_nobody_here_could_have_is_named() -> None:
    blob = envelope.prefix("vault-1") + b"\x00\x01x" + bytes(40)

    with pytest.raises(Undecryptable, match="no provider here has a master key named vault-1"):
        envelope.unseal(blob, PLACE)


def test_the_sentence_of_a_failure_never_shows_what_was_stored() -> None:
    blob = bytearray(envelope.seal(SECRET, PLACE))
    blob[-1] ^= 1
    with pytest.raises(Undecryptable) as refused:
        envelope.unseal(bytes(blob), PLACE)

    assert str(refused.value) == (
        f"The secret in safes.code of row {PLACE.row} cannot be decrypted: it was changed, or"
        " belongs to another row, column or table."
    )


def test_what_was_decrypted_and_data_keys_are_cleared_where_python_lets_us(
    ring: LocalKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytearray] = []
    real = ring.unwrap

    def unwrap(*given: Any) -> bytearray:
        seen.append(real(*given))
        return seen[-1]

    monkeypatch.setattr(ring, "unwrap", unwrap)
    blob = envelope.seal(SECRET, PLACE)
    assert providers.holding(ring.newest(), PLACE) is ring

    assert envelope.unseal(blob, PLACE) == SECRET

    assert seen == [bytearray(32)]


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_a_master_key_has_a_name_of_1_to_255_bytes(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        envelope.prefix(name)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.binary(), place=st.tuples(*[st.text().filter(lambda t: t.isprintable())] * 3))
def test_every_value_comes_back_from_every_place(value: bytes, place: tuple[str, str, str]) -> None:
    assert envelope.unseal(envelope.seal(value, Place(*place)), Place(*place)) == value


@given(
    one=st.tuples(*[st.text(alphabet="ab\x00\x01é", max_size=3)] * 3),
    other=st.tuples(*[st.text(alphabet="ab\x00\x01é", max_size=3)] * 3),
)
def test_no_two_places_have_the_same_encoding(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    same = Place(*one).associated("x") == Place(*other).associated("x")
    assert same == (one == other)


@given(st.binary(max_size=200))
def test_whatever_is_no_envelope_is_refused(blob: bytes) -> None:
    with pytest.raises(Undecryptable):
        envelope.unseal(blob, PLACE)
