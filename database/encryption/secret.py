"""What stands in Python for an encrypted value: shows nothing until it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Generic, TypeVar, final

from database.encryption import codecs, envelope
from database.encryption.errors import CannotSeal
from database.encryption.place import Place

T_co = TypeVar("T_co", covariant=True)

SHOWN: Final = "(secret)"


class Origin(Enum):
    """Where a secret comes from, which decides what saving it means."""

    GIVEN = "given"  # by Python: written at each save
    LOADED = "loaded"  # from its row: stays there as it is
    DUMPED = "dumped"  # from a fixture: written as it is


@final
class Secret(Generic[T_co]):
    """An encrypted value, decrypted anew at each ``reveal()``; never changed itself.

    ``str()``, ``repr()`` and formats show "(secret)". Compared, it equals only itself. Pickled and
    copied it takes its ciphertext along; one that was never saved refuses to be pickled.
    """

    __slots__ = ("_envelope", "_origin", "_place", "_plain", "codec")

    def __init__(
        self,
        codec: str,
        origin: Origin,
        *,
        plain: bytes | None = None,
        sealed: bytes | None = None,
        place: Place | None = None,
    ) -> None:
        self.codec = codec
        self._origin = origin
        self._plain = plain
        self._envelope = sealed
        self._place = place

    def reveal(self) -> T_co:
        """The value; Undecryptable when what is stored was changed, moved, or lost its key."""
        value: T_co = self._opened(codecs.DECODE[self.codec])
        return value

    # Templates call what they find; this they leave alone.
    reveal.alters_data = True  # type: ignore[attr-defined] # Django reads it

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self._origin

    @property
    def place(self) -> Place | None:
        """The row it is bound to, once that is known."""
        return self._place

    @property
    def stored(self) -> bytes | None:
        """The envelope, unless it was never sealed."""
        return self._envelope

    def bound(self, place: Place) -> Secret[T_co]:
        """The same secret, belonging to this place."""
        return Secret(
            self.codec, self._origin, plain=self._plain, sealed=self._envelope, place=place
        )

    def given(self) -> Secret[T_co]:
        """The same secret, to be written where it is assigned, whatever it comes from."""
        return Secret(
            self.codec, Origin.GIVEN, plain=self._plain, sealed=self._envelope, place=self._place
        )

    def sealed_for(self, place: Place) -> bytes:
        """A new envelope for this place, under a new data key and the newest master key."""
        sealed: bytes = self._opened(lambda value: envelope.seal(value, place))
        return sealed

    def _opened(self, use: Callable[[bytes | bytearray], Any]) -> Any:
        if self._plain is not None:
            return use(self._plain)
        if self._envelope is None:
            raise CannotSeal(
                "This is no envelope. A fixture holds encrypted values as dumpdata wrote them,"
                " never plain ones."
            )
        if self._place is None:
            raise CannotSeal(
                "This secret does not know its row: it comes from values() or an annotation. Load"
                " the object and reveal its attribute."
            )
        value = envelope.unseal(self._envelope, self._place)
        try:
            return use(value)
        finally:
            envelope.clear(value)

    def __str__(self) -> str:
        return SHOWN

    def __repr__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __copy__(self) -> Secret[T_co]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret[T_co]:
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self._plain is not None:
            raise TypeError(
                "A secret that was never saved cannot be pickled: it would stand there in the"
                " clear. Save its object first."
            )
        return _restored, (self.codec, self._origin, self._envelope, self._place)


def _restored(codec: str, origin: Origin, sealed: bytes | None, place: Place | None) -> Secret[Any]:
    return Secret(codec, origin, sealed=sealed, place=place)
