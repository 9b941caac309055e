"""Comparing providers, and reporting on reviewers: what commands and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from annotations.knowledge import comparison, queries
from annotations.knowledge.errors import NothingToCompare
from annotations.knowledge.matching import distinct


def compare(
    names: Sequence[str] = (), *, since: datetime | None = None, seed: int = 0
) -> comparison.Comparison:
    """Providers side by side on the images that each of them looked at and people finished.

    ``names``  ``provider`` or ``provider:model``; none: every provider that annotated anything
    ``since``  only images that were finished since then
    NothingToCompare.
    """
    wanted = list(dict.fromkeys(queries.named(name) for name in names or queries.known_providers()))
    if not wanted:
        raise NothingToCompare("No provider has annotated anything yet.")
    read = queries.compared(wanted, since=since)
    if read.images == 0:
        raise NothingToCompare(
            f"There is no image that {_listed([str(name) for name in wanted])} annotated and"
            " people finished. Have the same images annotated by each, decide on every annotation"
            " in them, then compare again."
        )
    # Where two providers found one bird and both boxes were approved, it is one bird.
    truth = read.truth.only(distinct(read.truth))
    rows = {}
    for name, proposed in read.proposed.items():
        rows[name] = comparison.by_image(truth, proposed, images=read.images)
        rows[name][:, [comparison.COST, comparison.ACCEPTED]] = read.money[name]
    latencies = {name: np.asarray(values) for name, values in read.latencies.items()}
    return comparison.compare(rows, latencies, seed=seed)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"each of {', '.join(names[:-1])} and {names[-1]}"
