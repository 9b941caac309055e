"""``manage.py warm_cache``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser

from accounts.actions import people
from annotations.actions import warming
from annotations.errors import NotNow
from config.commands import OpsCommand, positive
from database.actor import acting_as


class Command(OpsCommand):
    """What is paid ahead is not waited for later; nothing is proposed for review."""

    help = "Ask an AI provider about images ahead, so that its answers are there when wanted."
    example = "warm_cache --provider openai --collection 'Garden 2026' --limit 500 --dry-run"
    exclusive: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--provider", required=True, metavar="NAME", help="who is asked")
        parser.add_argument(
            "--collection", default="", metavar="NAME", help="only about images of this collection"
        )
        parser.add_argument(
            "--limit", type=positive, metavar="N", help="about so many images at most"
        )
        parser.add_argument(
            "--as",
            dest="email",
            metavar="EMAIL",
            help="the person whose quota pays (default: the only admin)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            person = people.to_act_for(options["email"])
        except people.NobodyToActFor as error:
            raise CommandError(str(error)) from None
        chosen = {
            "by": person,
            "collection": options["collection"],
            "limit": options["limit"],
        }
        with acting_as(person.pk):
            try:
                plan = warming.plan(options["provider"], **chosen)
                outcome = {
                    "provider": plan.provider,
                    "model": plan.model,
                    "images": plan.images,
                    "most_it_costs": plan.most,
                    "may_still_spend": plan.left,
                    "is_too_much": plan.is_too_much,
                    "dry_run": options["dry_run"],
                    "batch": None,
                }
                if options["dry_run"] or not plan.images:
                    return outcome
                self._tell(plan)
                outcome["batch"] = str(warming.request(options["provider"], **chosen).pk)
            except (NotNow, PermissionDenied) as error:
                raise CommandError(str(error)) from None
        return outcome

    def _tell(self, plan: warming.Plan) -> None:
        """The cost comes before what costs."""
        for line in _costs(plan.most, plan.left, is_too_much=plan.is_too_much):
            self.stderr.write(line)

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        who = f"{outcome['provider']} ({outcome['model']})"
        if not outcome["images"]:
            yield f"{who} has answered about each of these images already."
            return
        if outcome["batch"] is None:
            yield f"Would ask {who} about {outcome['images']:,} images."
            yield from _costs(
                outcome["most_it_costs"],
                outcome["may_still_spend"],
                is_too_much=outcome["is_too_much"],
            )
            return
        yield f"{who} is asked about {outcome['images']:,} images: batch {outcome['batch']}."
        yield "annotation_status shows how far the queue is."


def _costs(most: Any, left: Any, *, is_too_much: bool) -> Iterator[str]:
    if most is None:
        yield "Nobody has said what this model costs: an admin adds its price before it is asked."
        return
    limit = "without a limit" if left is None else f"of {left:.2f} US dollars that are left"
    yield f"That costs {most:.2f} US dollars at most, {limit}."
    if is_too_much:
        yield "The limits may stop it before it is done; it goes on when they leave room again."
