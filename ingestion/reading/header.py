"""Names of columns: what a header must be, and which columns are features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from ingestion.reading.errors import TableRefused, listed, shown

MOST_COLUMNS: Final = 50_000
LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a header are metadata and which are features, as places from 0."""

    header: tuple[str, ...]
    metadata: range
    features: range

    @property
    def metadata_names(self) -> tuple[str, ...]:
        """The names of what describes a row."""
        return tuple(self.header[place] for place in self.metadata)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of what was measured."""
        return tuple(self.header[place] for place in self.features)


def columns(
    header: Sequence[str], *, end_meta: str, start_dim: str, end_dim: str, file: str = ""
) -> Columns:
    """Metadata up to ``end_meta``, features from ``start_dim`` to ``end_dim``, ends included.

    Columns between and behind them are left out. An empty ``end_meta`` means that there is no
    metadata. TableRefused names the first thing that is wrong.
    """
    last_meta = _place(header, end_meta, "end_meta", file) if end_meta else -1
    first = _place(header, start_dim, "start_dim", file)
    last = _place(header, end_dim, "end_dim", file)
    if last < first:
        raise TableRefused(
            "reversed",
            f"the features are said to go from {start_dim} to {end_dim}, but {end_dim} is column"
            f" {last + 1} and {start_dim} column {first + 1}. Exchange start_dim and end_dim.",
            file=file,
        )
    if last_meta > last:
        raise TableRefused(
            "metadata_after_features",
            f"the metadata is said to end with {end_meta} (column {last_meta + 1}), behind the"
            f" features, which end with {end_dim} (column {last + 1}). Metadata stands before"
            " them: choose another end_meta, or move the columns.",
            file=file,
        )
    if last_meta >= first:
        raise TableRefused(
            "overlapping",
            f"the metadata ends with {end_meta} (column {last_meta + 1}), but the features already"
            f" begin with {start_dim} (column {first + 1}). No column can be both.",
            file=file,
        )
    return Columns(tuple(header), range(last_meta + 1), range(first, last + 1))


def _place(header: Sequence[str], name: str, parameter: str, file: str) -> int:
    try:
        return list(header).index(name)
    except ValueError:
        pass
    near = get_close_matches(name, header, n=3)
    hint = f" Did you mean {listed(near)}?" if near else f" There are: {listed(list(header), 12)}."
    raise TableRefused(
        "missing_column", f"there is no column {shown(name)} ({parameter}).{hint}", file=file
    )


def checked(cells: Sequence[str], *, file: str, line: int) -> tuple[str, ...]:
    """The names of a header without blanks around them; TableRefused."""
    names = tuple(cell.strip() for cell in cells)
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if wrong := _wrong(name, seen, is_last=number == len(names) > 1):
            code, reason = wrong
            raise TableRefused(code, reason, file=file, line=line, column=str(number))
        seen[name] = number
    return names


def _wrong(name: str, seen: Mapping[str, int], *, is_last: bool) -> tuple[str, str] | None:
    """The code and the reason for which a name is refused; ``seen`` are the columns before it."""
    if not name:
        more = ", or take away the last delimiter." if is_last else "."
        return "blank_header", f"it has no name. Name it in the first line{more}"
    if len(name) > LONGEST_NAME:
        return (
            "long_header",
            f"its name has {len(name):,} characters; at most {LONGEST_NAME} are allowed. Does the"
            " file begin with a header, and is the delimiter right?",
        )
    if not name.isprintable():
        return (
            "unprintable_header",
            f"its name {shown(name)} holds characters that cannot be shown. Name it otherwise.",
        )
    if name in seen:
        return (
            "duplicate_header",
            f"it is called {shown(name)}, as is column {seen[name]}. Give each its own name.",
        )
    return None


def too_many(*, file: str, line: int) -> TableRefused:
    """The refusal of a header that goes on and on."""
    return TableRefused(
        "too_many_columns",
        f"the header has more than {MOST_COLUMNS:,} columns, which is the most that is read.",
        file=file,
        line=line,
    )


def same(first: Sequence[str], other: Sequence[str], *, first_file: str, file: str) -> None:
    """Refuse a header that differs from the first file's, with the differences."""
    if tuple(first) == tuple(other):
        return
    missing = [name for name in first if name not in set(other)]
    extra = [name for name in other if name not in set(first)]
    said = []
    if missing:
        said.append(f"it lacks {listed(missing)}")
    if extra:
        said.append(f"it has {listed(extra)} besides")
    if not said:
        place = next(i for i, pair in enumerate(zip(first, other, strict=True)) if len({*pair}) > 1)
        said.append(
            f"its columns stand in another order: column {place + 1} is {other[place]} instead of"
            f" {first[place]}"
        )
    raise TableRefused(
        "headers_differ",
        f"its columns are not those of {first_file}: {'; '.join(said)}. Files are joined only where"
        " their headers are the same.",
        file=file,
    )
