"""One-time codes against the vectors of RFC 6238 and RFC 4226, and the form of what is shown."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from accounts import one_time_codes, recovery_codes

# RFC 6238, appendix B: the secret of the SHA-1 rows, and their moments. The RFC shows eight digits;
# the last six of them are the six-digit code (RFC 4226, section 5.3).
SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_6238 = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]
# RFC 4226, appendix D: the codes of the counters 0 to 9.
RFC_4226 = """
    755224 287082 359152 969429 338314 254676 287922 162583 399871 520489
""".split()  # noqa: SIM905 - as the RFC lists them

MOMENT = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_6238)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    step = one_time_codes.step_at(datetime.fromtimestamp(seconds, UTC))

    assert one_time_codes.code_of(SECRET, step) == code[-6:]


@pytest.mark.parametrize(("seconds", "code"), RFC_6238)
def test_a_code_of_the_vectors_matches_at_its_moment(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)

    assert one_time_codes.matching_step(SECRET, code[-6:], moment) == seconds // 30


def test_the_vectors_of_rfc_4226() -> None:
    assert [one_time_codes.code_of(SECRET, step) for step in range(10)] == RFC_4226


@pytest.mark.parametrize("late", range(-3, 4))
def test_the_steps_before_and_after_are_taken_and_no_others(late: int) -> None:
    now = one_time_codes.step_at(MOMENT)
    code = one_time_codes.code_of(SECRET, now + late)

    found = one_time_codes.matching_step(SECRET, code, MOMENT)

    assert found == (now + late if abs(late) <= 1 else None)


@pytest.mark.parametrize("seconds", [0, 29])
def test_a_step_is_thirty_seconds(seconds: int) -> None:
    whole = MOMENT.replace(second=0)

    assert one_time_codes.step_at(whole + timedelta(seconds=seconds)) == one_time_codes.step_at(
        whole
    )
    assert (
        one_time_codes.step_at(whole + timedelta(seconds=30)) == one_time_codes.step_at(whole) + 1
    )


def test_the_latest_of_several_steps_with_the_same_code_is_found() -> None:
    """So that the same six digits are not accepted for one step, and then for the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_time_codes, "code_of", lambda *_: "123456")

        found = one_time_codes.matching_step(SECRET, "123456", MOMENT)

    assert found == one_time_codes.step_at(MOMENT) + 1


@pytest.mark.parametrize("typed", ["{a} {b}", " {a}{b} ", "{a}-{b}", "{a}\u00a0{b}"])
def test_codes_may_be_grouped(typed: str) -> None:
    code = one_time_codes.code_of(SECRET, one_time_codes.step_at(MOMENT))

    assert one_time_codes.matching_step(SECRET, typed.format(a=code[:3], b=code[3:]), MOMENT)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\x00",
    ],
)
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_time_codes, "code_of", lambda *_: "123456")

        assert one_time_codes.matching_step(SECRET, typed, MOMENT) is None


def test_a_secret_has_160_bits_and_none_comes_twice() -> None:
    made = {one_time_codes.new_secret() for _ in range(200)}

    assert len(made) == 200
    assert {len(base64.b32decode(secret)) * 8 for secret in made} == {160}


def test_the_address_names_issuer_and_account() -> None:
    parts = urlsplit(one_time_codes.uri(SECRET, account="ada+x@example.org"))

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Lacuna:ada+x@example.org"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Lacuna"]}


def test_the_picture_is_plain_svg_without_a_style() -> None:
    """The strict content security policy forbids style attributes and scripts."""
    markup = one_time_codes.qr_svg(one_time_codes.uri(SECRET, account="ada@example.org"))
    root = ElementTree.fromstring(markup)
    attributes = {name for element in root.iter() for name in element.attrib}

    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "rect", "path"}
    assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"]


def test_recovery_codes_have_120_bits_in_groups() -> None:
    codes = recovery_codes.make_set()

    assert len(set(codes)) == recovery_codes.COUNT == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code) for code in codes)
    assert {len(base64.b32decode(code.replace("-", ""))) * 8 for code in codes} == {120}


@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", " "), str.strip])
def test_a_recovery_code_is_known_however_it_is_typed(change: object) -> None:
    code = recovery_codes.make_set()[0]

    assert recovery_codes.digest(change(code)) == recovery_codes.digest(code)  # type: ignore[operator]
