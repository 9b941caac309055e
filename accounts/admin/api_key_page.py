"""What stands on the page of one API key."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from accounts.admin import shown
from accounts.admin.person_page import Fact
from accounts.models import ApiKey
from audit.admin.shown import visible
from config.admin.formats import number, relative_moment
from config.admin.model_admin import PageAction
from config.admin.tiles import Tile


def actions(key: ApiKey) -> list[PageAction]:
    """The buttons in the header; of a key that is withdrawn there are none."""
    if key.revoked_at is not None:
        return []

    def url(name: str) -> str:
        return reverse(f"admin:accounts_apikey_{name}", args=[key.pk])

    switch, to = ("Switch off", "off") if key.is_active else ("Switch on", "on")
    return [
        PageAction("Change", url("edit"), kind="quiet", key="e"),
        PageAction(switch, url(f"switch_{to}"), kind="quiet", method="post"),
        PageAction("Withdraw", url("revoke"), kind="danger"),
    ]


def sentence(key: ApiKey) -> str:
    """What has to be known before anything else."""
    now = timezone.now()
    if key.revoked_at is not None:
        return f"Withdrawn {relative_moment(key.revoked_at)}: it opens nothing, and stays so."
    if key.expires_at is not None and key.expires_at <= now:
        return f"Expired {relative_moment(key.expires_at)}. Another day makes it usable again."
    if not key.user.is_active:
        return f"{key.user} is deactivated, so the key opens nothing until they are reactivated."
    if not key.is_active:
        return "Switched off: it opens nothing until it is switched on."
    return ""


def tiles(key: ApiKey) -> list[Tile]:
    """Last use, end, limit, networks."""
    used = key.last_used_at
    ends = key.expires_at
    limit = key.rate_limit_per_minute
    networks = key.ip_whitelist if isinstance(key.ip_whitelist, list) else []
    return [
        Tile("Last used", relative_moment(used) if used else "never", "noted once a minute"),
        Tile(
            "Valid until",
            relative_moment(ends) if ends else "no end",
            "ends by itself" if ends else "withdraw it when it is not needed any more",
            "notice" if ends and ends <= timezone.now() + shown.SOON else None,
        ),
        Tile(
            "Requests a minute",
            number(limit) if limit else "no limit",
            "at most" if limit else "as many as the server bears",
        ),
        Tile(
            "Usable from",
            shown.counted(len(networks), "network", "networks") if networks else "everywhere",
            "listed below" if networks else "any address",
        ),
    ]


def facts(key: ApiKey) -> list[Fact]:
    """Everything else that is known of it."""
    networks = key.ip_whitelist if isinstance(key.ip_whitelist, list) else [key.ip_whitelist]
    lines = format_html_join(
        "", '<code class="network">{}</code>', ((visible(str(one)),) for one in networks)
    )
    return [
        Fact("Networks", lines or "everywhere"),
        Fact("Valid until", shown.exactly(key.expires_at) if key.expires_at else "no end"),
        Fact("Last used", shown.exactly(key.last_used_at) if key.last_used_at else "never"),
        Fact("Made", shown.exactly(key.created_at)),
        Fact("Changed", shown.exactly(key.updated_at)),
        Fact("Id", format_html('<code class="id">{}</code>', key.pk)),
    ]
