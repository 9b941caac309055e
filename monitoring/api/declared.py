"""What the API of monitoring says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from config.api.problems import CONFLICT, INVALID, register_problem
from config.api.scopes import declare_scope
from monitoring import errors, errors_of_alerts
from monitoring.rules import NotADefinition

READ: Final = "read:datasets"
WRITE: Final = "write:datasets"
CONFIGURE: Final = "configure:maps"
READ_ALERTS: Final = "read:alerts"
WRITE_ALERTS: Final = "write:alerts"
READ_METRICS: Final = "read:metrics"


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_scope(READ, "See one's own datasets, with their analyses, maps, samples and anomalies.")
    declare_scope(WRITE, "Make and change datasets, have maps made and samples placed.")
    declare_scope(CONFIGURE, "Put other parameters of maps in force.")
    declare_scope(READ_ALERTS, "See one's own alerts, their rules and silences.")
    declare_scope(WRITE_ALERTS, "Make and change rules and silences; acknowledge, resolve alerts.")
    declare_scope(READ_METRICS, "See how fast the system itself is.")
    register_problem(errors.NotNow, CONFLICT)
    register_problem(errors.DatasetRefused, INVALID)
    register_problem(errors.ConfigRefused, INVALID)
    register_problem(errors_of_alerts.RuleRefused, INVALID)
    register_problem(errors_of_alerts.SilenceRefused, INVALID)
    register_problem(errors_of_alerts.NoteMissing, INVALID)
    register_problem(NotADefinition, INVALID)
