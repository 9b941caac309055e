"""Bundles that must be refused, each with the reason."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from tests.vectors.audit import naive, sample
from tests.vectors.audit.sample import LOG_KEY, NEW_KEY, OTHER_LOG, STRANGER, Line, Log

CHOSEN = (0, 2, 3, 4, 5, 7, 11)


class Case(NamedTuple):
    """A bundle, the keys it is checked with, and why it must be refused."""

    why: str
    bundle: str
    keys: tuple[str, ...] = (LOG_KEY.written,)
    witnesses: tuple[str, ...] = ()
    witnesses_needed: int = 0


def good_lines(log: Log) -> list[Line]:
    """Lines of a bundle that holds: a disclosed entry, others, and the headers of three batches."""
    lines = log.chosen(*CHOSEN)
    lines[0]["disclosed"] = sample.disclosed(1)
    return lines


def good(log: Log) -> str:
    """The bundle of these lines."""
    return sample.bundle(good_lines(log), log.leaves)


def cases() -> list[Case]:
    """All of them."""
    log = Log()
    return [*_texts(log), *_first_lines(log), *_notes(log), *_lines(log), *_forgeries(log)]


def _texts(log: Log) -> Iterator[Case]:
    text = good(log)
    first, *rest = text.splitlines(keepends=True)
    yield Case("the file is empty", "")
    yield Case("the last line feed is missing", text[:-1])
    yield Case("an empty line follows", text + "\n")
    yield Case("a space stands after the first colon", text.replace(":", ": ", 1))
    yield Case("lines end in carriage returns", text.replace("\n", "\r\n"))
    yield Case("a byte order mark stands first", "\ufeff" + text)
    yield Case("a key stands twice", text.replace('{"batches"', '{"batches":3,"batches"', 1))
    yield Case("a character is escaped that need not be", text.replace('"seq"', '"s\\u0065q"', 1))
    yield Case("a number is written as a float", text.replace('"seq":0', '"seq":0.0', 1))
    yield Case("a number is written with an exponent", text.replace('"id":1,', '"id":1e0,', 1))
    yield Case("a number is negative zero", text.replace('"seq":0', '"seq":-0', 1))
    yield Case("NaN stands for a number", text.replace('"duration_ms":1,', '"duration_ms":NaN,', 1))
    yield Case("a number has 5,000 digits", text.replace('"seq":0', '"seq":' + "9" * 5000, 1))
    yield Case("JSON is nested 20,000 levels deep", "[" * 20_000 + "\n")
    yield Case("a lone surrogate stands in a text", text.replace("approved", "\\ud800", 1))
    yield Case("the first line alone is there", first)
    yield Case("the first line is missing", "".join(rest))
    yield Case("a value that is no object follows", text + "1\n")


def _first_lines(log: Log) -> Iterator[Case]:
    lines = good_lines(log)

    def with_first(**first: Any) -> str:
        return sample.bundle(lines, log.leaves, **first)

    proof = [naive.encode(step) for step in naive.leaves_proof(set(CHOSEN), log.leaves)]
    spare = proof[0][:-2] + chr(ord(proof[0][-2]) + 1) + "="
    yield Case("the format is another", with_first(format="lacuna-evidence/2"))
    yield Case("the count of entries is too high", with_first(entries=5))
    yield Case("the count of batches is true, which is no number", with_first(batches=True))
    yield Case("there is one more key", with_first(more=1))
    yield Case("the note is no text", with_first(note=None))
    yield Case("the proof is no list", with_first(proof=proof[0]))
    yield Case("the proof has a number in it", with_first(proof=[1, *proof[1:]]))
    yield Case("the proof lacks its last hash", with_first(proof=proof[:-1]))
    yield Case("the proof has a hash too many", with_first(proof=[*proof, proof[0]]))
    yield Case("the proof is in reverse", with_first(proof=proof[::-1]))
    yield Case("a hash of the proof has a spare bit set", with_first(proof=[spare, *proof[1:]]))
    yield Case("a hash of the proof is short", with_first(proof=["AAAA", *proof[1:]]))


def _notes(log: Log) -> Iterator[Case]:
    lines, root = good_lines(log), naive.root(log.leaves)
    size = log.size

    def noted(note: str) -> str:
        return sample.bundle(lines, log.leaves, note=note)

    honest = sample.note(size, root, LOG_KEY)
    text = honest.split("\n\n")[0] + "\n"
    yield Case("a stranger signed in the log's name", noted(sample.note(size, root, STRANGER)))
    yield Case("nobody signed", noted(text + "\n"))
    yield Case(
        "the log's key signed for another origin",
        noted(sample.note(size, root, LOG_KEY, origin="audit.example.com/other")),
    )
    yield Case(
        "another log's key is given, which signed too",
        noted(sample.note(size, root, LOG_KEY, OTHER_LOG)),
        (OTHER_LOG.written,),
    )
    yield Case("the key counts for other sizes", noted(honest), (f"{LOG_KEY.written} 0-14",))
    yield Case("the key counts for later sizes", noted(honest), (f"{LOG_KEY.written} 16-",))
    yield Case(
        "one of two known signatures does not hold",
        noted(honest + sample.NEW_KEY.line(text + "more\n")),
        (LOG_KEY.written, NEW_KEY.written),
    )
    yield Case("a known key's signature stands twice", noted(honest + LOG_KEY.line(text)))
    yield Case(
        "the size is written with a zero before it", noted(honest.replace("\n15\n", "\n015\n"))
    )
    yield Case("the root is another", noted(sample.note(size, bytes(32), LOG_KEY)))
    yield Case("the size is another", noted(sample.note(size * 4, root, LOG_KEY)))
    yield Case(
        "the tree is smaller than the last leaf's number", noted(sample.note(11, root, LOG_KEY))
    )
    yield Case("the note has a fourth line", noted(honest.replace("=\n\n", "=\nmore\n\n")))
    yield Case("a signature line has no dash", noted(honest.replace("\u2014", "-")))
    yield Case("a signature line by a stranger is malformed", noted(honest + "\u2014 x y\n"))
    witness = (sample.WITNESS_KEY.written,)
    yield Case("no witness signed", noted(honest), witnesses=witness, witnesses_needed=1)
    yield Case(
        "another witness signed",
        noted(sample.note(size, root, LOG_KEY, sample.OTHER_WITNESS)),
        witnesses=witness,
        witnesses_needed=1,
    )
    moved = sample.note(size, root, LOG_KEY, sample.WITNESS_KEY)
    start = moved.rindex(" ") + 1
    moved = moved[:start] + _later(moved[start:-1]) + "\n"
    yield Case(
        "the witness's moment was changed", noted(moved), witnesses=witness, witnesses_needed=1
    )
    yield Case(
        "a witness alone signed",
        noted(sample.note(size, root, sample.WITNESS_KEY)),
        witnesses=witness,
        witnesses_needed=1,
    )


def _later(signature: str) -> str:
    data = bytearray(naive.decode(signature))
    data[11] ^= 1
    return naive.encode(bytes(data))


def _lines(log: Log) -> Iterator[Case]:
    def edited(edit: Callable[[list[Line]], object]) -> str:
        lines = good_lines(log)
        honest = sample.bundle(lines, log.leaves).split("\n", 1)[0]
        edit(lines)
        return honest + "\n" + "".join(naive.canonical(line) + "\n" for line in lines)

    def set_field(name: str, value: Any, line: int = 0) -> str:
        return edited(lambda lines: lines[line]["entry"].__setitem__(name, value))

    yield Case("an entry was removed", edited(lambda lines: lines.pop(0)))
    yield Case("a header was removed", edited(lambda lines: lines.pop(2)))
    yield Case("the last header was removed", edited(lambda lines: lines.pop()))
    yield Case("an entry stands twice", edited(lambda lines: lines.insert(1, lines[1])))
    yield Case("two entries changed places", edited(lambda lines: lines.insert(0, lines.pop(1))))
    yield Case(
        "two entries changed numbers",
        edited(lambda lines: lines[0].update(seq=2) or lines[1].update(seq=0)),
    )
    yield Case("a sequence number is another", edited(lambda lines: lines[1].update(seq=1)))
    yield Case("a sequence number is text", edited(lambda lines: lines[0].update(seq="0")))
    yield Case("a sequence number is negative", edited(lambda lines: lines[0].update(seq=-1)))
    yield Case(
        "the actor is another", set_field("actor_id", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)
    )
    yield Case("null became the empty text", set_field("resource_id", None, 1))
    yield Case(
        "the moment is a microsecond later", set_field("created_at", "2026-11-21T09:01:00.000002Z")
    )
    yield Case(
        "the moment has another zone", set_field("created_at", "2026-11-21T10:01:00.000001+01:00")
    )
    yield Case(
        "a UUID is in upper case", set_field("entry_id", "01900000-0000-7000-8000-00000000000A")
    )
    yield Case("an entry lacks a field", edited(lambda lines: lines[0]["entry"].pop("payload")))
    yield Case("an entry has a field too many", set_field("leaf", ""))
    yield Case("a version that does not exist", set_field("v", 2))
    yield Case("a version that is true", set_field("v", True))
    yield Case("a transaction beyond 2^53 - 1", set_field("xid", 2**53))
    yield Case("a text with U+0000", set_field("action", "a\0b"))
    yield Case(
        "the data disclosed is other", edited(lambda lines: lines[0]["disclosed"].update(data="{}"))
    )
    yield Case(
        "the salt disclosed is other",
        edited(lambda lines: lines[0]["disclosed"].update(salt="00" * 32)),
    )
    yield Case(
        "the salt disclosed is in upper case",
        edited(lambda lines: lines[0]["disclosed"].update(salt=sample.salt(1).hex().upper())),
    )
    yield Case(
        "data is disclosed for an entry without a commitment",
        edited(lambda lines: lines[1].update(disclosed=sample.disclosed(3))),
    )
    yield Case(
        "the commitment was removed with the data",
        edited(lambda lines: lines[0].pop("disclosed") and lines[0]["entry"].update(personal=None)),
    )
    yield Case(
        "the moment of sealing is another",
        edited(lambda lines: lines[2].update(batch=lines[2]["batch"].replace("T10:", "T09:"))),
    )
    yield Case("a header is no text", edited(lambda lines: lines[2].update(batch=[])))
    yield Case("an entry is no object", edited(lambda lines: lines[0].update(entry=[])))
    yield Case("a line has a key too many", edited(lambda lines: lines[0].update(more=None)))


def _forgeries(log: Log) -> Iterator[Case]:
    """What a dishonest operator put into the tree and signed; only its own words betray it."""
    previous = log.leaves[3].hex()

    def forged(edit: Callable[[list[Line]], object], why: str) -> Case:
        lines = deepcopy(log.lines)
        edit(lines)
        return Case(why, sample.forged(lines, log))

    def headed(
        number: int, first: int, ids: list[int], before: str, why: str, **other: Any
    ) -> Case:
        header = naive.header(number, first, ids, before, **other)
        lines = [*log.chosen(4), {"batch": header, "seq": 5}]
        return Case(why, sample.forged(lines, log))

    yield headed(2, 4, [4], previous, "the header counts more entries", entries=2)
    yield headed(2, 3, [4], previous, "the header stands a place too late")
    yield headed(2, 5, [4], previous, "the header's batch begins after its entry", entries=0)
    yield headed(2, 4, [7], previous, "the header lists another id")
    yield headed(0, 4, [4], previous, "the batch has the number 0")
    yield headed(1, 4, [4], previous, "the first batch does not begin at 0")
    yield headed(2, 4, [4], "0" * 64, "the second batch follows no other")
    yield headed(2, 4, [4], previous, "transactions end before they begin", first_xid=251)
    yield headed(2, 4, [4], previous, "a number is beyond 2^63 - 1", end_xid=2**63)
    yield headed(2, 4, [4], previous, "the system identifier is too large", system=2**64)
    yield headed(2, 4, [4], previous, "the era has a zero before it", era="01")
    yield headed(
        2, 4, [4], previous, "there is no 30 February", sealed_at="2026-02-30T10:00:00.000000Z"
    )
    yield headed(2, 4, [4], previous, "midnight is 24:00", sealed_at="2026-11-21T24:00:00.000000Z")
    yield Case("a header belongs to no entry", sample.bundle(log.chosen(0, 3, 5), log.leaves))
    yield Case("an entry has no header", sample.bundle(log.chosen(0, 4, 5), log.leaves))
    yield Case("headers alone are there", sample.bundle(log.chosen(3), log.leaves))
    yield forged(
        lambda lines: lines[5].update(batch=naive.header(2, 4, [4], "11" * 32)),
        "the header follows another one than the one before it",
    )
    yield forged(
        lambda lines: lines[5].update(batch=naive.header(3, 4, [4], previous)),
        "a batch is left out between two that touch",
    )
    yield forged(
        lambda lines: lines[0]["entry"].update(action="x\0y"), "an entry in the tree has U+0000"
    )
