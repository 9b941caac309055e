"""Forms with a file, as the API takes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ValidationError


def refuse_other_fields(
    data: QueryDict,
    sent: MultiValueDict[str, UploadedFile[bytes]],
    *,
    known: Collection[str],
    file: str,
) -> None:
    """Refuse fields that are unknown, given twice, hold NUL, or are a file where a text belongs.

    ``known`` are the names of all fields, ``file`` is that of the one file. ValidationError.
    """
    wrong: dict[str, list[str]] = {}
    for name, values in data.lists():
        if name not in known:
            takes = ", ".join(known)
            wrong[name[:100].replace("\x00", "")] = [f"There is no such field. It takes {takes}."]
        elif len(values) > 1:
            wrong[name] = ["The field is given more than once. Upload one file at a time."]
        elif name != file and name in sent:
            wrong[name] = ["This is a file, but must be a text."]
        elif any(_has_nul(value) for value in values):
            wrong[name] = ["The text holds NUL, which cannot be stored. Remove it."]
    if wrong:
        raise ValidationError(wrong)


def _has_nul(value: Any) -> bool:
    return isinstance(value, str) and "\x00" in value
