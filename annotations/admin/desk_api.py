"""What the desk's page asks the server: the next items, decisions, and what to let go of.

Every address takes and answers JSON by POST, within the session and with its CSRF token. A refusal
is ``{"error": sentence}``; after a conflict (409) ``current`` is how the annotation stands now.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import person
from accounts.models import User
from annotations import comments, labels
from annotations.actions import claims, dealing, deciding
from annotations.actions.claims import Filters
from annotations.actions.dealing import Dealt, Step
from annotations.actions.deciding import Verdict
from annotations.admin import shown
from annotations.admin.tickets import Ticket
from annotations.boxes import Box
from annotations.errors import (
    AnnotationError,
    ChangedMeanwhile,
    LookedAtByOther,
    NothingToUndo,
    NotNow,
    ReviewedBefore,
)
from annotations.models import (
    Annotation,
    AnnotationReview,
    Decision,
    ImageCollection,
    RejectionReason,
    ReviewExtra,
    ReviewKind,
    ReviewStatus,
)
from config.admin.counting import Count, count_rows
from config.admin.refusals import refusal

_MOST_AHEAD: Final = 4
_MOST_HELD: Final = 20
_RECENT: Final = 8
_LOOKED_BACK: Final = 200
_LARGEST: Final = 65_536

Said = dict[str, Any]


class Unreadable(ValueError):
    """What the page sent is not what the desk sends."""


Answer = Callable[[User, Said], dict[str, Any]]


def _answers(ask: Answer) -> Callable[[HttpRequest], HttpResponse]:
    """The view: who asks, what they say, and each refusal with its status."""

    @require_POST
    @functools.wraps(ask)
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("annotations.review_annotation"):
            return _said(403, "Your role may not review annotations.")
        try:
            return JsonResponse(ask(person(request), _body(request)))
        except (ChangedMeanwhile, LookedAtByOther, ReviewedBefore) as error:
            return _conflict(error)
        except Annotation.DoesNotExist:
            return _said(410, "This annotation was removed meanwhile.", kind="gone")
        except PermissionDenied as error:
            return _said(403, str(error))
        except (AnnotationError, ValueError) as error:
            return _said(422, str(error))
        except DatabaseError as error:
            sentence = refusal(error, Annotation)
            if sentence is None:
                raise
            return _said(422, sentence)

    return view


def _said(status: int, sentence: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": sentence, **more}, status=status)


def _conflict(error: AnnotationError) -> JsonResponse:
    if not isinstance(error, ChangedMeanwhile):
        return _said(409, str(error), kind="held")
    current = Annotation.objects.select_related("reviewed_by").get(pk=error.current.pk)
    return _said(409, str(error), kind="changed", current=shown.current_state(current))


def _body(request: HttpRequest) -> Said:
    """What was sent: JSON, or a form's field ``said`` holding it, as a page that closes sends."""
    is_json = request.content_type == "application/json"
    text: str | bytes = request.body if is_json else request.POST.get("said", "")
    if len(text) > _LARGEST:
        raise Unreadable("This is too long for the desk.")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Unreadable("The desk sent something that cannot be read. Load the page again.")
    return said


# --- Asking for items -----------------------------------------------------------------------------


@_answers
def next_items(by: User, said: Said) -> dict[str, Any]:
    """Claim what comes next: ``ahead`` items behind the ticket ``after``; let go of ``release``."""
    _release(said.get("release"), by=by)
    filters = read_filters(said.get("filters"))
    answer: dict[str, Any] = {"items": _ahead(by, said, filters)}
    if said.get("count"):
        answer["waiting"] = _waiting_words(filters)
    return answer


@_answers
def previous_item(by: User, said: Said) -> dict[str, Any]:
    """Claim what waits before the ticket ``before``."""
    filters = read_filters(said.get("filters"))
    ticket = Ticket.unseal(said.get("before"), by=by)
    dealt = dealing.previous_for(by, filters, before=ticket.step)
    return {"item": None if dealt is None else shown.item(dealt, by=by, stage=filters.stage)}


def _ahead(by: User, said: Said, filters: Filters) -> list[dict[str, Any]]:
    step: Step | None = None
    if said.get("after"):
        step = Ticket.unseal(said["after"], by=by).step
    holding = set(_keys(said.get("holding")))
    wanted = said.get("ahead", 1)
    found = []
    for _ in range(min(wanted, _MOST_AHEAD) if isinstance(wanted, int) else 1):
        dealt = dealing.next_for(by, filters, after=step, holding=holding)
        if dealt is None:
            break
        found.append(shown.item(dealt, by=by, stage=filters.stage))
        holding.add(dealt.annotation.pk)
        step = dealt.step
    return found


def count_waiting(filters: Filters) -> Count:
    """How many wait, counted to 10,000; those that others look at are among them."""
    return count_rows(filters.apply(Annotation.objects.filter(review_status=ReviewStatus.PENDING)))


def _waiting_words(filters: Filters) -> dict[str, Any]:
    count = count_waiting(filters)
    return {"count": int(count), "exact": count.exact}


def read_filters(said: object) -> Filters:
    """Filters as the page's address has them; ValueError."""
    if said is None:
        return Filters()
    if not isinstance(said, dict):
        raise Unreadable("The filters cannot be read.")
    texts = {name: str(value).replace("\x00", "")[:200] for name, value in said.items()}
    filters = Filters.from_json(texts)
    for bound in (filters.least, filters.most):
        if bound is not None and not (bound.is_finite() and 0 <= bound <= 1):
            raise Unreadable("A confidence is a number from 0 to 1.")
    return filters


# --- Deciding -------------------------------------------------------------------------------------


@_answers
def decide(by: User, said: Said) -> dict[str, Any]:
    """Decide on the item of ``ticket``, and answer with what comes behind the ticket ``after``.

    The same decision on the same version again answers as the first did: a page that lost the
    answer may simply ask once more. ``take_over`` decides also on what others decided meanwhile.
    """
    ticket = Ticket.unseal(said.get("ticket"), by=by)
    verdict, filters = _verdict(said), read_filters(said.get("filters"))
    if ticket.extra is not None:
        _answer_check(ticket, verdict, by=by)
    else:
        _decide(ticket.annotation, verdict, by=by, takes_over=said.get("take_over") is True)
    return {"decided": str(ticket.annotation), "items": _ahead(by, said, filters)}


def _decide(annotation_id: UUID, verdict: Verdict, *, by: User, takes_over: bool) -> None:
    try:
        with transaction.atomic():
            if takes_over:
                _reopen_decided(annotation_id, verdict, by=by)
            else:
                deciding.decide(annotation_id, verdict, by=by)
    except ChangedMeanwhile:
        if not _decided_before(annotation_id, verdict, by=by):
            raise


def _reopen_decided(annotation_id: UUID, verdict: Verdict, *, by: User) -> None:
    standing = Annotation.objects.get(pk=annotation_id)
    version = verdict.version
    if standing.review_status != ReviewStatus.PENDING:
        version = deciding.reopen(annotation_id, by=by, version=version).version
    again = Verdict(
        verdict.decision,
        version,
        verdict.label,
        verdict.box,
        verdict.reason,
        verdict.comment,
        verdict.duration_ms,
    )
    deciding.decide(annotation_id, again, by=by)


def _decided_before(annotation_id: UUID, verdict: Verdict, *, by: User) -> bool:
    """Whether this very decision arrived already, and only its answer was lost."""
    return AnnotationReview.objects.filter(
        annotation_id=annotation_id,
        reviewer=by,
        kind=ReviewKind.REVIEW,
        decision=verdict.decision,
        version=verdict.version,
    ).exists()


def _answer_check(ticket: Ticket, verdict: Verdict, *, by: User) -> None:
    """A check looks like any other item: also when it is refused, and when others were faster."""
    checks = ReviewExtra.objects.select_related("annotation__collection")
    extra = checks.filter(pk=ticket.extra).first() if ticket.extra else None
    if extra is None:
        return
    home = extra.annotation.collection
    if verdict.label is not None:
        labels.clean(verdict.label, home.labels if home else ())
    try:
        deciding.check_again(extra, verdict, by=by)
    except (ChangedMeanwhile, NotNow):
        return


def _verdict(said: Said) -> Verdict:
    decision, reason = said.get("decision"), said.get("reason") or ""
    if decision not in {Decision.APPROVED, Decision.REJECTED}:
        raise Unreadable("A reviewer approves or rejects.")
    if decision == Decision.REJECTED and reason not in RejectionReason.values:
        raise NotNow("A rejection has a reason.")
    version, label, box = said.get("version"), said.get("label"), said.get("box")
    duration, comment = said.get("duration_ms"), said.get("comment") or ""
    if type(version) is not int or not isinstance(comment, str):
        raise Unreadable("The desk sent something that cannot be read. Load the page again.")
    if label is not None and not isinstance(label, str):
        raise Unreadable("A label is text.")
    return Verdict(
        Decision(decision),
        version,
        label=label,
        box=None if box is None else _box(box),
        reason=reason,
        comment=comments.clean(comment),
        duration_ms=duration if type(duration) is int else None,
    )


def _box(said: object) -> Box:
    if not isinstance(said, list) or len(said) != 4:
        raise Unreadable("A box has four numbers: left, top, right, bottom.")
    return Box(*said)


@_answers
def undo(by: User, said: Said) -> dict[str, Any]:
    """Take back the last decision, and answer with its item; ``ticket`` is the page's last one."""
    filters = read_filters(said.get("filters"))
    if said.get("ticket"):
        ticket = Ticket.unseal(said["ticket"], by=by)
        checks = ReviewExtra.objects.select_related("annotation")
        extra = checks.filter(pk=ticket.extra).first() if ticket.extra else None
        if extra is not None:  # a check's answer stands; its item comes back like any other
            dealt = Dealt(extra.annotation, ticket.step, extra)
            return {"item": shown.item(dealt, by=by, stage=filters.stage)}
        if ticket.extra is not None:
            raise NothingToUndo("There is no decision of yours to take back.")
    annotation = deciding.undo(by=by)
    step = Step(claims.Place(annotation.review_rank, annotation.pk))
    return {"item": shown.item(Dealt(annotation, step), by=by)}


# --- Staying and leaving --------------------------------------------------------------------------


@_answers
def prolong(by: User, said: Said) -> dict[str, Any]:
    """The page is still open: keep what it holds from others."""
    return {"kept": [str(key) for key in _keys(said.get("holding")) if claims.prolong(key, by=by)]}


@_answers
def leave(by: User, said: Said) -> dict[str, Any]:
    """The page is closed: others may see what it held."""
    return {"released": _release(said.get("holding"), by=by)}


def _release(said: object, *, by: User) -> int:
    keys = _keys(said)
    for key in keys:
        claims.release(Annotation(pk=key), by=by)
    return len(keys)


def _keys(said: object) -> list[UUID]:
    given: Iterable[Any] = said if isinstance(said, list) else ()
    return [UUID(str(one)) for one in list(given)[:_MOST_HELD]]


# --- Labels ---------------------------------------------------------------------------------------


@require_safe
def label_choices(request: HttpRequest) -> JsonResponse:
    """The labels to choose from: those of the collection, and those the reviewer used last."""
    if not request.user.has_perm("annotations.review_annotation"):
        return _said(403, "Your role may not review annotations.")
    try:
        wanted = UUID(request.GET.get("collection", ""))
    except ValueError:
        wanted = None
    home = ImageCollection.objects.filter(pk=wanted).first() if wanted else None
    allowed = [str(one) for one in home.labels] if home else []
    lately = AnnotationReview.objects.filter(reviewer=person(request)).order_by(
        "-created_at", "-id"
    )
    recent = dict.fromkeys(lately.values_list("label", flat=True)[:_LOOKED_BACK])
    used = [one for one in recent if one and (not allowed or one in allowed)]
    response = JsonResponse({"labels": allowed, "recent": used[:_RECENT]})
    response["Cache-Control"] = "no-store"
    return response
