"""What the API of people says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from accounts.actions import api_keys, invitations, password_resets, roles, second_factor, sessions
from accounts.api.proof import LINK_DEAD
from accounts.link_tokens import DeadLink
from config.api.problems import CONFLICT, FORBIDDEN, INVALID, NOT_FOUND, register_problem
from config.api.scopes import declare_scope

READ_PEOPLE: Final = "read:people"
WRITE_PEOPLE: Final = "write:people"


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_scope(READ_PEOPLE, "See people, and what the roles may do.")
    declare_scope(WRITE_PEOPLE, "Add and change people; not their role, address or password.")
    register_problem(roles.StandingNotChanged, CONFLICT)
    register_problem(roles.NotAnAdmin, FORBIDDEN)
    register_problem(roles.NoSuchPerson, NOT_FOUND)
    register_problem(roles.NoSuchRole, INVALID)
    register_problem(api_keys.NoSuchKey, NOT_FOUND)
    register_problem(sessions.NoSuchSession, NOT_FOUND)
    register_problem(api_keys.KeyIsRevoked, CONFLICT)
    register_problem(second_factor.AlreadyOn, CONFLICT)
    register_problem(second_factor.NotOn, CONFLICT)
    register_problem(second_factor.NothingToConfirm, CONFLICT)
    register_problem(invitations.AlreadyAPerson, CONFLICT)
    register_problem(invitations.AlreadyInvited, CONFLICT)
    register_problem(invitations.NotOpen, CONFLICT)
    register_problem(invitations.NoSuchInvitation, NOT_FOUND)
    register_problem(password_resets.NotPossible, CONFLICT)
    register_problem(DeadLink, LINK_DEAD)
