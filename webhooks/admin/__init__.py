"""The admins' door: who is told of events, and what became of it."""

from config.admin.registry import NavItem, add_navigation
from webhooks.admin import deliveries, endpoints

__all__ = ["deliveries", "endpoints"]

add_navigation(
    NavItem(
        "Webhooks",
        "admin:webhooks_webhookendpoint_changelist",
        order=55,
        permission="webhooks.view_webhookendpoint",
        count=deliveries.failed,
        count_meaning="deliveries failed",
        also_active_for=("webhooks_",),
    )
)
