"""Evidence as a download: a bundle that anybody can check without this installation."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from django import forms
from django.db import transaction
from django.http import FileResponse, HttpResponse
from django.utils import timezone

from audit import evidence
from audit.evidence import Summary
from audit.recording import Subject, record

# More would keep a web process busy for long; an operator exports any number by command.
MOST: Final = 10_000
VERIFIER: Final = Path(__file__).resolve().parent.parent / "lacuna_verify.py"


class EvidenceForm(forms.Form):
    """What goes into the bundle."""

    personal = forms.BooleanField(
        label="With personal data",
        label_suffix="",
        required=False,
        initial=True,
        help_text="Addresses, browsers, names typed in. Without them the bundle still proves"
        " every entry.",
    )


def download(
    entries: Sequence[int], *, personal: bool, asked: dict[str, str], subject: Subject = None
) -> tuple[FileResponse, Summary]:
    """The bundle of these entries, written whole before the first byte is sent, and recorded.

    ``asked`` says in the log what was looked for. The summary counts the entries that are not in
    it because they are not sealed yet. EvidenceRefused when none is; then nothing is recorded.
    """
    with transaction.atomic():
        file, summary = _written(entries, personal)
        details: dict[str, Any] = {"entries": summary.entries, "personal": personal}
        if summary.waiting:
            details["not_sealed_yet"] = summary.waiting
        if len(entries) <= 100:
            details["numbers"] = list(entries)
        if asked:
            details["asked"] = asked
        record("evidence.exported", subject=subject, details=details)
    name = f"evidence-{timezone.now():%Y%m%d-%H%M%S}.jsonl"
    answer = FileResponse(
        file, as_attachment=True, filename=name, content_type="application/jsonl; charset=utf-8"
    )
    return answer, summary


def _written(entries: Sequence[int], personal: bool) -> tuple[IO[bytes], Summary]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    try:
        summary = evidence.write(file, entries=entries, personal=personal)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, summary


def verifier() -> HttpResponse:
    """The program that checks a bundle, as one small file."""
    return HttpResponse(
        VERIFIER.read_bytes(),
        content_type="text/x-python; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{VERIFIER.name}"'},
    )
