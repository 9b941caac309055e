from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import hashes, trees
from audit.proofs.errors import ProofError
from audit.proofs.sources import ListSource
from tests.vectors.audit import naive
from tests.vectors.audit.make import numbered

LEAVES = numbered(300)
OTHER = naive.sha256(b"another")
SIZES = st.integers(1, 300)


def source(size: int) -> ListSource:
    return ListSource(b"".join(LEAVES[:size]))


@given(SIZES, st.data())
@settings(max_examples=80, deadline=None)
def test_an_inclusion_proof_is_that_of_the_definition_and_holds(size: int, data: Any) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = trees.inclusion_proof(index, size, source(size))

    assert proof == naive.inclusion(index, LEAVES[:size])
    trees.check_inclusion(LEAVES[index], index, size, proof, naive.root(LEAVES[:size]))


@given(SIZES, st.data())
@settings(max_examples=80, deadline=None)
def test_a_consistency_proof_is_that_of_the_definition_and_holds(size: int, data: Any) -> None:
    old = data.draw(st.integers(0, size))
    proof = trees.consistency_proof(old, size, source(size))

    assert proof == naive.consistency(old, LEAVES[:size])
    old_root, new_root = naive.root(LEAVES[:old]), naive.root(LEAVES[:size])
    trees.check_consistency(old, size, proof, old_root, new_root)


@given(SIZES, st.data())
@settings(max_examples=80, deadline=None)
def test_a_proof_of_many_leaves_is_that_of_the_definition_and_holds(size: int, data: Any) -> None:
    indices = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    proof = trees.leaves_proof(indices, size, source(size))
    chosen = b"".join(LEAVES[index] for index in indices)

    assert proof == naive.leaves_proof(set(indices), LEAVES[:size])
    trees.check_leaves(indices, chosen, size, proof, naive.root(LEAVES[:size]))


def changes(proof: list[bytes]) -> list[list[bytes]]:
    """Every way of spoiling a proof in one place."""
    spoilt = [[*proof[:at], OTHER, *proof[at + 1 :]] for at in range(len(proof))]
    spoilt += [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    spoilt += [[*proof[:at], OTHER, *proof[at:]] for at in range(len(proof) + 1)]
    return spoilt


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_a_spoilt_proof_never_holds(size: int) -> None:
    whole, root = source(size), naive.root(LEAVES[:size])
    for index in range(size):
        for proof in changes(trees.inclusion_proof(index, size, whole)):
            with pytest.raises(ProofError):
                trees.check_inclusion(LEAVES[index], index, size, proof, root)
        for proof in changes(trees.leaves_proof([index], size, whole)):
            with pytest.raises(ProofError):
                trees.check_leaves([index], LEAVES[index], size, proof, root)
        old_root = naive.root(LEAVES[:index])
        for proof in changes(trees.consistency_proof(index, size, whole)):
            with pytest.raises(ProofError):
                trees.check_consistency(index, size, proof, old_root, root)


@pytest.mark.parametrize("size", [2, 3, 7, 8])
def test_a_proof_holds_for_no_other_leaf_place_or_root(size: int) -> None:
    whole, root = source(size), naive.root(LEAVES[:size])
    for index in range(size):
        proof = trees.inclusion_proof(index, size, whole)
        with pytest.raises(ProofError, match="another root"):
            trees.check_inclusion(OTHER, index, size, proof, root)
        with pytest.raises(ProofError, match="another root"):
            trees.check_inclusion(LEAVES[index], index, size, proof, OTHER)
        for place in set(range(size)) - {index}:
            with pytest.raises(ProofError):
                trees.check_inclusion(LEAVES[index], place, size, proof, root)


@pytest.mark.parametrize("old", range(1, 8))
def test_a_log_that_forked_is_not_consistent(old: int) -> None:
    proof = trees.consistency_proof(old, 8, source(8))
    new_root = naive.root(LEAVES[:8])

    with pytest.raises(ProofError, match="another old root|another new root"):
        trees.check_consistency(old, 8, proof, OTHER, new_root)
    with pytest.raises(ProofError, match="another new root"):
        trees.check_consistency(old, 8, proof, naive.root(LEAVES[:old]), OTHER)


def test_trees_of_equal_size_are_consistent_when_equal_and_the_empty_one_with_all() -> None:
    root = naive.root(LEAVES[:5])
    trees.check_consistency(5, 5, [], root, root)
    trees.check_consistency(0, 5, [], hashes.EMPTY_ROOT, root)

    with pytest.raises(ProofError, match="another old root"):
        trees.check_consistency(5, 5, [], OTHER, root)
    with pytest.raises(ProofError, match="another old root"):
        trees.check_consistency(0, 5, [], OTHER, root)
    with pytest.raises(ProofError, match="must be empty"):
        trees.check_consistency(0, 5, [OTHER], hashes.EMPTY_ROOT, root)


def test_a_smaller_tree_is_no_continuation() -> None:
    with pytest.raises(ProofError, match="6 leaves is not the beginning of one of 5"):
        trees.check_consistency(6, 5, [], OTHER, OTHER)
    with pytest.raises(ValueError, match="6 leaves is not the beginning of one of 5"):
        trees.consistency_proof(6, 5, source(5))


@pytest.mark.parametrize(
    ("indices", "reason"),
    [
        ([], "at least one"),
        ([-1], "Leaf -1 is not among"),
        ([5], "Leaf 5 is not among"),
        ([2, 2], "must ascend"),
        ([3, 1], "must ascend"),
    ],
)
def test_leaves_out_of_order_or_out_of_the_tree_are_refused(
    indices: list[int], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        trees.leaves_proof(indices, 5, source(5))
    with pytest.raises(ProofError, match=reason):
        trees.check_leaves(indices, OTHER * len(indices), 5, [], OTHER)


def test_hashes_of_another_length_are_refused_by_number() -> None:
    with pytest.raises(ProofError, match="Hash 2 of the proof has 31 bytes"):
        trees.check_inclusion(OTHER, 0, 4, [OTHER, OTHER[:31]], OTHER)
    with pytest.raises(ProofError, match="1 leaf hashes for 2 places"):
        trees.check_leaves([0, 1], OTHER, 4, [], OTHER)


def test_a_leaf_outside_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="Leaf 5 is not among the first 5"):
        trees.inclusion_proof(5, 5, source(5))
    with pytest.raises(ProofError, match="Leaf 5 is not among the first 5"):
        trees.check_inclusion(OTHER, 5, 5, [], OTHER)


def test_the_empty_tree_has_its_own_root() -> None:
    assert trees.root(0, source(0)) == hashes.EMPTY_ROOT == naive.sha256(b"")
