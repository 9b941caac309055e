"""Forms with files on their way in."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils.datastructures import MultiValueDict

R = TypeVar("R")

# Bytes of a request that are the form's, and not the file's: its other fields, at most.
_FORM: Final = 1 << 20
# So much is read behind a file that is dropped, or as much as one file may have: browsers show no
# answer while they send. Where more would come the connection is given up.
_PATIENCE: Final = 64 << 20
_UNREAD: Final = " What was sent behind it was not read: send it again."


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


class SizeLimit(FileUploadHandler, Generic[R]):
    """Keeps nothing of a file that is larger than allowed, and does not read on for ever.

    The limit is looked up when the first file comes: requests without one do not ask for it.
    ``alone``: a request holds one file; one that says that it is larger is not read at all.
    ``refused`` has a refusal for each file that was dropped, as ``refusal`` makes it.
    """

    def __init__(self, *, alone: bool = False) -> None:
        super().__init__()
        self.refused: list[R] = []
        self._alone = alone
        self._limit: int | None = None
        self._received = 0
        self._behind = 0  # bytes of the request that are still to come, at most

    @abstractmethod
    def largest(self) -> int:
        """How many bytes a file may have."""

    @abstractmethod
    def refusal(self, name: str | None, limit: int, more: str) -> R:
        """The refusal of a file beyond the limit; without a name it is the request's only one.

        ``more``: what else there is to say, from a blank on; often nothing.
        """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's name, by which it is given
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, UploadedFile[bytes]]] | None:
        """Refuse by the length that the request says it has; what it answers is then all of it."""
        self._behind = content_length
        if not self._alone or content_length <= _FORM:
            return None
        limit = self.largest()
        if content_length <= limit + _FORM:
            return None
        self.refused.append(self.refusal(None, limit, ""))
        return QueryDict(), MultiValueDict()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start counting."""
        super().new_file(*args, **kwargs)
        if self._limit is None:
            self._limit = self.largest()
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count, and pass on to the handler that keeps the file."""
        self._received += len(raw_data)
        if self._limit is not None and self._received > self._limit:
            self._behind -= self._received
            unread = self._behind > max(self._limit, _PATIENCE)
            more = _UNREAD if unread else ""
            self.refused.append(self.refusal(self.file_name or "", self._limit, more))
            if unread:
                raise StopUpload(connection_reset=True)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """The next handler has the file."""
        self._behind -= self._received
        return None
