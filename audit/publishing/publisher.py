"""Goes round the targets with the newest checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from audit.publishing import history
from audit.publishing.errors import Contradicted, PublishingFailed, ahead
from audit.publishing.targets import Target

log = structlog.get_logger(__name__)

# Seconds until a target that failed is tried again: doubled each time, up to the second.
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0


@dataclass(slots=True)
class _Standing:
    """How one target is doing; moments are of the monotonic clock."""

    size: int = -1
    failures: int = 0
    not_before: float = 0.0
    problem: str = ""


class Publisher:
    """Hands checkpoints that are committed to every target; one that fails harms no other.

    Not safe in threads: one at a time may use it, though ``problems`` may be read by anybody.
    """

    def __init__(
        self, targets: Sequence[Target], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._targets = list(targets)
        self._standing = {target.name: _Standing() for target in targets}
        self._clock = clock

    @property
    def problems(self) -> list[str]:
        """What keeps targets from taking checkpoints, a sentence each."""
        return [state.problem for state in list(self._standing.values()) if state.problem]

    def problem_of(self, target: str) -> str:
        """What keeps this target from taking checkpoints, or an empty string."""
        return self._standing[target].problem if target in self._standing else ""

    def check(self, size: int) -> None:
        """Ask every target whether it has seen more than ``size`` leaves; Contradicted if so."""
        for target in self._targets:
            try:
                theirs = target.seen(above=size)
            except PublishingFailed as error:
                self._failed(target, error)
                continue
            if theirs is not None:
                raise ahead(target.name, theirs, size)

    def publish(self, note: str, size: int, *, at_once: bool = False) -> list[str]:
        """Publish a checkpoint wherever it is lacking; return the names of those who took it.

        ``at_once`` tries also those that failed a moment ago. Contradicted when a target knows more
        or something else; the other targets have been tried then all the same.
        """
        now = self._clock()
        due = [
            target
            for target in self._targets
            if (standing := self._standing[target.name]).size < size
            and (at_once or standing.not_before <= now)
        ]
        taken: list[str] = []
        contradiction: Contradicted | None = None
        if not due:
            return taken
        with history.opened() as past:
            for target in due:
                try:
                    note = self._hand_over(target, note, size, past)
                    taken.append(target.name)
                except PublishingFailed as error:
                    self._failed(target, error)
                except Contradicted as error:
                    contradiction = contradiction or error
        if contradiction is not None:
            raise contradiction
        return taken

    def _hand_over(self, target: Target, note: str, size: int, past: history.History) -> str:
        published = target.publish(note, size, past)
        standing = self._standing[target.name]
        if past.accepted(target.name, note.partition("\n")[0]) < size:
            past.remember(target.name, size, published)
        if standing.problem:
            log.info("the audit log is published again", target=target.name, size=size)
        self._standing[target.name] = _Standing(size=size)
        return published

    def _failed(self, target: Target, error: PublishingFailed) -> None:
        standing = self._standing[target.name]
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**standing.failures)
        standing.failures = min(standing.failures + 1, 10)
        standing.not_before = self._clock() + pause
        standing.problem = str(error)
        log.warning(
            "the audit log could not be published",
            target=target.name,
            error=str(error),
            again_in_seconds=pause,
        )
