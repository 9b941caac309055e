"""Where queues and jobs have their pages, and the ids in such addresses."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from jobs import registry


def as_id(text: str) -> UUID | None:
    """The id that the text is, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def kind_of_table(table: str) -> registry.JobKind | None:
    """The kind whose jobs stand in this table; None where there is none any more."""
    return next((one for one in registry.kinds() if one.model._meta.db_table == table), None)


def page_of(kind: registry.JobKind, page: str, *arguments: Any) -> str:
    """The address of a page about the jobs of this kind: ``changelist``, ``change``, ``retry``."""
    options = kind.model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)


def queue_url(queue: str, page: str = "change") -> str:
    """The address of a queue's own page, or of one of its switches."""
    return reverse(f"admin:jobs_queue_{page}", args=[queue])


def queue_page(table: str) -> str | None:
    """The page of the queue whose jobs stand in this table."""
    kind = kind_of_table(table)
    return queue_url(kind.queue) if kind else None


def schedule_page(name: str) -> str:
    """The page of an entry of the schedule."""
    return reverse("admin:jobs_recurrence_change", args=[name])


def job_url(table: str, job_id: Any) -> str | None:
    """The page of a job; None where its table is no queue any more."""
    kind = kind_of_table(table)
    try:
        return page_of(kind, "change", job_id) if kind else None
    except NoReverseMatch:
        return None


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The page of this site that the request came from."""
    came_from = request.headers.get("Referer", "")
    own = f"{request.scheme}://{request.get_host()}/"
    if came_from.startswith(own) and url_has_allowed_host_and_scheme(
        came_from, {request.get_host()}, require_https=request.is_secure()
    ):
        return came_from
    return otherwise
