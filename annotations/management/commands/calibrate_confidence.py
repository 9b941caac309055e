"""``manage.py calibrate_confidence``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotations.actions import calibrating
from annotations.knowledge import queries
from annotations.knowledge.errors import NotEnoughKnown
from config.commands import OpsCommand, positive


class Command(OpsCommand):
    """Each provider and model stands for itself: one with too few decisions is said so."""

    help = "Learn from reviews what providers' confidence means, and rank the queue by it."
    example = "calibrate_confidence --provider local --dry-run"
    offers_batch_size = True
    batch_size = calibrating.BATCH

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--provider",
            metavar="NAME[:MODEL]",
            help="only this one (default: all that people decided on)",
        )
        parser.add_argument(
            "--least",
            type=positive,
            default=calibrating.LEAST_DECISIONS,
            metavar="N",
            help=f"decisions that a calibration needs ({calibrating.LEAST_DECISIONS})",
        )
        parser.add_argument(
            "--withdraw",
            action="store_true",
            help="put no curve in force: take the provider at its word again (with --provider)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        chosen = _chosen(options["provider"])
        if options["withdraw"]:
            if not options["provider"]:
                raise CommandError("Say whose calibration to withdraw: --provider NAME:MODEL.")
            done = [self._withdraw(of, options) for of in chosen]
        else:
            done = [self._calibrate(of, options) for of in self.steps(chosen, unit="model")]
        return {"models": done, "dry_run": options["dry_run"]}

    def _calibrate(self, of: queries.Model, options: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {"provider": of.provider, "model": of.model}
        try:
            fitted = calibrating.fit(of, least=options["least"])
        except NotEnoughKnown as error:
            return said | {"refused": str(error)}
        said |= {
            "decisions": fitted.sample_count,
            "ece_before": fitted.ece_before,
            "ece_after": fitted.ece_after,
            "ece_by_chance": fitted.ece_by_chance,
            "brier_before": fitted.brier_before,
            "brier_after": fitted.brier_after,
            "in_force": fitted.is_better,
        }
        if options["dry_run"]:
            return said
        said["calibration"] = str(calibrating.store(fitted).pk)
        return said | {"reranked": self._rerank(of, options["batch_size"])}

    def _withdraw(self, of: queries.Model, options: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {"provider": of.provider, "model": of.model}
        if options["dry_run"]:
            return said
        said["withdrawn"] = calibrating.withdraw(of.provider, of.model)
        return said | {"reranked": self._rerank(of, options["batch_size"])}

    def _rerank(self, of: queries.Model, batch_size: int) -> int:
        return sum(self.steps(calibrating.rerank(of, batch_size=batch_size), unit="batch"))

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if not outcome["models"]:
            yield "Nobody has decided on anything that a provider proposed."
        for one in outcome["models"]:
            yield _line(one, dry_run=outcome["dry_run"])


def _chosen(name: str | None) -> list[queries.Model]:
    """The model of this name, every decided model of a provider, or all."""
    known = [of for of, _ in queries.decided_models()]
    if name is None:
        return known
    wanted = queries.named(name)
    if wanted.model:
        return [wanted]
    return [of for of in known if of.provider == wanted.provider] or [wanted]


def _line(one: dict[str, Any], *, dry_run: bool) -> str:
    name = str(queries.Model(one["provider"], one["model"]))
    if "refused" in one:
        return str(one["refused"])
    if "decisions" not in one:
        if dry_run:
            return f"{name}: would withdraw the calibration in force."
        was = "withdrawn" if one["withdrawn"] else "there was no calibration in force"
        return f"{name}: {was}, {one['reranked']} annotations ranked anew."
    told = (
        f"{name}: {one['decisions']} decisions, calibration error on held-out ones"
        f" {one['ece_before']:.3f} before, {one['ece_after']:.3f} after"
        f" ({one['ece_by_chance']:.3f} by chance alone), Brier score {one['brier_before']:.3f}"
        f" before, {one['brier_after']:.3f} after"
    )
    if not one["in_force"]:
        return f"{told}. The curve is no better than the provider's own figure: not put in force."
    if dry_run:
        return f"{told}. Nothing was changed."
    return f"{told}. In force, {one['reranked']} waiting annotations ranked anew."
