"""Rules, and batches of samples without computing anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from database.fields import uuid7
from monitoring.actions import alerting, notifying, rules
from monitoring.actions.alerting import Outcome
from monitoring.actions.alerting_ledger import Seen
from monitoring.actions.notifying import Round
from monitoring.models import Alert, AlertRule, Analysis, Dataset, MonitorBlock
from monitoring.rules import SEVERITIES, Sample
from tests.factories.monitoring import make_analysis, make_anomaly, make_dataset

BAD: Final[dict[str, Any]] = {"metric": "severity", "op": "gte", "value": "low"}
MAIL: Final[list[dict[str, Any]]] = [{"type": "email", "to": ["engineer@plant.example"]}]


def make_rule(dataset: Dataset | None = None, **fields: Any) -> AlertRule:
    """A rule that tells at once of every sample that is not healthy, by mail."""
    dataset = dataset or make_dataset()
    values: dict[str, Any] = {
        "name": "Vibration",
        "condition": BAD,
        "actions": MAIL,
        "severity": "low",
        "group_wait_seconds": 0,
        "group_interval_seconds": 0,
    }
    return rules.make(dataset.pk, by=dataset.user, **(values | fields))


def seen(*severities: str, at: datetime | None = None, **meta: str) -> list[Seen]:
    """Samples of these severities, a second apart."""
    at = at or timezone.now()
    return [
        Seen(
            Sample(
                at=at + timedelta(seconds=index),
                severity=SEVERITIES.index(severity),
                distance=float(SEVERITIES.index(severity)),
                p_value=0.5,
                meta=meta,
            )
        )
        for index, severity in enumerate(severities)
    ]


def show(rule: AlertRule, *severities: str, batch: UUID | None = None, **more: Any) -> Outcome:
    """The rule's dataset sends samples."""
    return alerting.evaluate(rule.dataset_id, seen(*severities, **more), batch=batch or uuid7())


def tell(after: timedelta = timedelta(seconds=1)) -> Round:
    """The next round, some time later."""
    return notifying.tell(timezone.now() + after)


def only_alert() -> Alert:
    """The one there is."""
    return Alert.objects.get()


def placed(
    dataset: Dataset, severities: Sequence[int], *, halls: Sequence[str] = ("a",), **fields: Any
) -> Analysis:
    """A completed placing with its samples and anomalies, as placing writes them."""
    count = len(severities)
    analysis = make_analysis(
        dataset, completed_at=fields.pop("completed_at", timezone.now()), **fields
    )
    assert analysis.dinsight is not None
    MonitorBlock.objects.create(
        dinsight=analysis.dinsight,
        user=dataset.user,
        analysis_id=analysis.pk,
        monitor_values=[[1.0, 2.0]] * count,
        x_values=[0.0] * count,
        y_values=[0.0] * count,
        metadata={
            "columns": ["hall"],
            "rows": [[halls[index % len(halls)]] for index in range(count)],
        },
        process_order=1,
        first_row=1,
        row_count=count,
        scores=[1.0 + severity for severity in severities],
        p_values=[0.5 if not severity else 0.001 for severity in severities],
        severities=list(severities),
        off_map=[False] * count,
    )
    for index, severity in enumerate(severities):
        if severity:
            make_anomaly(analysis, severity=SEVERITIES[severity], process_order=index + 1)
    return analysis
