"""The refusals this package can answer with: sentences fit for whoever asked."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring.maps import Problem


class MonitoringError(Exception):
    """Something was refused; the text says what, and what to do."""


class ConfigRefused(MonitoringError):
    """Parameters of which no map can be made; ``problems`` has a sentence for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class DatasetRefused(MonitoringError):
    """A name, tag or metadata of a dataset that cannot be stored."""


class NotNow(MonitoringError):
    """The state of the dataset, the file or the analysis does not allow it at the moment."""


class ArchiveDamaged(MonitoringError):
    """A file of archived analyses is gone, or no longer holds what was written."""
