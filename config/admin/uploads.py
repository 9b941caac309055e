"""Forms with files on their way in."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError


def unreadable(request: HttpRequest) -> str:
    """Read the request's body; what is wrong with it as a whole, or nothing."""
    try:
        request.POST  # noqa: B018 - reading is the point
    except TooManyFilesSent:
        most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        return (
            f"More than {most} files were sent together, and none of them was kept. Upload them"
            " in several lots."
        )
    except (MultiPartParserError, UnreadablePostError):
        return "The upload broke off on the way. Nothing of it was kept; send it again."
    return ""
