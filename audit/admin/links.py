"""From what an entry is about to that thing's own page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from audit.recording import noun_of


@dataclass(frozen=True, slots=True)
class Page:
    """Where a resource of this id has its page; without a permission, all of staff may see it."""

    address: Callable[[str], str | None]
    permission: str | None


# Nouns that are not just the name of one model with staff pages; packages above add theirs.
PAGES: Final[dict[str, Page]] = {}


def add_page(
    noun: str, address: Callable[[str], str | None], *, permission: str | None = None
) -> None:
    """Let resources of this type lead to the page, for whoever has the permission."""
    PAGES[noun] = Page(address, permission)


class Links:
    """The pages that one person may open; made for each request.

    A resource whose type is a model with staff pages is found by itself; others by ``add_page``.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._models: dict[str, Any] = {}
        for model, model_admin in admin.site._registry.items():
            noun = noun_of(model)
            # What several models are called alike says nothing about where one of them is.
            self._models[noun] = None if noun in self._models else model_admin

    def to(self, resource_type: str | None, resource_id: str | None) -> str | None:
        """The address of the resource's page; None where there is none for this person."""
        if not resource_type or not resource_id or "\x00" in resource_id:
            return None
        page = PAGES.get(resource_type)
        if page is not None:
            if page.permission and not self._request.user.has_perm(page.permission):
                return None
            return page.address(resource_id)
        model_admin = self._models.get(resource_type)
        if model_admin is None or not model_admin.has_view_permission(self._request):
            return None
        options = model_admin.opts
        try:
            options.pk.to_python(resource_id)
        except ValidationError:
            return None
        url_name = f"admin:{options.app_label}_{options.model_name}_change"
        try:
            return reverse(url_name, args=[quote(resource_id)])
        except NoReverseMatch:
            return None


def by_search(resource_id: str) -> str:
    """The search of the site, which opens the one thing that it finds."""
    return f"{reverse('admin:search')}?{urlencode({'q': resource_id})}"
