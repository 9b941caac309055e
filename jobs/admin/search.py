"""Jobs found by the search at the top of every page."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.http import HttpRequest

from config.admin.registry import SearchHit
from jobs import registry
from jobs.admin.addresses import as_id, page_of
from jobs.admin.any_job import JobAdmin, title_of
from jobs.admin.states import job_look


def find_jobs(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """By id, in the queues whose pages are made here; the others are found by their own package."""
    wanted = as_id(text)
    if wanted is None:
        return
    for kind in registry.kinds():
        if not isinstance(admin.site._registry.get(kind.model), JobAdmin):
            continue
        job = kind.jobs.filter(pk=wanted).first()
        if job is not None:
            word = job_look(job.status, job.states)[0]
            url = page_of(kind, "change", job.pk)
            yield SearchHit("Job", title_of(job), url, f"{kind.queue}, {word}")
