"""Where proofs take their hashes from: anything that knows the roots of complete subtrees."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from audit.proofs import hashes
from audit.proofs.errors import ProofError
from audit.proofs.frontier import TILE_HEIGHT, TILE_WIDTH, Frontier


class Source(Protocol):
    """Answers for complete subtrees alone; the trees on top put everything else together."""

    def subtree(self, height: int, index: int) -> bytes:
        """The root of the leaves from `index * 2**height` on, `2**height` of them, all present."""


class ListSource:
    """A source over leaf hashes in memory."""

    def __init__(self, leaves: bytes) -> None:
        self._levels = [leaves]
        self.size = hashes.count(leaves)

    def subtree(self, height: int, index: int) -> bytes:
        """See `Source`; levels are computed once, when first asked for."""
        _within(self.size, height, index)
        while len(self._levels) <= height:
            below = self._levels[-1]
            self._levels.append(hashes.level_above(below[: len(below) & -64]))
        at = index * hashes.HASH_SIZE
        return self._levels[height][at : at + hashes.HASH_SIZE]


class TileSource:
    """A source over stored tiles and leaves, for trees too large to hold.

    `tile(level, index)` gives a stored tile of level 1 or higher (256 hashes), or None when it is
    not full yet; `leaves(first, number)` gives the hashes of so many leaves, 256 at most. `edge`,
    the frontier of the same log at this size or a later one, spares the hashing of what is not yet
    in a full tile. Tiles and blocks of leaves once read are remembered, `remembered` of each.
    """

    def __init__(
        self,
        size: int,
        *,
        tile: Callable[[int, int], bytes | None],
        leaves: Callable[[int, int], bytes],
        edge: Frontier | None = None,
        remembered: int = 256,
    ) -> None:
        self.size = size
        self._edge = edge
        self._read_leaves = leaves
        self._read_tile = tile
        self._tile = lru_cache(maxsize=remembered)(self._checked_tile)
        self._block = lru_cache(maxsize=remembered)(self._leaf_block)

    def subtree(self, height: int, index: int) -> bytes:
        """See `Source`; ProofError when the stored hashes are not as many as they must be."""
        _within(self.size, height, index)
        level, within = divmod(height, TILE_HEIGHT)
        return hashes.subtree_root(self._run(level, index << within, 1 << within))

    def _run(self, level: int, first: int, number: int) -> bytes:
        """Hashes of one level that lie within one tile."""
        tile, offset = divmod(first, TILE_WIDTH)
        run = self._block(tile) if level == 0 else self._tile(level, tile)
        piece = run[offset * hashes.HASH_SIZE : (offset + number) * hashes.HASH_SIZE]
        if hashes.count(piece) == number:
            return piece
        roots = [
            hashes.subtree_root(self._run(level - 1, unit * TILE_WIDTH, TILE_WIDTH))
            for unit in range(first, first + number)
        ]
        return b"".join(roots)

    def _checked_tile(self, level: int, index: int) -> bytes:
        """A tile's hashes: stored, or so far as the frontier has them; empty when neither knows."""
        stored = self._read_tile(level, index)
        if stored is not None:
            if len(stored) != TILE_WIDTH * hashes.HASH_SIZE:
                raise ProofError(
                    f"Tile {index} of level {level} has {len(stored)} bytes where "
                    f"{TILE_WIDTH * hashes.HASH_SIZE} belong."
                )
            return stored
        if self._edge is not None and index == self._edge.size >> TILE_HEIGHT * (level + 1):
            return self._edge.edge(level)
        return b""

    def _leaf_block(self, index: int) -> bytes:
        first = index * TILE_WIDTH
        number = min(TILE_WIDTH, self.size - first)
        leaves = self._read_leaves(first, number)
        if len(leaves) != number * hashes.HASH_SIZE:
            raise ProofError(
                f"Leaves {first} to {first + number - 1} have {len(leaves)} bytes of hashes where "
                f"{number * hashes.HASH_SIZE} belong."
            )
        return leaves


def _within(size: int, height: int, index: int) -> None:
    if height < 0 or index < 0 or (index + 1) << height > size:
        raise ValueError(
            f"The tree of {size} leaves has no complete subtree {index} of 2^{height} leaves."
        )
