"""How the bytes of a file become cells: encoding, delimiter, decimal sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ingestion.reading.errors import TableRefused

# Each leaves ASCII as it is, but for UTF-16, which is turned into UTF-8 on the way in.
ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "cp1252": "Windows 1252 (Western Europe)",
    "cp1250": "Windows 1250 (Central Europe)",
    "iso-8859-1": "ISO 8859-1 (Latin 1)",
    "iso-8859-15": "ISO 8859-15 (Latin 9)",
    "mac-roman": "Mac Roman",
}
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMALS: Final = {".": "point", ",": "comma"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to read a file; refused with TableRefused where it contradicts itself."""

    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."

    def __post_init__(self) -> None:
        for word, known, value in (
            ("encoding", ENCODINGS, self.encoding),
            ("delimiter", DELIMITERS, self.delimiter),
            ("decimal sign", DECIMALS, self.decimal),
        ):
            if value not in known:
                names = ", ".join(repr(name) for name in known)
                raise TableRefused(
                    "dialect", f"{str(value)[:40]!r} is no {word} that is read here: {names}."
                )
        if self.decimal == self.delimiter:
            raise TableRefused(
                "dialect",
                "a comma cannot both part the cells and stand in numbers. Choose another delimiter,"
                " or the point as decimal sign.",
            )

    @property
    def is_utf16(self) -> bool:
        """Whether two bytes make a character."""
        return self.encoding.startswith("utf-16")

    @property
    def inner_encoding(self) -> str:
        """The encoding of the blocks that are scanned."""
        return "utf-8" if self.is_utf16 else self.encoding

    def as_json(self) -> dict[str, str]:
        """For a row of the database."""
        return {"encoding": self.encoding, "delimiter": self.delimiter, "decimal": self.decimal}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Dialect:
        """Out of ``as_json``; what is left out is the usual."""
        return cls(**{name: said[name] for name in cls.__slots__ if said.get(name) is not None})

    def __str__(self) -> str:
        return (
            f"{ENCODINGS[self.encoding]}, {DELIMITERS[self.delimiter]}, decimal"
            f" {DECIMALS[self.decimal]}"
        )
