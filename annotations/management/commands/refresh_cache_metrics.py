"""``manage.py refresh_cache_metrics``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from annotations.actions import maintenance
from config.commands import OpsCommand


class Command(OpsCommand):
    """The monthly task; readers see the old figures meanwhile."""

    help = "Bring the daily figures of the cache of providers' answers up to date."
    example = "refresh_cache_metrics"
    offers_dry_run: ClassVar[bool] = False

    def run(self, **options: Any) -> dict[str, Any]:
        maintenance.refresh_metrics()
        return {"refreshed": "cache_performance_metrics"}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield "The figures by day (cache_performance_metrics) are up to date."
