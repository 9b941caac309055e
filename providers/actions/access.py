"""With which key a provider is asked, and for how long the key is in the clear: one call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.utils import timezone

from database.actor import acting_as_system
from database.encryption.errors import EncryptionError, Undecryptable
from database.encryption.secret import Secret
from providers.errors import NoSuchProvider, Reason
from providers.interface import Access, KeyRefused
from providers.models import KeyStatus, Provider, UserProvider

T = TypeVar("T")

ENTER_AGAIN: Final = (
    "The stored key cannot be decrypted: its master key is gone, or the row was changed. Enter it"
    " again."
)
_MINUTE: Final = timedelta(minutes=1)


class NoKey(Exception):
    """There is no key that could be tried; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.sentence)
        self.reason = reason


class Key:
    """Whose key is used: a person's own, the team's, or none where none is needed.

    ``key.used(call)`` decrypts it for the call alone. Nothing here shows or keeps it.
    """

    __slots__ = ("_secret", "own", "provider")

    def __init__(
        self, provider: Provider, secret: Secret[str] | None, own: UserProvider | None
    ) -> None:
        self.provider = provider
        self.own = own
        self._secret = secret

    def __repr__(self) -> str:
        return f"<Key at {self.provider.name}>"

    def used(self, call: Callable[[Access], T], *, timeout: float | None = None) -> T:
        """What the call gives; NoKey if the key cannot be decrypted."""
        try:
            access = Access(
                key=self._secret.reveal() if self._secret is not None else "",
                base_url=self.provider.base_url,
                timeout=timeout or float(self.provider.timeout_seconds),
            )
        except Undecryptable:
            self.note_unreadable()
            raise NoKey(self.unreadable()) from None
        except EncryptionError as error:  # a key provider that does not answer, a missing keyring
            sentence = f"The key at {self.provider} cannot be decrypted now: {error}"
            raise NoKey(Reason(self.provider.name, "no_key", sentence, wait=60.0)) from None
        return call(access)

    def unreadable(self) -> Reason:
        """Why a key that cannot be decrypted is of no use."""
        whose = "Your key" if self.own else "The team's key"
        return Reason(
            self.provider.name,
            "no_key",
            f"{whose} at {self.provider} cannot be decrypted and has to be entered again.",
        )

    # What is learnt of a key is noted by the system: the row may be the team's.

    def note_unreadable(self) -> None:
        """The key has to be entered again."""
        self._note(KeyStatus.UNREADABLE, ENTER_AGAIN)

    def note_refused(self, error: KeyRefused) -> None:
        """Nobody asks with it again before it was tested."""
        self._note(KeyStatus.REFUSED, str(error))

    def note_works(self, *, always: bool = False) -> None:
        """It was taken; of a person's own that is written at most once a minute."""
        if self.own is None:
            if always or self.provider.key_error:
                self._note(KeyStatus.WORKS, "")
            return
        last = self.own.last_used_at
        is_news = last is None or timezone.now() - last > _MINUTE
        if always or is_news or self.own.status != KeyStatus.WORKS:
            self._note(KeyStatus.WORKS, "")

    def _note(self, status: KeyStatus, error: str) -> None:
        now = timezone.now()
        # Only what was tried is judged: a key that was entered meanwhile is another one.
        with acting_as_system():
            if self.own is not None:
                noted = {"last_used_at": now} if status == KeyStatus.WORKS else {}
                UserProvider.objects.filter(
                    pk=self.own.pk, key_hint=self.own.key_hint, updated_at=self.own.updated_at
                ).update(status=status, error_message=error, tested_at=now, **noted)
            elif self._secret is not None:
                Provider.objects.filter(
                    pk=self.provider.pk, key_hint=self.provider.key_hint
                ).update(key_error=error, key_tested_at=now)


def find_provider(name: str) -> Provider:
    """The provider of this name; NoSuchProvider with those there are."""
    known = {provider.name: provider for provider in Provider.objects.all()}
    if name not in known:
        raise NoSuchProvider(
            f"There is no provider {name!r:.60}. There are: {', '.join(sorted(known))}."
        )
    return known[name]


def key_for(user_id: UUID, provider: Provider) -> Key:
    """The key that the person's calls use: their own while it is on, else the team's; or NoKey."""
    if not provider.needs_key:
        return Key(provider, None, None)
    own = UserProvider.objects.filter(user_id=user_id, provider=provider, is_active=True).first()
    if own is not None and own.api_key is not None:
        return _own_key(provider, own)
    return team_key(provider)


def _own_key(provider: Provider, own: UserProvider) -> Key:
    key = Key(provider, own.api_key, own)
    if own.status == KeyStatus.UNREADABLE:
        raise NoKey(key.unreadable())
    if own.status == KeyStatus.REFUSED:
        raise NoKey(
            Reason(
                provider.name,
                "key_refused",
                f"{provider} refused your own key. Enter another one, or switch it off to use the"
                " team's.",
            )
        )
    return key


def team_key(provider: Provider, *, even_refused: bool = False) -> Key:
    """The team's key, or NoKey; ``even_refused`` to try again what was refused."""
    if not provider.needs_key:
        return Key(provider, None, None)
    if provider.api_key is None:
        raise NoKey(
            Reason(
                provider.name,
                "no_key",
                f"There is no key for {provider}: enter your own, or ask an admin for the team's.",
            )
        )
    key = Key(provider, provider.api_key, None)
    if provider.key_error and not even_refused:
        raise NoKey(
            Reason(
                provider.name,
                "key_refused",
                f"The team's key at {provider} does not work; an admin has to enter another one.",
                wait=300.0,  # it is tested anew every five minutes
            )
        )
    return key
