"""How passwords are kept and compared: ours, and those that come from other systems."""

from __future__ import annotations

import secrets
import unicodedata

import argon2
import bcrypt
import pytest
from django.contrib.auth.hashers import check_password, make_password
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.passwords import Argon2idHasher, verify
from accounts.passwords.hashers import LONGEST_TYPED
from accounts.passwords.imported import MOST_COST, cost_of
from accounts.passwords.verification import nobodys_hash

# Known answers of OpenBSD's bcrypt, as published with jBCrypt and crypt_blowfish.
BCRYPT_VECTORS = [
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    (
        "abcdefghijklmnopqrstuvwxyz",
        "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC",
    ),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
]

pytestmark = pytest.mark.usefixtures("real_hashes")


@pytest.mark.parametrize(("password", "encoded"), BCRYPT_VECTORS)
def test_known_hashes_of_bcrypt_are_verified(password: str, encoded: str) -> None:
    assert verify(password, encoded).matches
    assert verify(password, encoded).is_outdated
    assert not verify(password[1:] + "!", encoded).matches


@pytest.mark.parametrize("kind", ["$2a$", "$2b$", "$2y$"])
def test_every_kind_of_bcrypt_is_verified(kind: str) -> None:
    encoded = kind + bcrypt.hashpw("größer".encode(), bcrypt.gensalt(4)).decode()[4:]

    assert verify("größer", encoded).matches
    assert not verify("groesser", encoded).matches


def test_bcrypt_reads_72_bytes_and_a_longer_password_still_opens() -> None:
    long = "ä" * 36 + "what follows does not count"
    encoded = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()

    assert verify(long, encoded).matches
    assert verify("ä" * 36, encoded).matches
    assert not verify("ä" * 35, encoded).matches


def test_bcrypt_compares_bytes_as_they_were_typed() -> None:
    decomposed = unicodedata.normalize("NFD", "éclair")
    encoded = bcrypt.hashpw(decomposed.encode(), bcrypt.gensalt(4)).decode()

    assert verify(decomposed, encoded).matches
    assert not verify("éclair", encoded).matches


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "!",
        "plain text",
        "$2b$",
        "$2b$04$tooshort",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$",
        "$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
        "$argon2id$v=19$m=65536,t=99999,p=4$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
        "argon2$argon2id$v=19$secret",
        "argon2$argon2id",
        "argon2$",
        "md5$salt$hash",
        "sha1$$",
    ],
)
def test_what_is_no_hash_opens_to_nobody(encoded: str) -> None:
    for password in ("", "x", encoded):
        assert not verify(password, encoded).matches
        if encoded.startswith("argon2$"):
            assert not Argon2idHasher().verify(password, encoded)


def test_a_hash_that_asks_too_much_is_not_verified() -> None:
    assert cost_of(f"$2b${MOST_COST}$" + "C" * 53) == MOST_COST
    assert cost_of(f"$2b${MOST_COST + 1}$" + "C" * 53) is None


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=25, deadline=None)
def test_no_garbage_is_a_fault(password: str, encoded: str) -> None:
    assert not verify(password, f"$2b$04${encoded}").matches
    assert not verify(password, f"$argon2id${encoded}").matches


def test_the_whole_password_counts() -> None:
    """ASVS 5.0 V6.2.8: nothing is cut off; here they differ at the hundredth character."""
    common = secrets.token_hex(64)
    one, other = common[:99] + "x" + common[100:], common[:99] + "y" + common[100:]
    encoded = make_password(one)

    assert verify(one, encoded).matches
    assert not verify(other, encoded).matches
    assert not verify(one[:-1], encoded).matches


@pytest.mark.parametrize(
    "other", ["Öffne dich ", "öffne dich", "Öffne  dich", "\uff2f\u0308ffne dich"]
)
def test_what_differs_for_a_reader_differs_here(other: str) -> None:
    assert not verify(other, make_password("Öffne dich")).matches


def test_composed_or_decomposed_is_the_same_text() -> None:
    """RFC 8265, section 4.2.2: OpaqueString normalises with NFC."""
    encoded = make_password(unicodedata.normalize("NFD", "Öffne dich 가각"))

    assert verify("Öffne dich 가각", encoded).matches
    assert verify(unicodedata.normalize("NFD", "Öffne dich 가각"), encoded).matches
    assert check_password("Öffne dich 가각", encoded)
    assert not verify("ﬁn", make_password("fin")).matches, "a ligature is not its letters"


def test_our_hash_is_of_the_promised_cost_and_stays() -> None:
    encoded = make_password("a long enough phrase 42")

    assert encoded.startswith("argon2$argon2id$v=19$m=65536,t=3,p=4$")
    assert not verify("a long enough phrase 42", encoded).is_outdated


@pytest.mark.parametrize(
    ("costs", "outdated"),
    [
        ({"memory_cost": 19 * 1024}, True),
        ({"time_cost": 2}, True),
        ({"type": argon2.Type.I}, True),
        ({"salt_len": 8}, True),
        ({"memory_cost": 96 * 1024}, False),
        ({"time_cost": 4, "parallelism": 1}, False),
    ],
)
def test_a_weaker_hash_is_outdated_and_a_stronger_one_is_not(
    costs: dict[str, object], outdated: bool
) -> None:
    ours = {"memory_cost": 64 * 1024, "time_cost": 3, "parallelism": 4} | costs
    plain = argon2.PasswordHasher(**ours).hash("sesame")  # type: ignore[arg-type] # by name

    verdict = verify("sesame", f"argon2{plain}")

    assert verdict.matches
    assert verdict.is_outdated == outdated


def test_a_hash_of_argon2_from_elsewhere_is_verified_as_typed_and_outdated() -> None:
    decomposed = unicodedata.normalize("NFD", "éclair")
    plain = argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4).hash(decomposed)

    assert verify(decomposed, plain).matches
    assert verify(decomposed, plain).is_outdated
    assert not verify("éclair", plain).matches


def test_what_nobody_can_have_typed_is_refused_or_wrong() -> None:
    for endless in ("x" * (LONGEST_TYPED + 1), "half \ud83e"):
        with pytest.raises(ValueError, match="Choose another"):
            make_password(endless)
        assert not verify(endless, make_password("sesame")).matches
        assert not verify(endless, BCRYPT_VECTORS[0][1]).matches


def test_nobodys_hash_is_made_once_and_has_our_parameters() -> None:
    ours = argon2.extract_parameters(nobodys_hash())

    assert nobodys_hash() is nobodys_hash()
    assert (ours.memory_cost, ours.time_cost, ours.parallelism) == (65536, 3, 4)
    assert (ours.salt_len, ours.hash_len) == (16, 32)


# --- Equal work -----------------------------------------------------------------------------------


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was computed: each Argon2 with its memory, each bcrypt with its rounds."""
    done: list[tuple[str, int]] = []
    real_argon2, real_bcrypt = argon2.PasswordHasher.verify, bcrypt.checkpw

    def count_argon2(self: argon2.PasswordHasher, encoded: str, password: str) -> bool:
        done.append(("argon2", argon2.extract_parameters(encoded).memory_cost))
        return bool(real_argon2(self, encoded, password))

    def count_bcrypt(password: bytes, encoded: bytes) -> bool:
        done.append(("bcrypt", 1 << int(encoded[4:6])))
        return real_bcrypt(password, encoded)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", count_argon2)
    monkeypatch.setattr(bcrypt, "checkpw", count_bcrypt)
    return done


def of_cost(cost: int) -> str:
    return bcrypt.hashpw(b"sesame", bcrypt.gensalt(cost)).decode()


@pytest.mark.parametrize("imported_work", [0, 4, 8])
def test_the_same_work_is_done_whoever_it_is(
    work: list[tuple[str, int]], imported_work: int
) -> None:
    kept = {
        "nobody": "",
        "no password": "!unusable",
        "ours": make_password("sesame"),
        "imported": of_cost(imported_work) if imported_work else "",
        "imported with less": of_cost(4) if imported_work else "",
    }
    totals = {}
    for name, encoded in kept.items():
        for password in ("sesame", "wrong", "half \ud83e"):
            work.clear()
            verify(password, encoded, imported_work=imported_work)
            totals[name, password] = (
                [cost for kind, cost in work if kind == "argon2"],
                sum(rounds for kind, rounds in work if kind == "bcrypt"),
            )

    assert set(map(str, totals.values())) == {
        str(([65536], 1 << imported_work if imported_work else 0))
    }
