"""The page of the chain: how far the log is sealed and published, and by what keys."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audit.admin import chain
from audit.admin.chain import Chain
from audit.admin.sections import with_sections
from config.admin.formats import NOTHING, State, badge, duration, number, relative_moment
from config.admin.tiles import Tile


def chain_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """State, figures, what is wrong, keys to pin, checkpoints, retired months."""
    now = chain.read()
    stands = chain.standing(now)
    keys, why_no_keys = chain.public_keys()
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Chain of the audit log",
        "purpose": "How far entries are sealed into the signed chain, and who else has seen it.",
        "chain": now,
        "standing": stands,
        "badge": badge(stands.word, stands.state),
        "tiles": tiles(now),
        "keys": keys,
        "why_no_keys": why_no_keys,
        "batches": chain.latest_batches(),
        "retired": chain.retired_months(),
    }
    return TemplateResponse(request, "audit/chain.html", with_sections(request, context))


def tiles(now: Chain) -> list[Tile]:
    """The decisive figures: value, what is normal, and how it looks."""
    batches = f"in {number(now.batches)} batch{'' if now.batches == 1 else 'es'}"
    sealed = relative_moment(now.sealed_at) if now.sealed_at else NOTHING
    era = str(now.era.era) if now.era else NOTHING
    began = f"since {relative_moment(now.era.started_at)}" if now.era else "not begun"
    return [
        Tile("Sealed entries", number(now.entries), batches),
        Tile("Last sealed", sealed, "normally seconds after an entry"),
        _waiting(now),
        _published(now),
        Tile("Era", era, began),
    ]


def _waiting(now: Chain) -> Tile:
    note: str = "normally none or few"
    state: State | None = None
    if now.oldest_at is not None:
        age = max(0.0, (timezone.now() - now.oldest_at).total_seconds() * 1000)
        note = f"the oldest for {duration(age)}"
        state = "warning" if age > 60_000 else None
    return Tile("Waiting to be sealed", now.waiting_text, note, state)


def _published(now: Chain) -> Tile:
    size = max((one.size for one in now.published), default=0)
    if not size:
        note = "nobody else has seen a checkpoint"
        return Tile("Published", "never", note, "warning" if now.size else None)
    missing = max(0, now.size - size)
    note = f"all but {number(missing)} leaves" if missing else "everything that is sealed"
    return Tile("Published", relative_moment(max(one.at for one in now.published)), note)
