"""What the overview says of the queues: only what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from config.admin.formats import badge
from jobs import health, status
from jobs.admin import standing
from jobs.admin.addresses import queue_url


@dataclass(frozen=True, slots=True)
class Trouble:
    """A queue that needs somebody."""

    queue: str
    url: str
    badge: SafeString
    sentence: str


def troubles(request: HttpRequest) -> SafeString:
    """Queues that are paused, late or without a worker, and warnings; nothing where all is well.

    No job is counted for it.
    """
    found = []
    for one in status.queues():
        look, sentence = standing.state_of(one)
        if look[1] in standing.LOUD:
            found.append(Trouble(one.queue, queue_url(one.queue), badge(*look), sentence))
    warnings = health.warnings()
    if not found and not warnings:
        return SafeString("")
    context = {"troubles": found, "warnings": warnings}
    return SafeString(render_to_string("jobs/panels/troubles.html", context))
