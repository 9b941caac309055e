"""The chain's state in one look, for the overview."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from audit.admin import chain
from config.admin.formats import badge, number


def panel(request: HttpRequest) -> SafeString:
    """Sealed and published, or what is wrong."""
    now = chain.read()
    stands = chain.standing(now)
    context = {
        "chain": now,
        "badge": badge(stands.word, stands.state),
        "standing": stands,
        "more": now.alarms[1:],
        "entries": number(now.entries),
    }
    return SafeString(render_to_string("audit/panels/chain.html", context))
