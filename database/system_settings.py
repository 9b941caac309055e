"""The settings that staff change while the system runs: names, types, defaults, and reading them.

A value is read from the table at each use, so a change is in force at once, in every process.
A package that needs a setting of its own calls ``define`` at import.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps


class UnknownSetting(LookupError):
    """There is no setting of this name."""


class WrongValue(ValueError):
    """The value does not fit the setting."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One setting: what it is called, what it means, what it is when nobody has set it."""

    key: str
    default: Any
    description: str
    accepts: Callable[[Any], bool]
    wanted: str

    def check(self, value: Any) -> None:
        """Refuse a value that the setting cannot take."""
        if not self.accepts(value):
            raise WrongValue(f"{self.key} must be {self.wanted}, but is {value!r}.")


REGISTRY: Final[dict[str, Definition]] = {}


def define(
    key: str, default: Any, description: str, *, accepts: Callable[[Any], bool], wanted: str
) -> Definition:
    """Make a setting known; its default must be acceptable to itself."""
    made = Definition(key, default, description, accepts, wanted)
    made.check(default)
    REGISTRY[key] = made
    return made


def definition(key: str) -> Definition:
    """The setting of this name, or UnknownSetting with the names there are."""
    try:
        return REGISTRY[key]
    except KeyError:
        raise UnknownSetting(
            f"There is no setting {key!r}. There are: {', '.join(sorted(REGISTRY))}."
        ) from None


def get(key: str) -> Any:
    """The value in force: the table's, or the default where the table has none or a wrong one.

    A row that plain SQL filled with a value of the wrong type must not stop the work; the admin
    shows it as wrong.
    """
    known = definition(key)
    model = apps.get_model("database", "SystemSetting")
    row = model.objects.filter(setting_key=key).values_list("setting_value", flat=True).first()
    return known.default if row is None or not known.accepts(row) else row


def whole_number(least: int, most: int | None = None) -> Callable[[Any], bool]:
    """Accepts whole numbers within bounds; True and False are not numbers."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value >= least
            and (most is None or value <= most)
        )

    return accepts


# What a file may be; the first is no picture.
_KINDS: Final = ("csv", "jpeg", "jpg", "png", "webp", "tiff", "gif", "bmp", "avif")


def _known_kinds(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(word, str) and word in _KINDS for word in value)
        and any(word != "csv" for word in value)
    )


define(
    "max_file_size",
    50 * 1024 * 1024,
    "Largest file that may be uploaded, in bytes.",
    accepts=whole_number(1, 10 * 1024**3),
    wanted="a whole number of bytes, from 1 to 10737418240 (10 GiB)",
)
define(
    "allowed_file_types",
    ["csv", "jpeg", "png", "webp", "tiff", "gif", "bmp", "avif"],
    "Kinds of file that may be uploaded; decided by content, not by name.",
    accepts=_known_kinds,
    wanted=f"a list with at least one kind of picture, out of {', '.join(_KINDS)}",
)
define(
    "max_concurrent_jobs",
    5,
    "How many jobs of one person may run at the same time.",
    accepts=whole_number(1, 10_000),
    wanted="a whole number from 1 to 10000",
)
define(
    "job_timeout",
    3600,
    "Seconds after which a running job is stopped, unless its kind has a limit of its own.",
    accepts=whole_number(1, 7 * 86_400),
    wanted="a whole number of seconds, from 1 to 604800",
)
define(
    "audit_log_retention_days",
    730,
    "Days after which a month of the audit log is exported and detached; nothing is deleted.",
    accepts=whole_number(1, 36_500),
    wanted="a whole number of days, from 1 to 36500",
)
