"""The archives that are written, as others read them."""

from __future__ import annotations

import io
import zipfile

import pytest

from annotations.exchange import zips
from annotations.exchange.records import ImageKey
from tests.annotations.exchange.drawing import image


def test_more_entries_than_old_archives_can_list_are_listed() -> None:
    kept = io.BytesIO()
    with zips.ZipWriter() as archive:
        for number in range(65_540):
            kept.write(archive.entry(f"{number}.txt", b""))
        for chunk in archive.end():
            kept.write(chunk)
    with zipfile.ZipFile(kept) as read:
        assert len(read.namelist()) == 65_540
        assert read.read("65539.txt") == b""


def test_what_lies_beyond_four_gigabytes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "_FULL", 1_000)  # sizes and places from there on are written wide
    kept = io.BytesIO()
    large = bytes(range(256)) * 40
    with zips.ZipWriter() as archive, zips.Packed() as packed:
        packed.write(large)
        for chunk in archive.packed("large", packed):
            kept.write(chunk)
        kept.write(archive.entry("padding", large * 5))
        kept.write(archive.entry("small", b"beyond"))
        for chunk in archive.end():
            kept.write(chunk)
    data = kept.getvalue()

    # Readers take the wide numbers only where the narrow ones are full.
    data = data.replace((1_000).to_bytes(4, "little"), b"\xff\xff\xff\xff")
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        assert read.testzip() is None
        assert read.read("large") == large
        assert read.read("small") == b"beyond"


def test_the_same_content_makes_the_same_bytes() -> None:
    def made() -> bytes:
        with zips.ZipWriter() as archive:
            return archive.entry("a", b"b") + b"".join(archive.end())

    assert made() == made()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("../../etc/passwd.jpg", "_.._etc_passwd"),
        ("C:\\a.jpg", "C__a"),
        ("con.jpg", "_con"),
        ("LPT1", "_LPT1"),
        ("...", "image"),
        ("", "image"),
        ("a\x00b.jpg", "a_b"),
        ("é" * 200, "é" * 75),
    ],
)
def test_names_of_entries_are_safe_everywhere(name: str, stem: str) -> None:
    assert zips.Stems().give(ImageKey("0" * 64, name)) == stem


def test_no_name_is_given_twice_whatever_its_capitals() -> None:
    stems = zips.Stems()
    given = [stems.give(image(name)) for name in ("a.jpg", "A.png", "a.webp", "a.jpg~")]

    assert given[0] == "a"
    assert len({each.casefold() for each in given}) == 4
