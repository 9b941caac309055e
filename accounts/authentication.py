"""Logging in with e-mail address and password; permissions by role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts import roles
from accounts.actions import log_in, second_factor
from accounts.models import User
from audit.middleware import address


class RoleBackend(BaseBackend):
    """Knows people by e-mail address, and what they may do by their role."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """The active user with this address and password, or None.

        Counted, locked and recorded as at the door (``log_in.check``). A person with a second
        factor is nobody here: only the log-in page and the API ask for the code.
        """
        email = username or credentials.get(User.USERNAME_FIELD)
        if email is None or password is None:
            return None
        try:
            user = log_in.check(email, password, address=address(request) if request else "")
        except (log_in.LoginRefused, log_in.TooManyAttempts):
            return None
        return None if second_factor.is_on(user) else user

    def get_user(self, user_id: Any) -> User | None:
        """The session's user, unless deactivated meanwhile."""
        return User.objects.filter(pk=user_id, is_active=True).first()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether the user's role gives the permission; no permission is by object."""
        if isinstance(user_obj, AnonymousUser) or not user_obj.is_active:
            return False
        return roles.allows(user_obj.role, perm)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the user's role gives anything in the app."""
        if isinstance(user_obj, AnonymousUser) or not user_obj.is_active:
            return False
        return roles.allows_app(user_obj.role, app_label)
