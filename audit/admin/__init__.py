"""The auditors' door: entries, their proofs, the chain; and what they add to the staff site."""

from django.urls import reverse

from audit.admin import entries, overview, search, shown
from audit.admin.links import add_page
from config.admin.registry import NavItem, Panel, add_navigation, add_panel, add_search

__all__ = ["entries"]

add_navigation(NavItem("Audit", "admin:audit_entry_changelist", order=50, permission=shown.VIEW))
add_panel(Panel("Audit log", 40, shown.VIEW, overview.panel, wide=True))
add_page(
    "setting",
    lambda key: reverse("admin:database_systemsetting_change", args=[key]),
    permission="database.view_systemsetting",
)
add_page(
    "audit_entry",
    lambda key: reverse("admin:audit_entry_change", args=[key]),
    permission=shown.VIEW,
)
add_search(search.find_entries, permission=shown.VIEW)
