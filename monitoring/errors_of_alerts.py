"""The refusals of rules and alerts: sentences fit for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring.errors import MonitoringError
from monitoring.rules import Problem


class RuleRefused(MonitoringError):
    """A rule that cannot be taken: ``problems`` by field, each with its place in the JSON."""

    def __init__(self, problems: Mapping[str, Sequence[Problem]]) -> None:
        super().__init__(
            " ".join(f"{field} {one}" for field, told in problems.items() for one in told)
        )
        self.problems = {field: tuple(told) for field, told in problems.items()}


class SilenceRefused(MonitoringError):
    """A silence that cannot be taken."""


class NoteMissing(MonitoringError):
    """Whoever says that an alert is over says why."""


class MailRefused(MonitoringError):
    """The address of a letter is none that alerts may write to: trying again would not help."""

    permanent = True


class NotSent(MonitoringError):
    """A letter could not be handed to the mail server; it is tried again."""
