"""Reading a file in a test: every pixel of it, or the refusal that it ends in."""

from pathlib import Path

import pytest

from imaging.analysis import ImageRefused, Limits, Picture, decode

LIMITS = Limits()


def exact(data: bytes | Path) -> Picture:
    """Every pixel of a file."""
    return decode(data, limits=LIMITS, working_edge=None)


def refusal(data: bytes | Path, limits: Limits = LIMITS) -> ImageRefused:
    """The refusal that decoding a file ends in."""
    with pytest.raises(ImageRefused) as caught:
        decode(data, limits=limits, working_edge=2048)
    assert str(caught.value) == caught.value.reason
    assert caught.value.reason.endswith(".")
    return caught.value
