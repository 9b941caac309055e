"""Addresses of resources: keys are UUIDs, everything else is not found."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from config.api.pagination import check_order
from config.api.views import RowView


class Router(SimpleRouter):
    """As the framework's, with ``path()`` converters; a view set's orders are checked at once."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=True, use_regex_path=False)

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        """A key is a UUID, unless the view set names another converter."""
        if getattr(viewset, "lookup_value_converter", None) is None:
            viewset.lookup_value_converter = "uuid"
        return super().get_lookup_regex(viewset, lookup_prefix)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The addresses; raises ``ImproperlyConfigured`` for an order without its key."""
        for _, viewset, _ in self.registry:
            if issubclass(viewset, RowView) and viewset.queryset is not None:
                for order in viewset.orders.values():
                    check_order(viewset.queryset.all(), order)
        return super().get_urls()
