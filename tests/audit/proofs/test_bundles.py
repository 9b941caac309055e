import io
import random

import pytest

from audit.proofs import bundles
from audit.proofs.bundles import BatchLeaf, Disclosed, EntryLeaf, Leaf
from audit.proofs.checkpoints import PinnedKey
from audit.proofs.entries import BatchHeader, from_json
from audit.proofs.errors import FormatError, ProofError
from audit.proofs.sources import ListSource
from tests.audit.test_lacuna_verify import spoil_bytes, spoil_lines, spoil_values
from tests.vectors.audit import bad_bundles, naive, sample

LOG = sample.Log()
NOTE = sample.note(LOG.size, naive.root(LOG.leaves), sample.LOG_KEY)
KEYS = [PinnedKey.parse(sample.LOG_KEY.written)]


def leaf(line: sample.Line) -> Leaf:
    if "batch" in line:
        return BatchLeaf(line["seq"], BatchHeader.parse(line["batch"].encode()))
    disclosed = line.get("disclosed")
    shown = disclosed and Disclosed(bytes.fromhex(disclosed["salt"]), disclosed["data"])
    return EntryLeaf(line["seq"], from_json(line["entry"]), shown)


def written(lines: list[sample.Line], note: str = NOTE) -> bytes:
    stream = io.BytesIO()
    bundles.write(
        stream, note=note, leaves=map(leaf, lines), source=ListSource(b"".join(LOG.leaves))
    )
    return stream.getvalue()


def test_a_bundle_is_written_byte_for_byte_as_the_vector_has_it() -> None:
    assert written(bad_bundles.good_lines(LOG)).decode() == bad_bundles.good(LOG)
    assert written(LOG.lines).decode() == sample.bundle(LOG.lines, LOG.leaves)


def test_what_is_written_is_read_as_the_same_leaves() -> None:
    lines = bad_bundles.good_lines(LOG)
    bundle = bundles.read(io.BytesIO(written(lines)), KEYS)

    assert bundle.leaves == [leaf(line) for line in lines]
    assert bundle.opened.checkpoint.size == LOG.size


@pytest.mark.parametrize(
    ("seqs", "reason"),
    [
        ([], "at least one entry"),
        ([0], "Entry 0 has no header of its batch after it"),
        ([3], "batch 1 belongs to no entry"),
        ([0, 3, 5], "batch 2 belongs to no entry"),
        ([0, 5], "Entry 0 has no header of its batch: batch 2 begins at 4"),
        ([2, 0, 3], "Leaf 0 is out of order"),
    ],
)
def test_a_bundle_that_would_not_hold_is_not_written(seqs: list[int], reason: str) -> None:
    stream = io.BytesIO()
    with pytest.raises(ProofError, match=reason):
        bundles.write(
            stream,
            note=NOTE,
            leaves=map(leaf, LOG.chosen(*seqs)),
            source=ListSource(b"".join(LOG.leaves)),
        )
    assert stream.getvalue() == b""


def test_a_bundle_whose_entries_are_not_in_the_tree_is_not_written() -> None:
    lines = LOG.chosen(4, 5)
    lines[0]["entry"]["action"] = "annotation.rejected"

    with pytest.raises(ProofError, match="leads to another root"):
        written(lines)


def test_data_that_the_entry_is_not_committed_to_is_not_disclosed() -> None:
    for seq, reason in ((0, "other than it is committed to"), (2, "committed to none")):
        lines = LOG.chosen(seq, 3)
        lines[0]["disclosed"] = sample.disclosed(7)
        with pytest.raises(ProofError, match=f"Entry {seq} discloses data .*{reason}"):
            written(lines)


def test_a_refusal_names_the_line() -> None:
    bundle = written(bad_bundles.good_lines(LOG))
    for old, new, reason in (
        (b'"v":1', b'"v":2', "Line 2: The field v must be 1"),
        (b"lacuna batch 1", b"lacuna batch 2", "Line 4: A batch's header must be the 8 lines"),
        (b'"seq":4', b'"seq":4 ', "Line 5: JSON is not canonical"),
    ):
        with pytest.raises(FormatError, match=reason):
            bundles.read(io.BytesIO(bundle.replace(old, new, 1)), KEYS)


def test_no_spoilt_bundle_is_read() -> None:
    chance, good = random.Random(9162), bad_bundles.good(LOG).encode()
    for _ in range(500):
        for spoil in (spoil_bytes, spoil_lines, spoil_values):
            spoilt = spoil(chance)
            if spoilt != good:
                with pytest.raises(ProofError):
                    bundles.read(io.BytesIO(spoilt), KEYS)
