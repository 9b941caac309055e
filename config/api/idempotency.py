"""Requests that may come again: the same ``Idempotency-Key`` has one effect and gives one answer.

The store keeps a row for each person and key. The row is made before anything else and locked while
the request runs, in the transaction that also holds its effect and its answer, so that

- a second request finds the row locked and is told to wait (409, ``Retry-After``);
- after a success it is given the first answer again (``Idempotency-Replayed: true``), and with
  another body it is refused (422);
- after a failure or a crash the lock is gone and nothing is kept: the request is run anew.

An action whose answer holds a secret is named in the view's ``secret_answers``: that it succeeded
is kept, its answer is not. One that must not run inside a transaction is in ``never_repeated``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from config.api.errors import KeyReused, ShownOnce, StillRunning, wrong_parameter

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_WAIT: Final = 1  # seconds
# Headers that belong to the answer itself, not to one sending of it.
_KEPT_HEADERS: Final = ("Location", "ETag")


@dataclass(frozen=True)
class Answer:
    """An answer as it is kept; ``secret`` when its body is not."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    secret: bool = False


class Attempt(Protocol):
    """The run of a request under its key, within the store's transaction."""

    earlier: Answer | None  # what the first request was answered, when it succeeded
    same_request: bool  # whether that was this request

    def keep(self, answer: Answer) -> None:
        """Keep the answer; in force with the transaction."""


class IdempotencyStore(Protocol):
    """Where keys are kept; ``API_IDEMPOTENCY_STORE`` names one.

    ``attempt()`` makes the key's row if there is none, opens a transaction, and locks the row for
    its length; without waiting, it raises ``StillRunning`` when somebody else holds it.
    """

    def attempt(
        self, *, user_id: UUID, key: str, method: str, path: str, request_hash: str
    ) -> AbstractContextManager[Attempt]:
        """The run of a request; a row older than a day counts as none."""


def run(
    request: Request, handler: Callable[[], Response], *, secret: bool, user_id: UUID
) -> Response:
    """What the handler answers, once for each key; without a key, what it answers.

    Raises ``StillRunning``, ``KeyReused``, ``ShownOnce``, and ``ValidationError`` for a key that is
    none. What the handler raises is raised again after the transaction has ended as the handler
    left it: what a refusal kept on purpose (a counted failure, say) is kept with a key, too.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return handler()
    if not _KEY.match(key):
        raise wrong_parameter(HEADER, "It must have 1 to 255 visible ASCII characters, no spaces.")
    outcome: Response | Exception
    with _store().attempt(
        user_id=user_id,
        key=key,
        method=request.method or "",
        path=request.path[:1000],
        request_hash=fingerprint(request),
    ) as attempt:
        if attempt.earlier is not None:
            return _again(attempt.earlier, same=attempt.same_request)
        try:
            outcome = handler()
        except Exception as error:  # raised again below, when what it left is committed
            outcome = error
        else:
            if outcome.status_code < 400:
                attempt.keep(_kept(outcome, secret=secret))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def fingerprint(request: Request) -> str:
    """SHA-256, in hexadecimal, of what was asked: method, address, fields and files."""
    digest = hashlib.sha256()
    for part in _parts(request):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _parts(request: Request) -> Iterator[bytes]:
    yield (request.method or "").encode()
    yield request.get_full_path().encode()
    files = request.FILES
    fields: Any = request.data
    if not files:
        yield json.dumps(_plain(fields), sort_keys=True, separators=(",", ":")).encode()
        return
    for name in sorted(fields):
        for value in fields.getlist(name):
            if not isinstance(value, UploadedFile):
                yield name.encode()
                yield str(value).encode()
    for name in sorted(files):
        for file in files.getlist(name):
            yield name.encode()
            yield str(file.name).encode()
            yield _digest(file)


def _plain(fields: Any) -> Any:
    return dict(fields.lists()) if hasattr(fields, "lists") else fields


def _digest(file: UploadedFile[bytes]) -> bytes:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.digest()


def _kept(response: Response, *, secret: bool) -> Answer:
    if secret:
        return Answer(response.status_code, secret=True)
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    # As it will be rendered, so that what is kept is what was sent.
    body = json.loads(json.dumps(response.data, cls=JSONEncoder))
    return Answer(response.status_code, body, headers)


def _again(earlier: Answer, *, same: bool) -> Response:
    if not same:
        raise KeyReused
    if earlier.secret:
        raise ShownOnce
    return Response(
        earlier.body, status=earlier.status, headers={**earlier.headers, REPLAYED: "true"}
    )


def running() -> StillRunning:
    """What a store raises for a key whose first request has not ended."""
    return StillRunning(wait=_WAIT)


def _store() -> IdempotencyStore:
    return cast("IdempotencyStore", import_string(settings.API_IDEMPOTENCY_STORE)())
