"""The admins' door to people and access, and everybody's to their own account."""

from accounts.admin import api_keys, directory, invitations, own, sessions
from accounts.admin.notes import locked_accounts
from accounts.admin.people import PersonAdmin
from audit.people import Directory, register
from config.admin.site import NavItem, add_navigation, add_search

__all__ = ["PersonAdmin", "api_keys", "invitations", "sessions"]

own.register()
register(Directory(names=directory.names, find=directory.meant))
add_search(directory.find_people, permission="accounts.view_user")
add_navigation(
    NavItem(
        "People",
        "admin:accounts_user_changelist",
        order=60,
        permission="accounts.view_user",
        count=locked_accounts,
        count_meaning="locked accounts",
        also_active_for=(
            "accounts_user_",
            "accounts_session_",
            "accounts_apikey_",
            "accounts_invitation_",
        ),
    )
)
