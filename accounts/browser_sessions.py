"""The session engine of browsers (SESSION_ENGINE): Django's table, with the hash of each key.

The cookie holds the key and the database never sees it. What happens to a key happens to the row of
``sessions`` that goes with it: a new key is written there, a flushed one ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import CreateError
from django.db import transaction
from django.utils import timezone

from accounts import living_sessions
from accounts.actions import sessions
from accounts.models import Session, SessionEnd
from accounts.tokens.opaque import browser_key_hash
from database.actor import acting_as_system

if TYPE_CHECKING:
    from django.contrib.sessions.base_session import AbstractBaseSession

# Of 165 random bits not even one is ever drawn twice.
_TRIES: Final = 3


class SessionStore(db.SessionStore):
    """As Django's, but a thief of the database has no key that a browser could send."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        """The row of the key; a key that the database does not know is given up."""
        found: AbstractBaseSession | None = None
        if self.session_key:
            hashed = browser_key_hash(self.session_key)
            rows = self.model.objects.filter(session_key=hashed, expire_date__gt=timezone.now())
            found = rows.first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """Whether the key is somebody's."""
        return bool(self.model.objects.filter(session_key=browser_key_hash(session_key)).exists())

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """The row as it is to be saved."""
        row = super().create_model_instance(data)
        row.session_key = browser_key_hash(row.session_key)
        return row

    def create(self) -> None:
        """Begin under a new key.

        CreateError when the table takes none: Django's own would try for ever, and hold its thread.
        """
        for attempt in range(1, _TRIES + 1):
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined] # private
            try:
                self.save(must_create=True)
            except CreateError:
                if attempt == _TRIES:
                    raise
            else:
                self.modified = True
                return

    def delete(self, session_key: str | None = None) -> None:
        """Forget what is kept under the key, by default one's own."""
        key = session_key or self.session_key
        if key:
            self.model.objects.filter(session_key=browser_key_hash(key)).delete()

    def cycle_key(self) -> None:
        """Go on under a new key; the person's session goes with it."""
        before, data = self.session_key, self._session  # type: ignore[attr-defined] # private
        with transaction.atomic():
            self.create()
            self._session_cache = data
            if before and self.session_key:
                with acting_as_system():  # who holds the key may move what it opens
                    Session.objects.filter(
                        living_sessions.live(), browser_key_hash=browser_key_hash(before)
                    ).update(browser_key_hash=browser_key_hash(self.session_key))
                self.delete(before)

    def flush(self) -> None:
        """Begin with nothing; if somebody is still logged in with the key, they are no more."""
        if self.session_key:
            sessions.end_browser(self.session_key, reason=SessionEnd.REPLACED)
        super().flush()

    # The site answers without an event loop; whoever has one gets the same, in a thread.

    async def _aget_session_from_db(self) -> AbstractBaseSession | None:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()
