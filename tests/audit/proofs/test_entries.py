from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import canonical, entries
from audit.proofs.entries import BatchHeader, EntryFields
from audit.proofs.errors import FormatError
from tests.vectors.audit import naive, sample

FIELDS = entries.from_json(sample.entry(1, personal=sample.commitment(1)))
HEADER = BatchHeader.parse(naive.header(2, 4, [4], "11" * 32).encode())
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
MOMENTS = st.datetimes(timezones=st.just(UTC))
LONG = st.integers(-(2**53) + 1, 2**53 - 1)
ENTRIES = st.builds(
    EntryFields,
    v=st.just(1),
    id=LONG,
    entry_id=st.uuids(),
    xid=LONG,
    created_at=MOMENTS,
    actor_id=st.none() | st.uuids(),
    action=TEXTS,
    resource_type=st.none() | TEXTS,
    resource_id=st.none() | TEXTS,
    outcome=TEXTS,
    duration_ms=st.none() | st.integers(-(2**31), 2**31 - 1),
    payload=TEXTS,
    personal=st.none() | st.binary(min_size=32, max_size=32),
)


@given(ENTRIES)
@settings(deadline=None)
def test_an_entry_comes_back_from_a_bundle_with_the_content_of_the_definition(
    fields: EntryFields,
) -> None:
    shown = canonical.loads_strict(canonical.dumps(entries.to_json(fields)))

    assert entries.from_json(shown) == fields
    assert entries.content(fields) == naive.entry_content(shown)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"v": 2}, "v must be 1"),
        ({"v": True}, "v must be a 16-bit whole number"),
        ({"id": 2**63}, "id must be a 64-bit whole number"),
        ({"id": "1"}, "id must be a 64-bit whole number"),
        ({"xid": None}, "xid must not be null"),
        ({"entry_id": "x"}, "entry_id must be a UUID"),
        ({"actor_id": b"x" * 16}, "actor_id must be a UUID"),
        ({"created_at": datetime(2026, 1, 1)}, "created_at must be a moment"),
        ({"created_at": None}, "created_at must not be null"),
        ({"action": None}, "action must not be null"),
        ({"action": "\0"}, "action must be text without U\\+0000"),
        ({"payload": "\ud800"}, "payload must be text without U\\+0000"),
        ({"duration_ms": 2**31}, "duration_ms must be a 32-bit whole number"),
        ({"personal": bytes(31)}, "personal must be 32 bytes"),
        ({"personal": "00" * 32}, "personal must be 32 bytes"),
    ],
)
def test_a_field_that_the_table_cannot_hold_is_named(changed: dict[str, Any], reason: str) -> None:
    fields = FIELDS._replace(**changed)
    with pytest.raises(FormatError, match=f"The field {reason}"):
        entries.check(fields)
    with pytest.raises(FormatError, match=f"The field {reason}"):
        entries.to_json(fields)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": 2**63},
        {"xid": None},
        {"created_at": datetime(2026, 1, 1)},
        {"payload": "\ud800"},
        {"actor_id": "x"},
        {"duration_ms": "3"},
    ],
)
def test_content_is_not_made_of_what_cannot_be_packed(changed: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=f"The field {next(iter(changed))} must"):
        entries.content(FIELDS._replace(**changed))


def test_the_largest_bigint_has_a_leaf_but_no_place_in_a_bundle() -> None:
    fields = FIELDS._replace(xid=2**63 - 1)

    assert (2**63 - 1).to_bytes(8, "big") in entries.content(fields)
    with pytest.raises(FormatError, match="xid is beyond 2\\^53 - 1"):
        entries.to_json(fields)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"entry_id": None}, "entry_id must not be null"),
        ({"entry_id": str(UUID(int=10)).upper()[:-1] + "A"}, "entry_id must be a UUID in lower"),
        ({"created_at": "2026-11-21T10:00:00Z"}, "created_at must be written like"),
        ({"created_at": "2026-13-21T10:00:00.000000Z"}, "created_at, 2026-13-21.*, is no moment"),
        ({"created_at": 5}, "created_at must be written like"),
        ({"personal": "0" * 63}, "personal must be 64 hex digits"),
        ({"personal": "A" * 64}, "personal must be 64 hex digits"),
        ({"id": 1.0}, "id must be a 64-bit"),
    ],
)
def test_an_entry_that_is_written_otherwise_is_refused(
    changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(FormatError, match=f"The field {reason}"):
        entries.from_json({**sample.entry(1), **changed})


@pytest.mark.parametrize("shown", [None, [], {}, {**sample.entry(1), "leaf": ""}])
def test_an_entry_with_other_fields_is_refused(shown: object) -> None:
    with pytest.raises(FormatError, match="exactly the 13 fields"):
        entries.from_json(shown)


def test_a_commitment_needs_its_whole_salt() -> None:
    assert entries.commitment(bytes(32), "{}") == naive.sha256(b"\x02" + bytes(32) + b"{}")
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        entries.commitment(bytes(31), "{}")


@given(
    st.builds(
        BatchHeader,
        number=st.integers(2, 2**63 - 1),
        era=st.integers(0, 2**31),
        first_xid=st.integers(0, 2**40),
        end_xid=st.integers(2**40, 2**63 - 1),
        first_seq=st.integers(1, 2**62),
        entries=st.integers(1, 2**31),
        ids_hash=st.binary(min_size=32, max_size=32),
        previous=st.binary(min_size=32, max_size=32).filter(any),
        sealed_at=MOMENTS,
        system_identifier=st.integers(0, 2**64 - 1),
    )
)
@settings(deadline=None)
def test_a_header_comes_back_from_its_content(header: BatchHeader) -> None:
    assert BatchHeader.parse(header.content()) == header


@given(st.data())
@settings(deadline=None)
def test_a_header_with_one_byte_changed_is_refused_or_says_something_else(data: Any) -> None:
    content = bytearray(HEADER.content())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    try:
        parsed = BatchHeader.parse(bytes(content))
    except FormatError:
        return
    assert parsed != HEADER
    assert parsed.content() == bytes(content)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"number": 0}, "count batches and entries from 1"),
        ({"entries": 0}, "count batches and entries from 1"),
        ({"number": -2}, "give its number as 1 plain"),
        ({"first_xid": 10**6}, "ends with transaction 250, before its first"),
        ({"end_xid": 2**63}, "beyond 2\\^63 - 1"),
        ({"system_identifier": 2**64}, "beyond 2\\^64 - 1"),
        ({"number": 1}, "the first batch alone begins at 0"),
        ({"previous": bytes(32)}, "the first batch alone begins at 0"),
        ({"previous": bytes(31)}, "hash of the previous header must be 64"),
        ({"sealed_at": datetime(2026, 1, 1)}, "a moment without a zone"),
    ],
)
def test_a_header_that_no_log_writes_is_not_made(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        HEADER._replace(**changed).content()


@pytest.mark.parametrize("content", [b"", b"\xff", b"lacuna batch 2\n" + b"\n" * 7])
def test_what_is_no_header_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="A batch's header must be"):
        BatchHeader.parse(content)
