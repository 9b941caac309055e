"""Giving somebody another role: the database's ``change_user_role()`` decides and records it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from accounts.roles import Role
from database.actor import acting_as

# A word of the documented systems, which the database takes for the role that it means.
DOCUMENTED: Final = {"user": Role.ANALYST}


class StandingNotChanged(Exception):
    """A person's role and access stay as they are; the text says why."""


class OwnStanding(StandingNotChanged):
    """Nobody changes their own role, or shuts themself out."""


class LastAdmin(StandingNotChanged):
    """Somebody must remain who can let people in."""


class NotAnAdmin(StandingNotChanged):
    """Only admins change roles."""


class NoSuchRole(StandingNotChanged):
    """There is no role of this name."""


class NoSuchPerson(StandingNotChanged):
    """There is nobody with this id."""


@transaction.atomic
def change(user_id: UUID, role: str, *, by: User) -> User:
    """Give the person the role, on behalf of ``by``; a StandingNotChanged where that cannot be.

    Their sessions end with the old role. The same role again changes nothing.
    """
    if role not in Role.values and role not in DOCUMENTED:
        raise NoSuchRole(f"There is no role {role!r:.60}. There are: {', '.join(Role.values)}.")
    try:
        # A savepoint, so that the caller's transaction can go on after a refusal.
        with acting_as(by.pk), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT change_user_role(%s, %s)", [user_id, role])
    except DatabaseError as error:
        raise refused(error) or error from error
    return User.objects.get(pk=user_id)


def refused(error: DatabaseError) -> StandingNotChanged | None:
    """What the database's guards of people say, as a sentence; None for another kind of error."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        return None
    if cause.sqlstate == "42501":
        return NotAnAdmin("Only an active admin may change what people are allowed.")
    if cause.sqlstate == "P0002":
        return NoSuchPerson("This person does not exist any more.")
    return {
        "users_own_role": OwnStanding(
            "You cannot change your own role. Ask another admin to do it."
        ),
        "users_last_admin": LastAdmin(
            "This is the last active admin. Make somebody else an admin first."
        ),
    }.get(cause.diag.constraint_name or "")
