"""What providers ask for: a list to which prices are added, from a day on."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.person_doors import acting
from config.admin.formats import NOTHING, number
from config.admin.model_admin import StaffModelAdmin
from providers.actions import prices
from providers.admin.sections import sections
from providers.errors import ProvidersError
from providers.models import ProviderPrice


@admin.register(ProviderPrice)
class PriceAdmin(StaffModelAdmin):
    """Prices; the ledger names them, so none is changed or removed."""

    beside = sections
    purpose: ClassVar[str] = (
        "US dollars for a million tokens, from a day on (UTC). What has no price is not asked."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (ProvidersError,)
    change_list_template = "providers/admin/list.html"
    list_display = ("model", "provider", "valid_from", "into", "cached", "out", "source")
    list_filter = ("provider",)
    few_choices: ClassVar[tuple[str, ...]] = ("provider",)
    list_select_related = ("provider",)
    search_fields = ("model",)
    search_help_text = "Model"
    numeric = ("into", "cached", "out")
    ordering = ("-valid_from", "-id")
    fields = (
        "provider",
        "model",
        "valid_from",
        "input_per_million",
        "cached_input_per_million",
        "output_per_million",
        "per_image",
    )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see providers."""
        return request.user.has_perm("providers.view_provider")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: another price is added from another day on."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the action, which records it."""
        prices.add(obj, by=acting(request))

    @admin.display(description="in, $ a million")
    def into(self, price: ProviderPrice) -> str:
        """For what is sent."""
        return _amount(price.input_per_million)

    @admin.display(description="cached, $ a million")
    def cached(self, price: ProviderPrice) -> str:
        """For what the provider remembers."""
        return _amount(price.cached_input_per_million)

    @admin.display(description="out, $ a million")
    def out(self, price: ProviderPrice) -> str:
        """For what is answered."""
        return _amount(price.output_per_million)


def _amount(amount: Any) -> str:
    return NOTHING if amount is None else number(amount, digits=3)
