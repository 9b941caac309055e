"""The pages that ask first: handing out evidence, erasing personal data."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import reverse

from audit.admin import chain, erasing, handing_out, shown
from audit.admin.selection import Selection, selected
from audit.errors import EvidenceRefused
from config.admin.formats import number

_TOO_MANY = (
    "More than {most} entries match. Narrow them down, by time for instance, and go range by range;"
    " {otherwise}"
)

# Shown on the page that is opened next: a download is no page.
_LEFT_OUT = (
    "The last bundle lacks {count} of the entries asked for: they are not sealed yet. They can be"
    " had within seconds while the sealer runs."
)


def verifier(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The program that checks bundles."""
    return handing_out.verifier()


def evidence_page(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """Say what a bundle is and how it is checked; then hand it out."""
    chosen = _selected(request, model_admin, handing_out.MOST)
    if not isinstance(chosen, Selection):
        return chosen
    form = handing_out.EvidenceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and chosen.numbers and form.is_valid():
        try:
            answer, summary = handing_out.download(
                chosen.numbers,
                personal=form.cleaned_data["personal"],
                asked=chosen.asked,
                subject=chosen.subject,
            )
            if summary.waiting:
                messages.warning(request, _LEFT_OUT.format(count=number(summary.waiting)))
            return answer
        except EvidenceRefused as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(request.get_full_path())
    keys, why_no_keys = chain.public_keys()
    otherwise = "an operator exports any number with a command."
    return _ask(
        request,
        model_admin,
        chosen,
        "audit/evidence.html",
        form=form,
        title=f"Evidence of {_counted(chosen)}" if chosen.numbers else "Evidence",
        keys=keys,
        why_no_keys=why_no_keys,
        too_many=_TOO_MANY.format(most=number(handing_out.MOST), otherwise=otherwise),
    )


def erase_page(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """Ask why, then erase for good."""
    if not request.user.has_perm(shown.ERASE):
        raise PermissionDenied("Only an admin may erase personal data from the audit log.")
    chosen = _selected(request, model_admin, erasing.MOST)
    if not isinstance(chosen, Selection):
        return chosen
    form = erasing.EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and chosen.keys and form.is_valid():
        count = erasing.erase(chosen.keys, form.cleaned_data["reason"])
        said = f"The personal data of {number(count)} {_noun(count)} is erased."
        messages.success(request, said if count else "There was no personal data to erase.")
        return HttpResponseRedirect(_back(chosen))
    return _ask(
        request,
        model_admin,
        chosen,
        "audit/erase.html",
        form=form,
        title="Erase personal data",
        held=erasing.with_personal_data(chosen.keys),
        too_many=_TOO_MANY.format(most=number(erasing.MOST), otherwise="nothing was erased."),
    )


def _selected(
    request: HttpRequest, model_admin: Any, most: int
) -> Selection | HttpResponseRedirect:
    try:
        return selected(request, model_admin, most)
    except IncorrectLookupParameters:
        messages.warning(request, "The filter in the address is not valid. Choose anew.")
        return HttpResponseRedirect(reverse("admin:audit_entry_changelist"))


def _ask(
    request: HttpRequest, model_admin: Any, chosen: Selection, template: str, **context: Any
) -> HttpResponse:
    common = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "chosen": chosen,
        "count": number(len(chosen.numbers)),
        "entries": _counted(chosen),
        "back": _back(chosen),
    }
    return TemplateResponse(request, template, {**common, **context})


def _back(chosen: Selection) -> str:
    if chosen.named and len(chosen.keys) == 1:
        return reverse("admin:audit_entry_change", args=[chosen.keys[0]])
    return shown.list_url(**chosen.asked)


def _counted(chosen: Selection) -> str:
    count = len(chosen.numbers)
    return f"{number(count)} {_noun(count)}"


def _noun(count: int) -> str:
    return "entry" if count == 1 else "entries"
