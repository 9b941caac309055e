"""Proofs about the tree: inclusion and consistency (RFC 9162, 2.1.3, 2.1.4), many leaves at once.

The makers take their hashes from a `Source`; the checkers take bytes alone and raise `ProofError`
with a sentence when the proof does not hold. Roots and proof steps are 32 bytes each.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from audit.proofs import hashes
from audit.proofs.errors import ProofError
from audit.proofs.sources import Source


def root(size: int, source: Source) -> bytes:
    """The root of the tree's first `size` leaves."""
    return _range_root(source, 0, size) if size else hashes.EMPTY_ROOT


def inclusion_proof(index: int, size: int, source: Source) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of `size` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"Leaf {index} is not among the first {size} leaves.")
    path: list[bytes] = []
    first, number = 0, size
    while number > 1:
        left = _split(number)
        if index - first < left:
            path.append(_range_root(source, first + left, number - left))
            number = left
        else:
            path.append(_range_root(source, first, left))
            first, number = first + left, number - left
    return path[::-1]


def consistency_proof(old_size: int, new_size: int, source: Source) -> list[bytes]:
    """The hashes that show the old tree to be the new one's beginning (RFC 9162, 2.1.4.1).

    Empty when the sizes are equal or the old tree is empty: every tree begins with the empty one.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"A tree of {old_size} leaves is not the beginning of one of {new_size}.")
    if old_size in {0, new_size}:
        return []
    path: list[bytes] = []
    first, old, new = 0, old_size, new_size
    while old != new:
        left = _split(new)
        if old <= left:
            path.append(_range_root(source, first + left, new - left))
            new = left
        else:
            path.append(_range_root(source, first, left))
            first, old, new = first + left, old - left, new - left
    if first:
        path.append(_range_root(source, first, new))
    return path[::-1]


def leaves_proof(indices: Sequence[int], size: int, source: Source) -> list[bytes]:
    """One proof for many leaves: the largest subtrees without any of them, from left to right.

    `indices` ascend strictly, at least one; ValueError otherwise.
    """
    try:
        _check_indices(indices, size)
    except ProofError as error:
        raise ValueError(str(error)) from None
    proof: list[bytes] = []

    def walk(first: int, number: int, low: int, high: int) -> None:
        if low == high:
            proof.append(_range_root(source, first, number))
        elif high - low < number:
            left = _split(number)
            middle = bisect_left(indices, first + left, low, high)
            walk(first, left, low, middle)
            walk(first + left, number - left, middle, high)

    walk(0, size, 0, len(indices))
    return proof


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Refuse unless the leaf's hash stands at `index` under the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"Leaf {index} is not among the first {size} leaves.")
    place, last, found = index, size - 1, leaf
    for step in _steps(proof):
        if not last:
            raise ProofError(f"The inclusion proof of leaf {index} has too many hashes.")
        if place & 1 or place == last:
            found = hashes.node(step, found)
            place, last = _up_to_a_right_child(place, last)
        else:
            found = hashes.node(found, step)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"The inclusion proof of leaf {index} has too few hashes.")
    if found != expected_root:
        raise ProofError(f"The inclusion proof of leaf {index} leads to another root.")


def check_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Refuse unless the old tree is the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        raise ProofError(f"A tree of {old_size} leaves is not the beginning of one of {new_size}.")
    name = f"The consistency proof from {old_size} to {new_size} leaves"
    steps = list(_steps(proof))
    if old_size in {0, new_size}:
        if steps:
            raise ProofError(f"{name} must be empty.")
        found_old, found_new = (new_root if old_size else hashes.EMPTY_ROOT), new_root
    else:
        # A complete old tree is itself the first subtree of the new one.
        first = [old_root] if old_size & (old_size - 1) == 0 else []
        found_old, found_new = _grown(name, old_size - 1, new_size - 1, first + steps)
    if found_old != old_root:
        raise ProofError(f"{name} leads to another old root.")
    if found_new != new_root:
        raise ProofError(f"{name} leads to another new root.")


def _grown(name: str, place: int, last: int, steps: list[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root that a consistency proof leads to, from the last leaf of each."""
    if not steps:
        raise ProofError(f"{name} has too few hashes.")
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found_new = steps[0]
    for step in steps[1:]:
        if not last:
            raise ProofError(f"{name} has too many hashes.")
        if place & 1 or place == last:
            found_old, found_new = hashes.node(step, found_old), hashes.node(step, found_new)
            place, last = _up_to_a_right_child(place, last)
        else:
            found_new = hashes.node(found_new, step)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"{name} has too few hashes.")
    return found_old, found_new


def check_leaves(
    indices: Sequence[int],
    leaves: bytes,
    size: int,
    proof: Sequence[bytes],
    expected_root: bytes,
) -> None:
    """Refuse unless these leaves (32 bytes each, in order) stand at their places in the tree."""
    _check_indices(indices, size)
    if hashes.count(leaves) != len(indices):
        raise ProofError(
            f"There are {hashes.count(leaves)} leaf hashes for {len(indices)} places in the tree."
        )
    steps = _steps(proof)

    def walk(first: int, number: int, low: int, high: int) -> bytes:
        if low == high:
            step = next(steps, None)
            if step is None:
                raise ProofError("The proof of the leaves has too few hashes.")
            return step
        if high - low == number:
            return hashes.subtree_root(leaves[low * hashes.HASH_SIZE : high * hashes.HASH_SIZE])
        left = _split(number)
        middle = bisect_left(indices, first + left, low, high)
        left_root = walk(first, left, low, middle)
        return hashes.node(left_root, walk(first + left, number - left, middle, high))

    found = walk(0, size, 0, len(indices))
    if next(steps, None) is not None:
        raise ProofError("The proof of the leaves has too many hashes.")
    if found != expected_root:
        raise ProofError("The proof of the leaves leads to another root.")


def _split(number: int) -> int:
    """The largest power of two below `number` (> 1): where RFC 9162 splits a tree."""
    return 1 << ((number - 1).bit_length() - 1)


def _range_root(source: Source, first: int, number: int) -> bytes:
    """The root of leaves that form a subtree of the tree, complete or at its right edge."""
    parts: list[bytes] = []
    while number:
        height = number.bit_length() - 1
        parts.append(source.subtree(height, first >> height))
        first, number = first + (1 << height), number - (1 << height)
    found = parts.pop()
    while parts:
        found = hashes.node(parts.pop(), found)
    return found


def _up_to_a_right_child(place: int, last: int) -> tuple[int, int]:
    """Skip the levels at which a node at the right edge has no partner and rises as it is."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _steps(proof: Sequence[bytes]) -> Iterator[bytes]:
    for number, step in enumerate(proof, start=1):
        if len(step) != hashes.HASH_SIZE:
            raise ProofError(f"Hash {number} of the proof has {len(step)} bytes, not 32.")
        yield step


def _check_indices(indices: Sequence[int], size: int) -> None:
    if not indices:
        raise ProofError("A proof of leaves must name at least one leaf.")
    if indices[0] < 0 or indices[-1] >= size:
        wrong = indices[0] if indices[0] < 0 else indices[-1]
        raise ProofError(f"Leaf {wrong} is not among the first {size} leaves.")
    for before, after in pairwise(indices):
        if before >= after:
            raise ProofError(f"Leaf {after} comes after leaf {before}; places must ascend.")
