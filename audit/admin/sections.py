"""The two pages about the log, as a row of links under the title."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from config.admin.sections import Section


def with_sections(request: HttpRequest, context: dict[str, Any] | None = None) -> dict[str, Any]:
    """The page's context, with the links in it."""
    match = request.resolver_match
    on_chain = match is not None and match.url_name == "audit_entry_chain"
    sections = [
        Section("Entries", reverse("admin:audit_entry_changelist"), not on_chain),
        Section("Chain", reverse("admin:audit_entry_chain"), on_chain),
    ]
    return {"sections": sections, **(context or {})}
