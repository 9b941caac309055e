"""The growing edge of the tree: leaves go in, roots and full tiles come out.

A tile is a run of 256 hashes of one level, where a hash of level `k` is the root of 256^k leaves
(the layout of C2SP's tlog-tiles). Level 0, the leaves themselves, lies with the entries, so tiles
begin at level 1: a tile of level 1 stands for 65,536 leaves.
"""

from dataclasses import dataclass
from typing import Self

from audit.proofs import hashes
from audit.proofs.errors import FormatError

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_TILE_BYTES = TILE_WIDTH * hashes.HASH_SIZE
_STATE_VERSION = b"\x01"
_SIZE_LIMIT = 1 << 63


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile: `hashes` holds 256 hashes of 32 bytes, each the root of 256**level leaves."""

    level: int
    index: int
    hashes: bytes


class Frontier:
    """An append-only tree of which only the right edge is kept: at most 255 hashes a level."""

    def __init__(self) -> None:
        self._size = 0
        self._edges: list[bytes] = [b""]
        self._filled: list[Tile] = []

    @property
    def size(self) -> int:
        """The number of leaves appended so far."""
        return self._size

    def append(self, leaves: bytes) -> None:
        """Append leaf hashes, 32 bytes each; about one SHA-256 for each leaf.

        Raises ValueError, and changes nothing, when the length is no multiple of 32 bytes.
        """
        number = hashes.count(leaves)
        level, rising = 0, leaves
        while rising:
            rising = self._extend(level, rising)
            level += 1
        self._size += number

    def _extend(self, level: int, rising: bytes) -> bytes:
        if level == len(self._edges):
            self._edges.append(b"")
        run = self._edges[level] + rising
        full = len(run) // _TILE_BYTES * _TILE_BYTES
        if level:
            index = self._size >> TILE_HEIGHT * (level + 1)
            for at in range(0, full, _TILE_BYTES):
                self._filled.append(Tile(level, index, run[at : at + _TILE_BYTES]))
                index += 1
        self._edges[level] = run[full:]
        return hashes.level_above(run[:full], TILE_HEIGHT)

    def root(self) -> bytes:
        """The root of the tree as it stands; at most 255 hashes for each level."""
        right = b""
        for edge in self._edges:
            run = edge + right
            right = hashes.subtree_root(run) if run else b""
        return right or hashes.EMPTY_ROOT

    def take_tiles(self) -> list[Tile]:
        """The tiles filled since the last call, in the order in which they filled."""
        filled, self._filled = self._filled, []
        return filled

    def edge(self, level: int) -> bytes:
        """The hashes of the tile of this level that is not full yet (level 0: the last leaves)."""
        return self._edges[level] if level < len(self._edges) else b""

    def copy(self) -> Self:
        """A second frontier at the same place that grows by itself; tiles not taken go with it."""
        other = type(self)()
        other._size, other._edges, other._filled = self._size, [*self._edges], [*self._filled]
        return other

    def state(self) -> bytes:
        """Everything needed to go on later: a version byte, the size (8 bytes), the edges by level.

        Tiles that were filled but not taken are not part of it.
        """
        return _STATE_VERSION + self._size.to_bytes(8, "big") + b"".join(self._edges)

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """The frontier that `state()` described; FormatError when the bytes cannot be one."""
        if len(state) < 9 or state[:1] != _STATE_VERSION:
            raise FormatError("A tree's saved state must begin with version 1 and an 8-byte size.")
        size = int.from_bytes(state[1:9], "big")
        if size >= _SIZE_LIMIT:
            raise FormatError(f"A tree's saved state claims {size} leaves, more than can be.")
        frontier = cls()
        frontier._size = size
        frontier._edges.clear()
        at = 9
        while not frontier._edges or size:
            size, partial = divmod(size, TILE_WIDTH)
            frontier._edges.append(state[at : at + partial * hashes.HASH_SIZE])
            at += partial * hashes.HASH_SIZE
        if at != len(state):
            raise FormatError(
                f"The saved state of a tree of {frontier._size} leaves has {len(state)} bytes "
                f"where {at} belong."
            )
        return frontier
