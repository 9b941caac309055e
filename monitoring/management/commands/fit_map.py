"""``manage.py fit_map``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from config.commands import OpsCommand
from monitoring.actions import completing, fitting, requesting
from monitoring.errors import MonitoringError
from monitoring.management import analysing
from monitoring.models import MapConfig


class Command(OpsCommand):
    """Nothing waits for a worker, and nothing is stored before all is computed."""

    help = "Make a map of a file of the healthy machine, at once, for the dataset's owner."
    example = "fit_map 01936f00-… 01936f1c-… --config 3"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        analysing.add_arguments(parser)
        parser.add_argument(
            "--config", type=int, metavar="ID", help="parameters other than those in force"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        dataset, file, owner = analysing.dataset_and_file(options["dataset"], options["file"])
        config = None
        if options["config"] is not None:
            config = MapConfig.objects.filter(pk=options["config"]).first()
            if config is None:
                raise CommandError(f"There are no parameters {options['config']}.")
        try:
            analysis = requesting.prepare_fit(dataset, file, by=owner, config=config)
            assert analysis.config is not None
            with analysing.progress(self, shown=self._terminal) as look:
                fitted = fitting.compute(file, analysis.config, look=look)
        except MonitoringError as error:
            raise CommandError(str(error)) from None
        except analysing.Stopped:
            raise CommandError("Stopped; nothing was stored.") from None
        outcome = {"dry_run": options["dry_run"], **fitted.results}
        if options["dry_run"]:
            return outcome
        completing.make_months()
        with transaction.atomic():
            made = completing.keep_fit(analysis, fitted)
        return {"map": str(made.pk), "analysis": str(analysis.pk), **outcome}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would keep" if outcome["dry_run"] else f"Kept as {outcome['map']}:"
        yield (
            f"{verb} a map of {outcome['rows']:,} rows of {outcome['features']:,} features, after"
            f" {outcome['iterations']:,} steps ({outcome['stop_reason']})."
        )
        yield (
            f"Stress {outcome['stress']:.4f}, trustworthiness {outcome['trustworthiness']:.4f},"
            f" correlation {outcome['correlation']:.4f}."
        )
        yield from outcome["warnings"]
