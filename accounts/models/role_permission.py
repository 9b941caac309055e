"""What each role may do, for the database's own eyes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.roles import Role
from database.fields import KeyField


class RolePermission(models.Model):
    """One permission (``app.codename``) of one role; ``accounts.roles`` is the source.

    Filled after every ``migrate``, read by ``has_permission()`` and ``app_may()``. An admin may do
    everything, and has no rows.
    """

    app_privileges = ("SELECT",)
    audit_noun: ClassVar[str] = "role_permission"

    id = KeyField()
    role = models.CharField(max_length=20, choices=Role.choices)
    permission = models.CharField(max_length=100)

    class Meta:
        db_table = "role_permissions"
        constraints = [
            models.UniqueConstraint(
                fields=["role", "permission"], name="role_permissions_role_permission_key"
            ),
            models.CheckConstraint(
                name="role_permissions_role_check",
                condition=models.Q(role__in=Role.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
