"""Pages that ask before something is done: what it means, what has to be said, and two ways out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.admin.sections import Crumb, page
from accounts.pages.focus import focus


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    ``sentences``  what will happen, and what it means for whom
    ``listed``     what it happens to, where that is more than one thing
    ``back``       where "leave" leads
    ``template``   one that extends ``accounts/admin/ask.html``, where there is more to show
    """

    title: str
    button: str
    back: str
    kicker: str = ""
    sentences: Sequence[str] = ()
    listed: Sequence[str] = ()
    form: forms.BaseForm | None = None
    crumbs: Sequence[Crumb] = ()
    is_danger: bool = False
    leave: str = "Leave as is"
    purpose: str = ""
    template: str = "accounts/admin/ask.html"
    more: dict[str, object] = field(default_factory=dict)


def ask(request: HttpRequest, question: Question, *, status: int = 200) -> TemplateResponse:
    """Show the question; its form, if there is one, with what was wrong with it."""
    focus(question.form)
    context = {
        "title": question.title,
        "kicker": question.kicker,
        "purpose": question.purpose,
        "crumbs": question.crumbs,
        "question": question,
        "form": question.form,
        **question.more,
    }
    return page(request, question.template, context, status=status)
