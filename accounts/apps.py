"""People and what they may do."""

from typing import Any, Final

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string

from accounts import roles
from audit.apps import write_registry

# Only what differs is written, so that a migrate that changes no role leaves no trace.
_TAKE_AWAY: Final = (
    "DELETE FROM role_permissions p WHERE NOT EXISTS ("
    " SELECT FROM unnest(%s::text[], %s::text[]) AS given (role, permission)"
    " WHERE given.role = p.role AND given.permission = p.permission)"
)
_GIVE: Final = (
    "INSERT INTO role_permissions (role, permission) SELECT * FROM unnest(%s::text[], %s::text[])"
    " ON CONFLICT (role, permission) DO NOTHING"
)


def write_roles(*, using: str, **_: Any) -> None:
    """Tell the database what each role may do; the owner does it after each migrate."""
    given = sorted(roles.table())
    columns = [[role for role, _ in given], [permission for _, permission in given]]
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.role_permissions')")
        if cursor.fetchone()[0] is None:  # migrated back to before there was such a table
            return
        write_registry(using=using)  # what is changed below is recorded under these names
        with transaction.atomic(using=using):
            cursor.execute(_TAKE_AWAY, columns)
            cursor.execute(_GIVE, columns)


class AccountsConfig(AppConfig):
    """Users and roles."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Note when somebody logs in, or tries to; let the database know the roles."""
        import_string("accounts.audited.declare")()
        import_string("accounts.system_settings.define")
        import_string("accounts.pages.login.register")()
        import_string("accounts.pages.password_reset.register")()
        import_string("accounts.pages.invitation.register")()
        import_string("accounts.pages.second_factor.register")()
        import_string("accounts.api.declared.declare")()
        import_string("accounts.schedule.CLEANUP_SESSIONS")
        post_migrate.connect(write_roles, sender=self, dispatch_uid="accounts.roles")
