import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import hashes
from audit.proofs.errors import FormatError
from audit.proofs.frontier import Frontier, Tile
from tests.vectors.audit import naive
from tests.vectors.audit.make import numbered

LEAVES = numbered(70_000)


def grown(*sizes: int) -> Frontier:
    frontier, at = Frontier(), 0
    for size in sizes:
        frontier.append(b"".join(LEAVES[at : at + size]))
        at += size
    return frontier


@given(st.lists(st.integers(0, 300), max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_root_is_that_of_the_definition_however_leaves_arrive(sizes: list[int]) -> None:
    frontier = grown(*sizes)

    assert frontier.size == sum(sizes)
    assert frontier.root() == naive.root(LEAVES[: sum(sizes)])


@given(st.lists(st.integers(0, 600), max_size=4), st.integers(0, 600))
@settings(max_examples=40, deadline=None)
def test_a_frontier_goes_on_from_its_state_as_if_nothing_had_happened(
    sizes: list[int], more: int
) -> None:
    frontier = grown(*sizes)
    again = Frontier.from_state(frontier.state())
    for one in (frontier, again):
        one.append(b"".join(LEAVES[sum(sizes) : sum(sizes) + more]))

    assert again.state() == frontier.state()
    assert again.root() == naive.root(LEAVES[: sum(sizes) + more])


def test_a_full_tile_is_given_once_with_the_roots_of_its_leaves() -> None:
    frontier = grown(65_535)
    assert frontier.take_tiles() == []

    frontier.append(LEAVES[65_535])
    roots = [hashes.subtree_root(b"".join(LEAVES[at : at + 256])) for at in range(0, 65_536, 256)]
    assert frontier.take_tiles() == [Tile(1, 0, b"".join(roots))]
    assert frontier.take_tiles() == []


def test_many_leaves_at_once_fill_the_same_tiles_as_one_batch_after_another() -> None:
    leaves = b"".join(LEAVES[:65_536]) * 3
    at_once, slowly = Frontier(), Frontier()
    at_once.append(leaves)
    for at in range(0, len(leaves), 32 * 10_000):
        slowly.append(leaves[at : at + 32 * 10_000])

    tiles = at_once.take_tiles()
    assert [(tile.level, tile.index) for tile in tiles] == [(1, 0), (1, 1), (1, 2)]
    assert tiles == slowly.take_tiles()
    assert at_once.root() == slowly.root()


def test_a_copy_grows_by_itself() -> None:
    frontier = grown(300)
    copy = frontier.copy()
    copy.append(LEAVES[300])

    assert frontier.root() == naive.root(LEAVES[:300])
    assert copy.root() == naive.root(LEAVES[:301])


def test_a_leaf_costs_hardly_more_than_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    class Counting:
        @staticmethod
        def sha256(data: bytes) -> "hashlib._Hash":
            nonlocal calls
            calls += 1
            return hashlib.sha256(data)

    frontier = grown(1_000)
    monkeypatch.setattr(hashes, "hashlib", Counting)
    frontier.append(b"".join(LEAVES[1_000:17_000]))
    frontier.root()

    assert calls < 16_000 * 1.1


def test_a_broken_hash_changes_nothing() -> None:
    frontier = grown(5)
    with pytest.raises(ValueError, match="33 bytes"):
        frontier.append(bytes(33))

    assert frontier.size == 5
    assert frontier.root() == naive.root(LEAVES[:5])


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (b"", "begin with version 1"),
        (b"\x02" + bytes(8), "begin with version 1"),
        (b"\x01" + b"\xff" * 8, "more than can be"),
        (b"\x01" + bytes(7) + b"\x02" + bytes(32), "where 73 belong"),
        (b"\x01" + bytes(8) + bytes(1), "where 9 belong"),
    ],
)
def test_a_state_that_cannot_be_is_refused(state: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        Frontier.from_state(state)


def test_the_edge_has_what_no_full_tile_has() -> None:
    frontier = grown(65_536 + 256 + 3)

    assert frontier.edge(0) == b"".join(LEAVES[65_792:65_795])
    assert frontier.edge(1) == naive.root(LEAVES[65_536:65_792])
    assert frontier.edge(2) == naive.root(LEAVES[:65_536])
    assert frontier.edge(3) == b""
