"""The hashes of the tree (RFC 9162, 2.1.1): SHA-256, with leaves and inner nodes kept apart.

Many hashes at once travel as one `bytes` of 32 bytes each, because a list of a million small
objects costs more than the hashing.
"""

import hashlib

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf(content: bytes) -> bytes:
    """The 32-byte hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + content).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of the inner node over two hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def count(hashes: bytes) -> int:
    """How many hashes a run holds; ValueError when its length is no multiple of 32 bytes."""
    number, rest = divmod(len(hashes), HASH_SIZE)
    if rest:
        raise ValueError(
            f"A run of hashes has {len(hashes)} bytes, which is no multiple of {HASH_SIZE}."
        )
    return number


def level_above(hashes: bytes, levels: int = 1) -> bytes:
    """The hashes so many levels higher: neighbours paired, a last one alone kept as it is."""
    sha256 = hashlib.sha256
    for _ in range(levels):
        paired = len(hashes) & -64
        pairs = [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, paired, 64)]
        hashes = b"".join(pairs) + hashes[paired:]
    return hashes


def subtree_root(hashes: bytes) -> bytes:
    """The root over a run of any number of neighbouring hashes of equal height.

    Pairing from the left and keeping the odd one gives the same tree as RFC 9162's rule of
    splitting after the largest power of two. The last hash may also stand for a smaller subtree.
    """
    number = count(hashes)
    if not number:
        return EMPTY_ROOT
    return level_above(hashes, (number - 1).bit_length())
