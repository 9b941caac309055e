"""What others have seen of the log: the log must still have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.proofs import checkpoints, trees
from audit.proofs.checkpoints import Checkpoint, PinnedKey
from audit.proofs.errors import ProofError
from audit.sealing import store
from audit.verification.chain import Chain
from audit.verification.report import Finding, Report


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint signed by a trusted key, and where it was kept."""

    where: str
    checkpoint: Checkpoint


def opened(
    notes: Sequence[tuple[str, str]], pins: Sequence[PinnedKey], report: Report
) -> list[Seen]:
    """The checkpoints of the notes, given as (where it comes from, note)."""
    found = []
    for where, note in notes:
        report.checkpoints += 1
        try:
            found.append(Seen(where, checkpoints.open_checkpoint(note, pins).checkpoint))
        except ProofError as error:
            report.add(Finding(f"The checkpoint of {where} is signed by no trusted key: {error}"))
    return found


def check(chain: Chain, seen: Sequence[Seen], report: Report) -> None:
    """Compare each with the log that was walked."""
    size = chain.place.frontier.size
    source = store.source(chain.connection, size)
    for one in seen:
        there = one.checkpoint.size
        if there > size:
            report.add(
                Finding(
                    f"The log has {size} leaves, but {one.where} has seen {there}: its end was cut"
                    " off, or it was restored from before."
                )
            )
            continue
        try:
            root = chain.roots.get(there) or trees.root(there, source)
        except (ProofError, ValueError) as error:
            report.add(Finding(f"The log cannot give its root at {there} leaves: {error}"))
            continue
        if root != one.checkpoint.root:
            report.add(
                Finding(
                    f"The log is not the one that {one.where} has seen: at {there} leaves it has"
                    " another root. One of the two was rewritten."
                )
            )
