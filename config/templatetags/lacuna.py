"""Template tags of the staff pages: ``{% load lacuna %}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import template
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.http import HttpRequest
from django.template import Context
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from config.admin import formats
from config.admin.registry import navigation as visible_items

register = template.Library()

# The class by which Django's list names the column of a heading or cell.
_COLUMN: Final = re.compile(r'\A(?:<t[dh])? class="[^"]*\b(?:column|field)-(?P<name>\w+)')


@dataclass(frozen=True)
class Place:
    """An item of the navigation as it stands on this page."""

    title: str
    url_name: str
    current: bool
    waiting: int
    count_meaning: str


@dataclass(frozen=True)
class ActiveFilter:
    """A filter in force, and the address of the list without it."""

    title: str
    value: str
    without: str


@register.simple_tag(takes_context=True)
def navigation(context: Context) -> list[Place]:
    """The places this person may go to: ``{% navigation as places %}``."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not getattr(user, "is_staff", False):
        return []
    items = visible_items(request)
    shares = [item.nearness(request) for item in items]
    # Of equals the last: the pages of a queue stand under "Jobs" for whoever sees it.
    nearest = max(range(len(items)), key=lambda at: (shares[at], at), default=0)
    return [
        Place(
            item.title,
            item.url_name,
            at == nearest and shares[at] > 0,
            (item.count(request) or 0) if item.count else 0,
            item.count_meaning,
        )
        for at, item in enumerate(items)
    ]


@register.simple_tag
def active_filters(cl: ChangeList) -> list[ActiveFilter]:
    """The filters in force, the search included: ``{% active_filters cl as active %}``."""
    active = []
    if cl.query:
        without = cl.get_query_string(remove=[SEARCH_VAR])
        active.append(ActiveFilter("Search", cl.query, without))
    for spec in cl.filter_specs:
        choices: list[Any] = list(spec.choices(cl))
        chosen = [choice for choice in choices if choice.get("selected")]
        if choices and chosen and chosen[0] is not choices[0]:
            title = capfirst(str(spec.title))
            value = ", ".join(str(choice["display"]) for choice in chosen)
            active.append(ActiveFilter(title, value, choices[0]["query_string"]))
    return active


@register.simple_tag
def shown_count(cl: Any) -> str:
    """How many rows of how many: "50 of 10,000+ images", "1 image"."""
    here, total = len(cl.result_list), cl.result_count
    name = cl.opts.verbose_name if total == 1 else cl.opts.verbose_name_plural
    text = getattr(total, "text", f"{total:,}")
    return f"{text} {name}" if here == total else f"{here:,} of {text} {name}"


@register.simple_tag
def badge(word: str, state: formats.State = "neutral") -> SafeString:
    """``{% badge "completed" "good" %}``."""
    return formats.badge(word, state)


@register.simple_tag
def progress(done: int, total: int, label: str, note: str = "") -> SafeString:
    """``{% progress done total "Images analysed" %}``."""
    return formats.progress(done, total, label=label, note=note)


@register.simple_tag
def tile(
    label: str, value: str, normal: str = "", state: formats.State | None = None
) -> SafeString:
    """``{% tile "Porosity" "42.0 %" "usually 30 to 60 %" %}`` inside ``<dl class="tiles">``."""
    return formats.tile(label, value, normal=normal, state=state)


@register.filter
def aligned(html: str, cl: Any) -> SafeString:
    """A heading or cell of a list, marked where its column holds numbers."""
    names = getattr(cl.model_admin, "numeric", ())
    found = _COLUMN.search(html) if names else None
    if found is None or found["name"] not in names:
        return mark_safe(html)  # noqa: S308 - escaped already, by Django's list
    return mark_safe(  # noqa: S308 - as above
        f"{html[: found.start('name')]}{found['name']} is-number{html[found.end('name') :]}"
    )


@register.filter
def spoken(name: str) -> str:
    """``{{ queue|spoken }}``: a name that programs use, as words."""
    return formats.spoken(name)


@register.filter
def moment(value: datetime | None) -> SafeString:
    """``{{ image.created_at|moment }}``."""
    return formats.moment(value)


@register.filter
def short_id(value: Any) -> SafeString:
    """``{{ image.pk|short_id }}``."""
    return formats.short_id(value)


@register.filter
def size(value: int | None) -> str:
    """``{{ image.file_size|size }}``."""
    return formats.size(value)


@register.filter
def folded_json(value: Any, title: str = "Raw data") -> SafeString:
    """``{{ result.negative_space_data|folded_json:"All figures" }}``."""
    return formats.folded_json(value, title)
