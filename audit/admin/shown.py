"""How the parts of an entry look: who, what, about what, and how it ended."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst

from audit import registry
from audit.admin.links import Links
from audit.models import Entry
from config.admin.formats import (
    NOTHING,
    State,
    badge,
    exact_moment,
    relative_moment,
    short_id,
)

OUTCOMES: Final[Mapping[str, tuple[str, State]]] = {
    Entry.Outcome.SUCCESS: ("Success", "good"),
    Entry.Outcome.FAILURE: ("Failure", "bad"),
    Entry.Outcome.PARTIAL: ("Partial", "warning"),
}
SOURCES: Final[Mapping[str, str]] = {
    "admin": "staff pages",
    "api": "API",
    "command": "command",
    "job": "job",
    "system": "system",
    "sql": "plain SQL",
}
# Who acted where nobody was logged in, by source.
_NOBODY: Final[Mapping[str, str]] = {
    "admin": "anonymous",
    "api": "anonymous",
    "command": "an operator",
    "sql": "plain SQL",
}
# Who may read the log; only a person with every right may erase from it.
VIEW: Final = "audit.view_entry"
ERASE: Final = "audit.erase_entry"
_ODD: Final = "\N{REPLACEMENT CHARACTER}"
# The noun of people, to whom actors are linked.
_PERSON: Final = "user"


def visible(text: str) -> str:
    """The text without what an eye would not see; lines and tabs stay."""
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" or unicodedata.category(sign) == "Zs" else _ODD
        for sign in text
    )


def outcome(value: str) -> SafeString:
    """Success, failure or partial, as icon, word and tint."""
    return badge(*OUTCOMES.get(value, (value, "neutral")))


def source(value: str | None) -> str:
    """Where it came from, in words."""
    return SOURCES.get(value or "", value or NOTHING)


def meaning(action: str) -> str:
    """What the registry says of the action; nothing for one that is no more."""
    known = registry.ACTIONS.get(action)
    return known.description if known else ""


def action(value: str) -> SafeString:
    """The action's name; what it means on hover."""
    return format_html('<code class="action" title="{}">{}</code>', meaning(value), value)


def moment(entry: Entry) -> SafeString:
    """When an entry was written: in words, to the microsecond on hover."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        entry.created_at.isoformat(),
        to_the_microsecond(entry),
        relative_moment(entry.created_at),
    )


def to_the_microsecond(entry: Entry) -> str:
    """``21 Nov 2026 14:05:33.123456 UTC``: the moment as finely as it is sealed."""
    minute, _, zone = exact_moment(entry.created_at).rpartition(" ")
    return f"{minute}:{entry.created_at:%S.%f} {zone}"


class Shown:
    """The entries of one page for one person: names and links are looked up once."""

    def __init__(self, request: HttpRequest, names: Mapping[UUID, str]) -> None:
        self._links = Links(request)
        self._names = names

    def name(self, actor_id: UUID) -> str:
        """What the person is called, as plain text; the id where nobody knows."""
        return visible(self._names.get(actor_id, "")) or str(actor_id)

    def actor(self, entry: Entry) -> SafeString:
        """Who did it: name, shortened id, or nobody."""
        if entry.actor_id is None:
            said = _NOBODY.get(entry.source or "", "system")
            return format_html('<span class="nobody">{}</span>', said)
        known = self._names.get(entry.actor_id)
        if known is None:
            said = short_id(entry.actor_id)
        else:
            said = format_html('<bdi title="{}">{}</bdi>', entry.actor_id, visible(known))
        url = self._links.to(_PERSON, str(entry.actor_id))
        return format_html('<a href="{}">{}</a>', url, said) if url else said

    def resource(self, entry: Entry, *, whole: bool = False) -> SafeString:
        """What it was done to: its type and id, leading to its page where there is one."""
        if not entry.resource_type:
            return format_html("{}", NOTHING)
        noun = capfirst(visible(entry.resource_type).replace("_", " "))
        if not entry.resource_id:
            return format_html("{}", noun)
        key = visible(entry.resource_id)
        shown = format_html('<code class="id">{}</code>', key) if whole else short_key(key)
        url = self._links.to(entry.resource_type, entry.resource_id)
        if url:
            return format_html('<a href="{}">{} {}</a>', url, noun, shown)
        return format_html("{} {}", noun, shown)


def short_key(key: str) -> SafeString:
    """An id as in every list; a key that is words keeps its beginning."""
    try:
        return short_id(UUID(key))
    except ValueError:
        text = Truncator(key).chars(40)
        return format_html('<code class="id" title="{}">{}</code>', key, text)


def list_url(**wanted: str) -> str:
    """The address of the list with these filters in force."""
    return f"{reverse('admin:audit_entry_changelist')}?{urlencode(wanted)}"
