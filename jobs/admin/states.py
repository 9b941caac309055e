"""What the states of queues, jobs, attempts and workers are called, and how they look."""

from __future__ import annotations

from typing import Final

from django.utils.safestring import SafeString

from config.admin.formats import State, badge
from jobs.models import Attempt, States

Look = tuple[str, State]

READY: Final[Look] = ("Queued", "neutral")
RUNNING: Final[Look] = ("Running", "notice")
DONE: Final[Look] = ("Done", "good")
FAILED: Final[Look] = ("Failed", "bad")
RETRYING: Final[Look] = ("Waits to be retried", "warning")
DELAYED: Final[Look] = ("Waits for its moment", "neutral")
CANCELLED: Final[Look] = ("Cancelled", "neutral")

ALIVE: Final[Look] = ("Alive", "good")
SILENT: Final[Look] = ("Silent", "bad")
STOPPED: Final[Look] = ("Stopped", "neutral")

_OUTCOMES: Final[dict[str, Look]] = {
    Attempt.Outcome.FAILED: ("Failed", "bad"),
    Attempt.Outcome.GAVE_UP: ("Gave up", "bad"),
    Attempt.Outcome.LOST: ("Lost", "warning"),
    Attempt.Outcome.RELEASED: ("Released", "neutral"),
    Attempt.Outcome.CANCELLED: ("Cancelled", "neutral"),
}
OUTCOME_MEANINGS: Final[dict[str, str]] = {
    Attempt.Outcome.FAILED: "An error ended it.",
    Attempt.Outcome.GAVE_UP: "An error ended it that trying again would not mend.",
    Attempt.Outcome.LOST: "Its worker stopped answering, or did not stop it in time.",
    Attempt.Outcome.RELEASED: "Its worker was stopped and handed it back.",
    Attempt.Outcome.CANCELLED: "Somebody cancelled the job while it ran.",
}


def job_look(status: str, states: States, *, held: bool = False) -> Look:
    """How the state of a job looks; ``held``: it is held back until some moment."""
    looks = {
        states.ready: DELAYED if held else READY,
        states.running: RUNNING,
        states.done: DONE,
        states.failed: FAILED,
        states.cancelled: CANCELLED,
    }
    if states.retrying:
        looks[states.retrying] = RETRYING
    return looks.get(status, (status, "neutral"))


def state_choices(states: States) -> list[tuple[str, str]]:
    """Every state of a table with its word, in the order in which jobs go through them."""
    names = (
        states.ready,
        states.running,
        states.retrying,
        states.done,
        states.failed,
        states.cancelled,
    )
    return [(name, job_look(name, states)[0]) for name in names if name]


def outcome_look(outcome: str) -> Look:
    """How the end of an attempt looks."""
    return _OUTCOMES.get(outcome, (outcome, "neutral"))


def outcome_badge(outcome: str) -> SafeString:
    """The end of an attempt as icon, word and tint."""
    return badge(*outcome_look(outcome))
