"""The parameters of maps: one version after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.db import transaction

from accounts.models import User
from audit.recording import record
from database import locks
from database.actor import acting_as_system
from monitoring.errors import ConfigRefused
from monitoring.maps import Parameters, Problem, Unusable, problems
from monitoring.models import EXPLAINED, MapConfig

log = structlog.get_logger(__name__)

_OURS: Final = ("alarm_level", "group_column")


def in_force() -> MapConfig:
    """The newest version; the documented defaults become the first one."""
    newest = MapConfig.objects.order_by("-id").first()
    if newest is not None:
        return newest
    with transaction.atomic(), acting_as_system():
        locks.hold("config_data")
        newest = MapConfig.objects.order_by("-id").first()
        if newest is None:
            newest = MapConfig.objects.create()
            record("map_config.made", subject=newest, details={"why": "the documented defaults"})
    return newest


def found(values: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong, or unwise, with a whole set of values; for forms."""
    for name in values:
        if name not in EXPLAINED:
            known = ", ".join(sorted(EXPLAINED))
            return [Problem(name, f"{name} is no parameter; known are {known}.")]
    said = problems(Parameters.from_json({n: v for n, v in values.items() if n not in _OURS}))
    level, group = values.get("alarm_level", 0.5), values.get("group_column", "")
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not _is_level(level):
        said.append(
            Problem("alarm_level", f"alarm_level is {level!r}; it must lie between 0 and 1.")
        )
    if not isinstance(group, str) or len(group) > 255:
        said.append(
            Problem(
                "group_column",
                "group_column must be the name of a metadata column, at most 255 characters long,"
                " or empty.",
            )
        )
    elif group and group in {values.get("start_dim"), values.get("end_dim")}:
        said.append(Problem("group_column", f"group_column is {group!r}, which is a feature."))
    said += [
        Problem(name, f"{name} has a character that cannot be stored (NUL).")
        for name, value in values.items()
        if isinstance(value, str) and "\x00" in value
    ]
    return said


@transaction.atomic
def configure(values: Mapping[str, Any], *, by: User) -> MapConfig:
    """Put a new version in force; what ``values`` leaves out stays as it is in force.

    ConfigRefused tells everything that is wrong at once. Values that are in force already make no
    new version. Maps that were made keep the version that they were made by.
    """
    locks.hold("config_data")
    now = in_force()
    before = {name: getattr(now, name) for name in EXPLAINED}
    after = before | dict(values)
    wrong = [problem for problem in found(after) if not problem.warning]
    if wrong:
        raise ConfigRefused(wrong)
    if after == before:
        return now
    config = MapConfig.objects.create(created_by=by, **after)
    changed = [name for name in EXPLAINED if after[name] != before[name]]
    record(
        "map_config.made",
        by=by,
        subject=config,
        before={name: _told(before[name]) for name in changed},
        after={name: _told(after[name]) for name in changed},
    )
    log.info("parameters of maps made", config_id=config.pk, changed=changed)
    return config


def warnings(config: MapConfig) -> list[str]:
    """What is allowed but unwise about a version."""
    try:
        return [problem.message for problem in problems(config.parameters) if problem.warning]
    except Unusable:
        return []


def _is_level(value: float) -> bool:
    return math.isfinite(value) and 0 < value < 1


def _told(value: Any) -> Any:
    """As the audit log takes it: no floats."""
    return repr(value) if isinstance(value, float) else value
