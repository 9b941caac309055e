"""Whether the time of a refusal tells who is known: unknown, wrong, locked, deactivated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import bcrypt

from tests.benchmarks.harness import Times, interleaved, publish, table
from tests.benchmarks.installation import prepare, server_version

_ROUNDS: Final = 60
_IMPORTED_ROUNDS: Final = 20
_WARM_UPS: Final = 3
_GOAL: Final = 5.0  # per cent between the medians
_PASSWORD: Final = "a long enough phrase 42"
_WRONG: Final = "another phrase, wrong 43"
_COST: Final = 10  # of bcrypt, as PHP and others have it by default


def main() -> None:
    """Measure, and write the page."""
    prepare()
    people = _make_people()
    plain = interleaved(_variants(people), rounds=_ROUNDS, warm_ups=_WARM_UPS)
    _import_one()
    people["imported bcrypt, wrong"] = "imported@example.org"
    imported = interleaved(_variants(people), rounds=_IMPORTED_ROUNDS, warm_ups=_WARM_UPS)
    apart = _apart(plain)
    verdict = "within" if apart <= _GOAL else "NOT within"
    publish(
        "login_time",
        f"Refusals differ by {apart:.1f} % in their medians, {verdict} {_GOAL:.0f} %",
        f"Each variant is one call of `log_in.check` that refuses, in turn, {_ROUNDS} rounds after"
        f" {_WARM_UPS} that do not count; median (range). The database is {server_version()}, the"
        " hash Argon2id with 64 MiB, 3 iterations, 4 lanes. Failures are forgotten before each"
        " call, so that none of them locks.",
        _table(plain),
        f"While one person still has a bcrypt hash of cost {_COST} from another system, every"
        f" attempt takes its rounds too; {_IMPORTED_ROUNDS} rounds. Medians differ by"
        f" {_apart(imported):.1f} %.",
        _table(imported),
        packages=("django", "argon2-cffi", "bcrypt", "psycopg"),
    )


def _make_people() -> dict[str, str]:
    """Each variant's e-mail address; the names say what is wrong with it."""
    from django.utils import timezone

    from accounts.models import User

    for name in ("known", "locked", "deactivated", "bare"):
        User.objects.create_user(f"{name}@example.org", None if name == "bare" else _PASSWORD)
    locked = User.objects.filter(email="locked@example.org")
    locked.update(locked_until=timezone.now() + timedelta(days=2))
    User.objects.filter(email="deactivated@example.org").update(is_active=False)
    return {
        "unknown address": "nobody@example.org",
        "known, wrong password": "known@example.org",
        "locked, right password": "locked@example.org",
        "deactivated, right password": "deactivated@example.org",
        "no password": "bare@example.org",
    }


def _import_one() -> None:
    from django.db import connection

    encoded = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(_COST)).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash) VALUES ('imported@example.org', %s)",
            [encoded],
        )


def _variants(people: dict[str, str]) -> dict[str, Callable[[], object]]:
    def refuse(name: str, email: str) -> Callable[[], object]:
        password = _PASSWORD if "right" in name else _WRONG

        def attempt() -> None:
            from accounts.actions import log_in
            from database.actor import acting_as

            try:
                with acting_as(None):
                    log_in.check(email, password, address="")
            except log_in.LoginRefused:
                return
            raise AssertionError(f"{email} came in")

        return attempt

    return {name: _without_failures(refuse(name, email)) for name, email in people.items()}


def _without_failures(attempt: Callable[[], object]) -> Callable[[], object]:
    """The attempt, after every count was set back: the same statement before each variant."""

    def run() -> None:
        from accounts.models import User

        User.objects.filter(failed_login_count__gt=0).update(failed_login_count=0)
        attempt()

    return run


def _apart(times: dict[str, Times]) -> float:
    """By how many per cent the slowest median exceeds the quickest."""
    medians = [one.median for one in times.values()]
    return (max(medians) / min(medians) - 1) * 100


def _table(times: dict[str, Times]) -> str:
    first = next(iter(times.values())).median
    rows = [
        (name, str(one), f"{(one.median / first - 1) * 100:+.1f} %") for name, one in times.items()
    ]
    return table(("refused because", "time", "beside unknown"), rows)


if __name__ == "__main__":
    main()
