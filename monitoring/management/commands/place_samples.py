"""``manage.py place_samples``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from config.commands import OpsCommand
from monitoring.actions import completing, placing, requesting
from monitoring.errors import MonitoringError
from monitoring.management import analysing
from monitoring.models import BaselineMap


class Command(OpsCommand):
    """Nothing waits for a worker, and nothing is stored before all is computed."""

    help = "Place the rows of a file on a dataset's map and judge them, at once, for its owner."
    example = "place_samples 01936f00-… 01936f1c-… --alarm-level 0.05"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        analysing.add_arguments(parser)
        parser.add_argument("--map", type=UUID, help="another map than the one made last")
        parser.add_argument(
            "--alarm-level",
            type=float,
            help="share of healthy samples that may be called anomalous",
        )
        parser.add_argument(
            "--again", action="store_true", help="also if the file was placed on the map before"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        dataset, file, owner = analysing.dataset_and_file(options["dataset"], options["file"])
        chosen = None
        if options["map"] is not None:
            chosen = BaselineMap.objects.filter(pk=options["map"]).first()
            if chosen is None:
                raise CommandError(f"There is no map {options['map']}.")
        try:
            analysis = requesting.prepare_place(
                dataset,
                file,
                by=owner,
                map=chosen,
                alarm_level=options["alarm_level"],
                again=options["again"],
            )
            assert analysis.dinsight is not None
            assert analysis.alarm_level is not None
            with analysing.progress(self, shown=self._terminal) as look:
                judged = placing.compute(file, analysis.dinsight, analysis.alarm_level, look=look)
        except MonitoringError as error:
            raise CommandError(str(error)) from None
        except analysing.Stopped:
            raise CommandError("Stopped; nothing was stored.") from None
        outcome = {"dry_run": options["dry_run"], **judged.results}
        if options["dry_run"]:
            return outcome
        completing.make_months()
        try:
            with transaction.atomic():
                completing.keep_place(analysis, judged, once=not options["again"])
        except MonitoringError as error:
            raise CommandError(str(error)) from None
        return {"analysis": str(analysis.pk), **outcome}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would place" if outcome["dry_run"] else "Placed"
        yield (
            f"{verb} {outcome['rows']:,} samples, of which {outcome['anomalous']:,} are anomalous"
            f" at the level {outcome['alarm_level']:g}; the worst is {outcome['worst']}."
        )
        drift = outcome["drift_p_value"]
        if drift is not None:
            yield f"That they are as healthy as the baseline on the whole: p = {drift:.4g}."
