"""Both implementations over all published vectors."""

import io
import json
from typing import Any

import pytest

from audit import lacuna_verify
from audit.proofs import bundles, canonical, checkpoints, entries, hashes, trees
from audit.proofs.checkpoints import PinnedKey
from audit.proofs.entries import BatchHeader
from audit.proofs.errors import FormatError, NoteError, ProofError
from audit.proofs.frontier import Frontier
from audit.proofs.notes import VerifierKey
from audit.proofs.sources import ListSource
from tests.vectors.audit import make
from tests.vectors.audit.make import numbered


def vectors(name: str) -> Any:
    return json.loads((make.FOLDER / name).read_text())


def cases(name: str, *path: str) -> list[Any]:
    found = vectors(name)
    for step in path:
        found = found[step]
    return [pytest.param(case, id=str(case.get("why", case.get("name", "")))) for case in found]


@pytest.mark.parametrize("name", make.VECTORS)
def test_the_published_vectors_are_what_the_definitions_give(name: str) -> None:
    assert (make.FOLDER / name).read_text() == make.text_of(name)


def test_canonical_texts_are_read_and_written_the_same() -> None:
    for text in vectors("canonical.json")["good"]:
        assert canonical.dumps(canonical.loads_strict(text)) == text


@pytest.mark.parametrize("case", cases("canonical.json", "bad"))
def test_a_text_that_is_not_canonical_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        canonical.loads_strict(case["text"])


@pytest.mark.parametrize("case", cases("leaves.json"))
def test_an_entry_has_the_content_and_the_leaf_of_the_vector(case: dict[str, Any]) -> None:
    fields = entries.from_json(case["entry"])
    shown = dict(sorted(case["entry"].items()))

    assert entries.content(fields).hex() == case["content"]
    assert hashes.leaf(entries.content(fields)).hex() == case["leaf"]
    assert entries.to_json(fields) == case["entry"]
    assert lacuna_verify.content(shown).hex() == case["content"]


def test_commitments_are_those_of_the_vectors() -> None:
    for case in vectors("commitments.json"):
        made = entries.commitment(bytes.fromhex(case["salt"]), case["data"])
        assert made.hex() == case["commitment"]


def test_headers_are_those_of_the_vectors() -> None:
    for case in vectors("headers.json"):
        header = BatchHeader.parse(case["content"].encode())
        parts = {**header._asdict(), "ids_hash": header.ids_hash.hex()}
        parts |= {"previous": header.previous.hex(), "seq": header.seq}
        parts |= {"sealed_at": canonical.moment(header.sealed_at)}
        parts |= {"system_identifier": str(header.system_identifier)}

        assert parts == case["header"]
        assert header.content() == case["content"].encode()
        assert header.leaf().hex() == case["leaf"]
        assert lacuna_verify.header_of(case["content"]).leaf.hex() == case["leaf"]


def test_roots_are_those_of_the_vectors() -> None:
    for case in vectors("trees.json")["roots"]:
        leaves = b"".join(numbered(case["size"]))
        frontier = Frontier()
        frontier.append(leaves)

        assert frontier.root().hex() == case["root"]
        assert trees.root(case["size"], ListSource(leaves)).hex() == case["root"]


def test_inclusion_proofs_are_those_of_the_vectors() -> None:
    for case in vectors("trees.json")["inclusion"]:
        index, size, leaves = case["index"], case["size"], numbered(case["size"])
        source = ListSource(b"".join(leaves))
        proof = [bytes.fromhex(step) for step in case["proof"]]

        assert trees.inclusion_proof(index, size, source) == proof
        trees.check_inclusion(leaves[index], index, size, proof, trees.root(size, source))


def test_consistency_proofs_are_those_of_the_vectors() -> None:
    for case in vectors("trees.json")["consistency"]:
        old, new = case["old"], case["new"]
        source = ListSource(b"".join(numbered(new)))
        proof = [bytes.fromhex(step) for step in case["proof"]]

        assert trees.consistency_proof(old, new, source) == proof
        trees.check_consistency(old, new, proof, trees.root(old, source), trees.root(new, source))


def test_proofs_of_many_leaves_are_those_of_the_vectors() -> None:
    for case in vectors("trees.json")["leaves"]:
        indices, size, leaves = case["indices"], case["size"], numbered(case["size"])
        source = ListSource(b"".join(leaves))
        proof = [bytes.fromhex(step) for step in case["proof"]]
        chosen = b"".join(leaves[index] for index in indices)
        second = lacuna_verify.Leaves()
        second.seqs, second.hashes = indices, bytearray(chosen)

        assert trees.leaves_proof(indices, size, source) == proof
        trees.check_leaves(indices, chosen, size, proof, trees.root(size, source))
        assert second.root(size, iter(proof)) == trees.root(size, source)


def note_keys() -> tuple[list[PinnedKey], list[VerifierKey], list[lacuna_verify.Key]]:
    found = vectors("notes.json")
    second = [lacuna_verify.parse_key(key) for key in found["keys"]]
    second += [
        lacuna_verify.parse_key(key, lacuna_verify.WITNESS_KEY) for key in found["witnesses"]
    ]
    pinned = [PinnedKey.parse(key) for key in found["keys"]]
    return pinned, [VerifierKey.parse(key) for key in found["witnesses"]], second


@pytest.mark.parametrize("case", cases("notes.json", "good"))
def test_a_good_note_is_opened_by_both_to_the_same(case: dict[str, str]) -> None:
    keys, witnesses, second_keys = note_keys()
    opened = checkpoints.open_checkpoint(case["note"], keys, witnesses=witnesses)
    origin, size, root, signed = lacuna_verify.checkpoint(case["note"], second_keys)

    assert (origin, size, root) == opened.checkpoint
    assert len(signed) == len(opened.signatures) + len(opened.witnessed)
    assert [at for at in signed.values() if at] == [
        f"{found.at:%Y-%m-%dT%H:%M:%S}Z" for found in opened.witnessed
    ]


@pytest.mark.parametrize("case", cases("notes.json", "bad"))
def test_a_bad_note_is_refused_by_both(case: dict[str, str]) -> None:
    keys, witnesses, second_keys = note_keys()
    with pytest.raises(NoteError):
        checkpoints.open_checkpoint(case["note"], keys, witnesses=witnesses)
    with pytest.raises(lacuna_verify.Refused):
        lacuna_verify.checkpoint(case["note"], second_keys)


@pytest.mark.parametrize("case", cases("notes.json", "bad_keys"))
def test_a_bad_key_is_refused_by_both(case: dict[str, str]) -> None:
    with pytest.raises(NoteError):
        PinnedKey.parse(case["key"])
    with pytest.raises(ValueError, match="is no key|is not written|sizes that end"):
        lacuna_verify.parse_key(case["key"])


def read(case: dict[str, Any]) -> bundles.Bundle:
    return bundles.read(
        io.BytesIO(case["bundle"].encode(errors="surrogatepass")),
        [PinnedKey.parse(key) for key in case["keys"]],
        witnesses=[VerifierKey.parse(key) for key in case.get("witnesses", [])],
        witnesses_needed=case.get("witnesses_needed", 0),
    )


def verify(case: dict[str, Any]) -> dict[str, Any]:
    return lacuna_verify.verify(
        io.BytesIO(case["bundle"].encode(errors="surrogatepass")),
        [lacuna_verify.parse_key(key) for key in case["keys"]],
        [lacuna_verify.parse_key(key, 4) for key in case.get("witnesses", [])],
        case.get("witnesses_needed", 0),
    )


@pytest.mark.parametrize("case", cases("bundles.json", "good"))
def test_a_good_bundle_holds_for_both(case: dict[str, Any]) -> None:
    found = read(case)
    report = verify(case)

    assert report["entries"] == case["entries"]
    assert report["entries"] + report["batches"] == len(found.leaves)
    assert report["size"] == found.opened.checkpoint.size


@pytest.mark.parametrize("case", cases("bundles.json", "bad"))
def test_a_bad_bundle_is_refused_by_both(case: dict[str, Any]) -> None:
    with pytest.raises(ProofError):
        read(case)
    with pytest.raises(lacuna_verify.Refused):
        verify(case)
