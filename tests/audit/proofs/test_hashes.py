import pytest

from audit.proofs import hashes
from tests.vectors.audit import naive
from tests.vectors.audit.make import numbered


def test_leaves_and_inner_nodes_are_kept_apart() -> None:
    left, right = hashes.leaf(b"a"), hashes.leaf(b"b")

    assert hashes.node(left, right) == naive.sha256(b"\x01" + left + right)
    assert hashes.node(left, right) != hashes.leaf(left + right)
    assert hashes.leaf(b"") == naive.sha256(b"\x00")


@pytest.mark.parametrize("size", range(40))
def test_pairing_from_the_left_gives_the_root_of_the_definition(size: int) -> None:
    leaves = numbered(size)

    assert hashes.subtree_root(b"".join(leaves)) == naive.root(leaves)


def test_a_run_of_broken_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has 31 bytes"):
        hashes.subtree_root(bytes(31))
