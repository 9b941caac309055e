"""A witness (C2SP tlog-witness): signs a checkpoint that continues what it has signed before."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Final

import httpx

from audit.proofs import notes
from audit.proofs.errors import NoteError
from audit.proofs.notes import VerifierKey
from audit.publishing.errors import PublishingFailed, ahead, forked
from audit.publishing.history import History

_TIMES: Final = httpx.Timeout(10, connect=5)
_LONGEST: Final = 30.0  # seconds for an answer that trickles in
_LARGEST: Final = 64 * 1024  # bytes of an answer
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n?\Z")
_SAYS: Final = {
    400: "finds the request wrong",
    401: "asks for a login: put it into the address, as in https://name:password@host/",
    403: "trusts none of the keys that sign the log; give its operator the new one"
    " (python manage.py audit_keys show)",
    404: "does not know the log {origin}, or has no add-checkpoint there; ask its operator to add"
    " the key (python manage.py audit_keys show)",
    429: "is asked too often; raise AUDIT_PUBLISH_SECONDS",
}


class Witness:
    """``POST <prefix>/add-checkpoint``; it cosigns only after a proof of consistency.

    ``keys`` are the witnesses that count (AUDIT_WITNESS_KEYS). Without any, whatever cosignature
    comes back is kept.
    """

    def __init__(
        self,
        prefix: str,
        origin: str,
        *,
        login: tuple[str, str] | None = None,
        keys: Sequence[VerifierKey] = (),
    ) -> None:
        self.name = prefix
        self._origin = origin
        self._login = login
        self._keys = list(keys)

    def publish(self, note: str, size: int, history: History) -> str:
        """See ``Target``; the note comes back with the witness's cosignatures."""
        old = min(history.accepted(self.name, self._origin), size)
        for _ in range(3):  # it may have taken something that we were killed before noting
            status, answer = self._post(note, old, history.prove(old, size))
            if status != 409:
                break
            theirs = self._size_of(answer, conflict=old == size)
            if theirs is not None and theirs > size:
                raise ahead(self.name, theirs, size)
            if theirs is None or theirs == old == size:
                raise forked(self.name, size)
            old = theirs
        if status == 200:
            return self._cosigned(note, answer)
        if status == 422:  # our proof holds for our own history, so theirs is another
            raise forked(self.name, size)
        raise PublishingFailed(self._sentence(status))

    def seen(self, above: int = -1) -> int | None:
        """See ``Target``: a witness is not asked, it tells when it is given a checkpoint."""
        return None

    def _post(self, note: str, old: int, proof: list[bytes]) -> tuple[int, bytes]:
        lines = [f"old {old}", *map(notes.encode, proof), "", note]
        until = time.monotonic() + _LONGEST
        try:
            with (
                httpx.Client(timeout=_TIMES, follow_redirects=False, auth=self._login) as client,
                client.stream(
                    "POST",
                    f"{self.name}/add-checkpoint",
                    content="\n".join(lines).encode(),
                    headers={"Content-Type": "text/plain; charset=utf-8"},
                ) as response,
            ):
                answer = b""
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > _LARGEST or time.monotonic() > until:
                        raise PublishingFailed(
                            f"The witness {self.name} answers too long: {len(answer)} bytes so far."
                        )
                return response.status_code, answer
        except httpx.TimeoutException:
            raise PublishingFailed(f"The witness {self.name} did not answer in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PublishingFailed(
                f"The witness {self.name} cannot be reached: {error or type(error).__name__}"
            ) from None

    def _size_of(self, answer: bytes, *, conflict: bool) -> int | None:
        """The size that the witness has; it need not say one when only the roots differ."""
        match = _SIZE.match(answer)
        if match:
            return int(match[1])
        if conflict:
            return None
        raise PublishingFailed(
            f"The witness {self.name} has another size than was said, but does not say which."
        )

    def _cosigned(self, note: str, answer: bytes) -> str:
        """The note with the lines of those who count."""
        try:
            text, _ = notes.split(note)
            given = notes.split(f"{text}\n{answer.decode()}")[1]
            known = {(key.name, key.key_id) for key in self._keys}
            lines = [
                f"\u2014 {name} {notes.encode(key_id + signature)}\n"
                for name, key_id, signature in given
                if not known or (name, key_id) in known
            ]
            if self._keys:
                notes.open_note(f"{text}\n{''.join(lines)}", self._keys)
            return notes.add_signatures(note, "".join(lines))
        except (NoteError, UnicodeDecodeError) as error:
            raise PublishingFailed(
                f"The witness {self.name} answered without a cosignature that holds: {error}"
                " Compare its key with AUDIT_WITNESS_KEYS."
            ) from None

    def _sentence(self, status: int) -> str:
        if 300 <= status < 400:
            said = "sends elsewhere, which is not followed; write its real address"
        elif status == 409:
            said = "changes its mind about the size it has; perhaps two logs use one name"
        elif status >= 500:
            said = "has a fault"
        else:
            said = _SAYS.get(status, "answers what it should not")
        return f"The witness {self.name} {said.format(origin=self._origin)} (HTTP {status})."
