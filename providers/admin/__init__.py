"""The staff's door: providers, one's own keys, limits, usage, alerts, prices."""

from config.admin.registry import NavItem, add_navigation
from providers.admin import limits, others_keys, own_keys, prices, providers, usage

__all__ = ["limits", "others_keys", "own_keys", "prices", "providers", "usage"]

own_keys.register()
add_navigation(
    NavItem(
        "AI providers",
        "admin:providers_provider_changelist",
        order=50,
        permission="providers.view_provider",
        also_active_for=("providers_", "provider_keys"),
    )
)
