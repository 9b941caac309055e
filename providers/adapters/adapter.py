"""What all adapters have in common: one call, and its answer made of what came back."""

from __future__ import annotations

import copy
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from providers import boxes, prompts
from providers.adapters import reading
from providers.addresses import PUBLIC, AddressRefused, Reach, normal
from providers.interface import (
    Access,
    Answer,
    AnswerUnreadable,
    KeyRefused,
    Picture,
    Prompt,
    ProviderError,
    RequestRefused,
    Schema,
    Usage,
)

if TYPE_CHECKING:
    import httpx2

# Tokens that one answer may take, thinking included: 500 boxes take about as many.
MOST_TOKENS: Final = 16_000

_MEDIA_TYPES: Final = {"image/jpeg", "image/png", "image/webp"}
_KEY: Final = re.compile(r"[\x21-\x7e]{1,4096}\Z")
_MODEL: Final = re.compile(r"[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._:@/-]{0,199}\Z")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
# On their lowest level the libraries log whole requests, picture and all.
_TALKATIVE: Final = ("anthropic", "google_genai", "httpcore2", "httpx2", "openai")


@dataclass(frozen=True, slots=True)
class Received:
    """A success as it came over the wire: the JSON text, and headers by small names."""

    body: str | bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that a library is to use, and where it leads."""

    http: httpx2.Client
    base_url: str
    access: Access


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; see ``Provider.annotate``."""

    model: str
    picture: Picture
    prompt: Prompt
    schema: Schema


class Adapter(ABC):
    """A provider beyond this machine.

    ``reach``  what a base URL may lead to besides the public network
    """

    name: str
    title: str
    default_model: str
    home: str  # the base URL where none is given

    def __init__(self, *, reach: Reach = PUBLIC) -> None:
        self._reach = reach

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        """See ``Provider``."""
        self._refuse_unsendable(model, picture)
        question = Question(model, picture, prompt, schema)
        received = self._call(access, lambda line: self._ask(line, question))
        envelope, usage = self._envelope(received), Usage()
        try:
            usage = self._usage(envelope)
            found = self._found(reading.parsed(self._said(envelope, usage)))
            raw = reading.storable(envelope)
        except reading.Unreadable as reason:
            raise AnswerUnreadable(
                f"{self.title} answered, but what it said {reason}.", usage=usage
            ) from None
        across, down = self._units(picture)
        checked = boxes.check(found, across=across, down=down, labels=prompt.labels)
        if checked.off_scale and not checked.boxes:
            raise AnswerUnreadable(
                f"{self.title} answered with boxes on another scale than was asked for: not one"
                " lies in the picture.",
                usage=usage,
            )
        return Answer(
            boxes=checked.boxes,
            usage=usage,
            raw=raw,
            model=self._answering_model(envelope) or model,
            request_id=self._request_id(received, envelope),
            remarks=checked.remarks,
        )

    def check(self, access: Access) -> str:
        """See ``Provider``: lists the models that the key may use."""
        listed = self._envelope(self._call(access, self._list)).get(self._models)
        if not isinstance(listed, list):
            raise AnswerUnreadable(f"{self.title}'s answer holds no list of models.")
        return f"{self.title} answers and takes the key; it names {len(listed)} models."

    @abstractmethod
    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The largest size, in pixels, at which a picture arrives as it was sent.

        Send it at this size: a larger one is reduced by the provider, which costs time and, where
        boxes are in pixels, puts them elsewhere.
        """

    _models: str = "data"  # the list in the answer to ``_list``

    @abstractmethod
    def _credential(self, key: str) -> tuple[str, str]:
        """The header that carries the key."""

    @abstractmethod
    def _ask(self, line: Line, question: Question) -> Received:
        """Send the picture through the provider's library."""

    @abstractmethod
    def _list(self, line: Line) -> Received:
        """Ask for the models through the provider's library."""

    @abstractmethod
    def _usage(self, envelope: Mapping[str, Any]) -> Usage:
        """What is billed."""

    @abstractmethod
    def _said(self, envelope: Mapping[str, Any], usage: Usage) -> str:
        """The model's own text. RequestRefused or AnswerUnreadable where it is none to be used."""

    @abstractmethod
    def _units(self, picture: Picture) -> tuple[float, float]:
        """How many of the units that were asked for the picture is wide and high."""

    @abstractmethod
    def _corners(self, one: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        """Left, top, right and bottom of a box in these units, of whatever type they are."""

    def _answering_model(self, envelope: Mapping[str, Any]) -> str:
        found = reading.text(envelope, "model")
        return found if _MODEL.match(found) else ""

    def _request_id(self, received: Received, envelope: Mapping[str, Any]) -> str:
        headers = received.headers
        found = headers.get("x-request-id") or headers.get("request-id") or ""
        return found if _REQUEST_ID.match(found) else ""

    def _call(self, access: Access, ask: Callable[[Line], Received]) -> Received:
        """One exchange. Only our own errors leave, and nothing of the request hangs on them."""
        if not _KEY.match(access.key):
            raise KeyRefused(
                f"There is no key for {self.title}."
                if not access.key
                else f"The key for {self.title} holds a character that no key has; enter it anew."
            )
        try:
            base = normal(access.base_url or self.home)
        except AddressRefused as refused:
            raise RequestRefused(str(refused)) from None
        answered = False
        try:
            # The libraries are an extra, and take seconds to import.
            from providers.adapters import wire  # noqa: PLC0415

            transport = wire.Wire(
                self.title,
                reach=self._reach,
                plain=base.startswith("http:"),
                credential=self._credential(access.key),
                key=access.key,
                timeout=access.timeout,
            )
            _quieten()
            try:
                with wire.client(transport) as http:
                    return ask(Line(http, base, access))
            finally:
                answered = transport.answered
        except Exception as error:  # the libraries' own are many, and say too much
            refusal = self._refusal(error, answered=answered)
        # Raised here, not above: an error remembers the one that it was raised beside, which holds
        # the request with its key and its picture.
        raise refusal

    def _refusal(self, error: Exception, *, answered: bool) -> ProviderError:
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, ProviderError):
                seen.__cause__ = seen.__context__ = None
                return seen.with_traceback(None)
            seen = seen.__cause__ or seen.__context__
        if isinstance(error, ModuleNotFoundError):
            return ProviderError(
                f"{self.title} needs the package {error.name}. Install the extra: pip install"
                " 'lacuna[providers]'"
            )
        if answered:
            return AnswerUnreadable(f"{self.title} answered in a form that it should not.")
        return ProviderError(
            f"{self.title} could not be asked: its library failed with {type(error).__name__}."
        )

    def _refuse_unsendable(self, model: str, picture: Picture) -> None:
        if not _MODEL.match(model):
            raise RequestRefused("The model's name holds characters that no model's name has.")
        if picture.media_type not in _MEDIA_TYPES:
            raise RequestRefused(
                f"Pictures are sent as JPEG, PNG or WebP, not as {boxes.plain(picture.media_type)}."
            )
        if not picture.data or picture.width < 1 or picture.height < 1:
            raise RequestRefused("The picture is empty.")
        most = self.fit(picture.width, picture.height)
        if most != (picture.width, picture.height):
            raise RequestRefused(
                f"{self.title} would reduce a picture of {picture.width} by {picture.height}"
                f" pixels; send it in {most[0]} by {most[1]}."
            )

    def _envelope(self, received: Received) -> Mapping[str, Any]:
        try:
            found = reading.parsed(received.body)
        except reading.Unreadable as reason:
            raise AnswerUnreadable(f"{self.title}'s answer {reason}.") from None
        if not isinstance(found, dict):
            raise AnswerUnreadable(f"{self.title}'s answer is no JSON object.")
        return found

    def _found(self, said: Any) -> Iterator[boxes.Found]:
        listed = said.get(prompts.LIST) if isinstance(said, dict) else None
        if not isinstance(listed, list):
            raise reading.Unreadable("has no list of boxes")
        return (self._one(one) if isinstance(one, dict) else _NOTHING for one in listed)

    def _one(self, one: Mapping[str, Any]) -> boxes.Found:
        label, confidence = one.get(prompts.LABEL), one.get(prompts.CONFIDENCE)
        return boxes.Found(*self._corners(one), label=label, confidence=confidence)


_NOTHING: Final = boxes.Found(None, None, None, None, None, None)


def edges(one: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    """Left, top, right and bottom, as the schema of ``providers.prompts`` names them."""
    box = one.get(prompts.BOX)
    if not isinstance(box, dict):
        return None, None, None, None
    return box.get("left"), box.get("top"), box.get("right"), box.get("bottom")


def document(schema: Schema) -> dict[str, Any]:
    """The schema's document, to be changed or handed to a library that may change it."""
    return copy.deepcopy(dict(schema.document))


def within(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size in the same proportion whose longer side is at most this long."""
    side = max(width, height)
    if side <= longest:
        return width, height
    return max(1, width * longest // side), max(1, height * longest // side)


def _quieten() -> None:
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
