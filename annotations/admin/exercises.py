"""Exercises: what is it, where is it, is it this; and how somebody does at each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.admin.posting import person
from accounts.models import User
from annotations.actions import exercise_material as material
from annotations.actions import exercises
from annotations.actions.exercises import Result
from annotations.admin import shown
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.knowledge.exercises import Accuracy, accuracy
from annotations.models import Difficulty, Exercise, ExerciseType
from config.admin.formats import NOTHING, badge, number, percent
from config.admin.registry import Page
from imaging.admin.pictures import file_url
from imaging.models import Image

_PURPOSES: Final = {
    ExerciseType.IDENTIFY: "One of up to four labels is right.",
    ExerciseType.FIND: "Click on it, or draw a box around it.",
    ExerciseType.VERIFY: "Some are wrong on purpose.",
}
_HARDNESS: Final = {
    Difficulty.EASY: "providers were sure, and nobody disputed it",
    Difficulty.MEDIUM: "between the two",
    Difficulty.HARD: "providers were unsure, or reviewers disagreed",
}
_YES_OR_NO: Final = {"yes": True, "no": False}
_DIGITS: Final = 6


def _require(request: HttpRequest) -> User:
    if not request.user.has_perm("annotations.review_annotation"):
        raise PermissionDenied("Exercises are for those who review annotations.")
    return person(request)


def _page(
    request: HttpRequest, template: str, title: str, purpose: str, context: dict[str, Any]
) -> HttpResponse:
    request.current_app = admin.site.name
    common = {
        **admin.site.each_context(request),
        "title": title,
        "purpose": purpose,
        "sections": sections(request),
    }
    return TemplateResponse(request, f"annotations/{template}.html", {**common, **context})


# --- Choosing -------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def choose(request: HttpRequest) -> HttpResponse:
    """Which exercise, and how the person has done so far; a POST starts one."""
    by = _require(request)
    if request.method == "POST":
        return _start(request, by)
    counts = material.counts()
    context = {
        "has_enough": sum(counts.values()) >= exercises.FEWEST,
        "fewest": exercises.FEWEST,
        "approved": sum(counts.values()),
        "kinds": [
            {"value": kind.value, "label": kind.label, "purpose": _PURPOSES[kind]}
            for kind in ExerciseType
        ],
        "difficulties": [
            {
                "value": one.value,
                "label": one.label.capitalize(),
                "purpose": _HARDNESS[one],
                "count": counts[one.value],
            }
            for one in Difficulty
        ],
        "usual": _usual(counts),
        "topics": material.topics(),
        "known": [_known(one) for one in accuracy(by.pk)],
        "desk_url": reverse("admin:annotations_desk"),
    }
    purpose = "Questions about pictures that were decided before; nothing you answer changes them."
    return _page(request, "exercises", "Exercises", purpose, context)


def _start(request: HttpRequest, by: User) -> HttpResponse:
    said = request.POST
    try:
        started = exercises.start(
            said.get("type", ""), said.get("difficulty", ""), said.get("topic", "")[:200], by=by
        )
    except AnnotationError as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(reverse("admin:annotations_exercises"))
    return HttpResponseRedirect(reverse("admin:annotations_exercises_play", args=[started.pk]))


def _usual(counts: Mapping[str, int]) -> str:
    """The easiest that there are enough of."""
    enough = [one.value for one in Difficulty if counts[one.value] >= exercises.FEWEST]
    return enough[0] if enough else Difficulty.EASY.value


def _known(one: Accuracy) -> dict[str, Any]:
    between = one.share.interval
    return {
        "type": ExerciseType(one.exercise_type).label,
        "topic": material.title_of(one.topic),
        "difficulty": one.difficulty,
        "answers": number(one.share.total),
        "right": _percent(one.share.value),
        "interval": f"{_percent(between.low)} to {_percent(between.high)}",
        "seconds": NOTHING if one.seconds is None else f"{one.seconds:.1f} s",
    }


def _percent(value: float | None) -> str:
    return percent(value, digits=0)


# --- Playing --------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def play(request: HttpRequest, exercise_id: UUID) -> HttpResponse:
    """A question, what was answered to it, or how it went."""
    by = _require(request)
    try:
        exercise = exercises.of(exercise_id, by=by)
    except Exercise.DoesNotExist:
        raise Http404("There is no such exercise.") from None
    if request.method == "POST":
        return _answer(request, exercise, by)
    answered = exercises.results(exercise)
    asked = exercises.questions(exercise)
    wanted = request.GET.get("question", "")
    at = int(wanted) if wanted.isdecimal() and len(wanted) < _DIGITS else 0
    if not 1 <= at <= len(asked):
        at = next((one for one in range(1, len(asked) + 1) if one not in answered), 0)
    if not at:
        return _summary(request, exercise)
    return _question(request, exercise, at, asked[at - 1], answered.get(at))


def _address(exercise: Exercise, at: int | None = None) -> str:
    address = reverse("admin:annotations_exercises_play", args=[exercise.pk])
    return address if at is None else f"{address}?question={at}"


def _answer(request: HttpRequest, exercise: Exercise, by: User) -> HttpResponse:
    said = request.POST
    at = said.get("number", "")
    took = said.get("ms", "")
    try:
        result = exercises.answer(
            exercise.pk,
            int(at) if at.isdecimal() and len(at) < _DIGITS else 0,
            _read(exercise.exercise_type, said),
            by=by,
            duration_ms=int(took) if took.isdecimal() and len(took) <= _DIGITS else None,
        )
    except AnnotationError as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(_address(exercise))
    return HttpResponseRedirect(_address(exercise, result.number))


def _read(kind: str, said: Mapping[str, str]) -> Any:
    """The answer as a form says it; what cannot be read is refused by the action."""
    if kind == ExerciseType.VERIFY:
        return _YES_OR_NO.get(said.get("said", ""))
    if kind == ExerciseType.IDENTIFY:
        chosen = said.get("said", "")
        return int(chosen) if chosen.isdecimal() and len(chosen) < _DIGITS else None
    for names in (("x", "y"), ("left", "top", "right", "bottom")):
        if all(said.get(name) for name in names):
            try:
                return [round(float(said[name]) / 100, _DIGITS) for name in names]
            except ValueError:
                return None
    return None


def _question(
    request: HttpRequest,
    exercise: Exercise,
    at: int,
    asked: Mapping[str, Any],
    result: Result | None,
) -> HttpResponse:
    kind = ExerciseType(exercise.exercise_type)
    total = len(exercises.questions(exercise))
    # The name of a file may tell the answer.
    image = Image.objects.filter(pk=asked["image"]).first()
    context = {
        "exercise": exercise,
        "kind": kind.value,
        "at": at,
        "total": total,
        "heading": _heading(kind, asked),
        "picture_url": file_url(image, "preview") if image else "",
        "boxes": _boxes(kind, asked, result),
        "choices": list(enumerate(asked.get("choices", ()), start=1)),
        "result": result,
        "outcome": _outcome(kind, asked, result) if result else "",
        "annotation_url": shown.annotation_url(asked["annotation"]),
        "next_url": _address(exercise, at + 1) if at < total else _address(exercise),
        "is_last": at == total,
    }
    title = f"{material.title_of(exercise.topic)}, {exercise.difficulty_level}"
    purpose = f"Question {at} of {total}. {title}."
    return _page(request, "exercise", kind.label, purpose, context)


def _heading(kind: ExerciseType, asked: Mapping[str, Any]) -> str:
    match kind:
        case ExerciseType.FIND:
            return f"Where is the {asked['label']}?"
        case ExerciseType.VERIFY:
            return f"Is it “{asked['label']}”?"
        case _:
            return "What is it?"


def _outcome(kind: ExerciseType, asked: Mapping[str, Any], result: Result) -> str:
    return f"{'Right' if result.is_right else 'Not right'}: {_told(kind, asked, result)}."


def _told(kind: ExerciseType, asked: Mapping[str, Any], result: Result) -> str:
    """What it is, or where."""
    match kind:
        case ExerciseType.FIND:
            return "there it is" if result.is_right else "it is where the box is drawn"
        case ExerciseType.VERIFY:
            return f"it is “{asked['is']}”"
        case _:
            return f"it is “{asked['choices'][asked['right']]}”"


def _boxes(kind: ExerciseType, asked: Mapping[str, Any], result: Result | None) -> Any:
    """What is drawn: the box that is asked about, or, once it is answered, the right ones."""
    if kind != ExerciseType.FIND:
        return shown.boxes_drawn(shown.box_of(asked["box"]), label="what is asked about")
    if result is None:
        return shown.boxes_drawn(None, label="nothing yet")
    found = [box for box in map(shown.box_of, asked["right"]) if box is not None]
    first = found[0] if found else None
    return shown.boxes_drawn(first, found[1:], label=f"the {asked['label']}")


def _summary(request: HttpRequest, exercise: Exercise) -> HttpResponse:
    told = exercises.summary(exercise)
    kind = ExerciseType(exercise.exercise_type)
    share = told.right / told.total if told.total else None
    context = {
        "exercise": exercise,
        "right": told.right,
        "total": told.total,
        "percent": _percent(share),
        "seconds": NOTHING if told.median_seconds is None else f"{told.median_seconds:.1f} s",
        "results": [
            {
                "number": one.number,
                "heading": _heading(kind, one.question),
                "outcome": _told(kind, one.question, one),
                "badge": badge("Right", "good") if one.is_right else badge("Not right", "bad"),
                "url": _address(exercise, one.number),
            }
            for one in told.results
        ],
        "choose_url": reverse("admin:annotations_exercises"),
    }
    purpose = f"{kind.label} {material.title_of(exercise.topic)}, {exercise.difficulty_level}."
    return _page(request, "exercise_summary", "How it went", purpose, context)


PAGES: Final = (
    Page("annotations/exercises/", choose, "annotations_exercises"),
    Page("annotations/exercises/<uuid:exercise_id>/", play, "annotations_exercises_play"),
)
