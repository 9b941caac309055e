"""What every provider of annotations is asked, and what it answers.

Boxes are fractions of the upright image, with the origin at its top left corner, whatever a
provider's own convention is: each adapter converts at its edge, once, and nobody guesses a scale
from the size of a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

# An answer of more boxes than this is cut, and says so.
MOST_BOXES: Final = 500
LONGEST_LABEL: Final = 120


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes that are sent: an upright image without metadata, and its size in pixels.

    ``media_type``  ``image/jpeg``, ``image/png`` or ``image/webp``
    """

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked. ``version`` names the text, so that a cached answer belongs to it."""

    text: str
    version: str
    labels: tuple[str, ...] = ()  # the labels to choose from; empty: any


@dataclass(frozen=True, slots=True)
class Schema:
    """The JSON schema that the provider is held to, and the name of its version."""

    version: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """One thing in the picture.

    ``left``, ``top``, ``width``, ``height``  fractions of the upright image; inside it
    ``label``       plain text, or empty where the provider does not say what it is
    ``confidence``  0 to 1, as the provider says it, before any calibration
    """

    left: float
    top: float
    width: float
    height: float
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used, as the provider counts it; zeros where it does not say.

    ``cached_input_tokens`` are part of ``input_tokens``, for every provider.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    images: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    ``raw``      the provider's answer as JSON, to be kept beside what was made of it
    ``remarks``  a sentence for each box that was left out or changed
    """

    boxes: tuple[Box, ...]
    usage: Usage
    raw: Any
    model: str
    request_id: str = ""
    remarks: tuple[str, ...] = ()


class ProviderError(Exception):
    """The provider gave no answer that can be used; ``code`` is one word for statistics.

    ``usage``          what was billed all the same, if the provider said so
    ``may_be_billed``  whether the provider may have answered, and billed, without our knowing how
                       much; False where it refused, or was never reached
    """

    code = "failed"
    usage: Usage | None = None
    may_be_billed = True

    def __init__(
        self, sentence: str, *, usage: Usage | None = None, may_be_billed: bool | None = None
    ) -> None:
        super().__init__(sentence)
        self.usage = usage
        if may_be_billed is not None:
            self.may_be_billed = may_be_billed


class KeyRefused(ProviderError):
    """The key is wrong, revoked, or may not use this model: nobody tries again with it."""

    code = "key_refused"
    may_be_billed = False


class ProviderBusy(ProviderError):
    """Asked too often; ``retry_after`` is how many seconds to wait, where it said so."""

    code = "busy"
    may_be_billed = False

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ProviderDown(ProviderError):
    """No connection, a time-out, or an error of the provider's own: another time may do.

    Who raises it says ``may_be_billed=False`` where the provider itself reported the error, or was
    not reached; after a time-out nobody knows.
    """

    code = "down"


class RequestRefused(ProviderError):
    """The provider will not answer this request, now or later (too large, not allowed)."""

    code = "request_refused"
    may_be_billed = False


class AnswerUnreadable(ProviderError):
    """An answer came, and was billed, that holds no boxes in the agreed form."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class Access:
    """How a provider is reached.

    ``base_url``  empty for the provider's own; ``timeout`` in seconds for the whole call
    """

    key: str = field(default="", repr=False)
    base_url: str = ""
    timeout: float = 60.0


class Provider(Protocol):
    """Somebody who looks at pictures. An instance keeps no state between calls."""

    name: str
    default_model: str

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        """The boxes in the picture. ProviderError for everything that went wrong.

        Nothing is retried here: when to try again is the job's to decide.
        """

    def check(self, access: Access) -> str:
        """Ask something that is not billed; one line of what came back. ProviderError."""
