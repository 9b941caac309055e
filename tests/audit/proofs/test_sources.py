import random
from collections.abc import Callable

import pytest

from audit.proofs import hashes, trees
from audit.proofs.errors import ProofError
from audit.proofs.frontier import Frontier
from audit.proofs.sources import ListSource, TileSource
from tests.vectors.audit.make import numbered

LEAVES = b"".join(numbered(140_000))


def read(first: int, number: int) -> bytes:
    return LEAVES[first * 32 : (first + number) * 32]


def stored(size: int) -> tuple[Frontier, Callable[[int, int], bytes | None]]:
    """The frontier of a log of this size, and its tiles as a table would give them."""
    frontier = Frontier()
    frontier.append(LEAVES[: size * 32])
    tiles = {(tile.level, tile.index): tile.hashes for tile in frontier.take_tiles()}
    return frontier, lambda level, index: tiles.get((level, index))


@pytest.mark.parametrize("size", [1, 255, 256, 1_000, 65_536, 65_537, 140_000])
@pytest.mark.parametrize("with_edge", [False, True])
def test_tiles_give_the_same_proofs_as_all_leaves(size: int, with_edge: bool) -> None:
    frontier, tile = stored(size)
    tiles = TileSource(size, tile=tile, leaves=read, edge=frontier if with_edge else None)
    whole = ListSource(LEAVES[: size * 32])
    chance = random.Random(size)

    assert trees.root(size, tiles) == frontier.root()
    for index in chance.sample(range(size), min(size, 10)):
        proof = trees.inclusion_proof(index, size, tiles)
        assert proof == trees.inclusion_proof(index, size, whole)
        assert trees.consistency_proof(index, size, tiles) == trees.consistency_proof(
            index, size, whole
        )
    indices = sorted(chance.sample(range(size), min(size, 40)))
    assert trees.leaves_proof(indices, size, tiles) == trees.leaves_proof(indices, size, whole)


def test_a_smaller_tree_is_proven_from_the_tiles_of_a_larger_one() -> None:
    frontier, tile = stored(140_000)
    tiles = TileSource(100_000, tile=tile, leaves=read, edge=frontier)

    assert trees.root(100_000, tiles) == trees.root(100_000, ListSource(LEAVES[: 100_000 * 32]))


def test_an_edge_older_than_the_tree_is_made_up_for_from_leaves() -> None:
    frontier, tile = stored(70_000)
    tiles = TileSource(90_000, tile=tile, leaves=read, edge=frontier)

    assert trees.root(90_000, tiles) == trees.root(90_000, ListSource(LEAVES[: 90_000 * 32]))


def test_a_proof_from_tiles_reads_few_leaves() -> None:
    frontier, tile = stored(140_000)
    blocks: list[int] = []

    def counting(first: int, number: int) -> bytes:
        blocks.append(first)
        return read(first, number)

    tiles = TileSource(140_000, tile=tile, leaves=counting, edge=frontier)
    trees.inclusion_proof(77_777, 140_000, tiles)

    assert len(blocks) <= 2


def test_stored_hashes_that_are_too_few_are_named() -> None:
    short = TileSource(140_000, tile=lambda *_: bytes(31), leaves=read)
    with pytest.raises(ProofError, match="Tile 2 of level 1 has 31 bytes"):
        trees.inclusion_proof(0, 140_000, short)

    missing = TileSource(300, tile=lambda *_: None, leaves=lambda *_: b"")
    with pytest.raises(ProofError, match="Leaves 256 to 299 have 0 bytes"):
        trees.inclusion_proof(0, 300, missing)


def test_an_incomplete_subtree_is_not_given() -> None:
    for source in (ListSource(LEAVES[: 5 * 32]), TileSource(5, tile=lambda *_: None, leaves=read)):
        assert source.subtree(2, 0) == hashes.subtree_root(LEAVES[:128])
        with pytest.raises(ValueError, match="no complete subtree 1 of 2"):
            source.subtree(2, 1)
