"""The provider that looks for itself: no network, no key, no bill.

Boxes come from our own analysis of figure and ground; what is in them is judged by a small network
that knows 59 birds (`imaging.vision.birds`). The same picture gets the same answer every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imaging.analysis import ImageRefused, Limits, Parameters, decode
from imaging.analysis import Picture as Decoded
from imaging.analysis.team import team_of
from imaging.vision.birds import BIRDS
from imaging.vision.certainty import fits
from imaging.vision.errors import WeightsMissing
from imaging.vision.proposals import Proposal, Rules, propose
from imaging.vision.session import Network, network_in
from imaging.vision.species import ANY_BIRD, Seen, look
from providers.interface import (
    Access,
    Answer,
    Box,
    Picture,
    Prompt,
    ProviderDown,
    RequestRefused,
    Schema,
    Usage,
)

MODEL: Final = "figure-ground-efficientnet-lite0-1"

LIMITS: Final = Limits(max_pixels=50_000_000)
"""What is decoded at most: a PNG takes four bytes of memory for each of its pixels."""

_PARAMETERS: Final = Parameters(working_edge=1024)
_RULES: Final = Rules()


class LocalProvider:
    """Satisfies `providers.interface.Provider`; any number of threads may share one.

    ``models`` is the directory of the network's file, made at the first call. ``threads`` is how
    many parts of one picture are worked on at once; it never changes the answer.
    """

    name = "local"
    default_model = MODEL

    def __init__(self, models: Path, *, limits: Limits = LIMITS, threads: int = 2) -> None:
        self._models, self._limits, self._threads = models, limits, threads

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        """Boxes of the picture's figures, the largest six at most.

        A label is a species, "bird" where it is one but not clear which, or empty; it is one of
        ``prompt.labels`` where there are any. A box's confidence is the probability that it fits
        times that of its label. Nothing else of the prompt is read, nor are access and schema.
        Raises `RequestRefused` for a picture or model that will not do, `ProviderDown` where the
        network is not installed.
        """
        if model not in ("", MODEL):
            raise RequestRefused(
                f"The local provider has no model {model!r}; leave it empty or ask for {MODEL}."
            )
        network = self._network()
        decoded = self._decoded(picture)
        with team_of(self._threads) as team:
            proposals, left_out = propose(decoded, _PARAMETERS, _RULES, team)
            looks = [team.submit(look, network, decoded.rgb, one.box) for one in proposals]
            found = [
                _Finding(one, fits(one, len(proposals)), part.result())
                for one, part in zip(proposals, looks, strict=True)
            ]
        return Answer(
            boxes=tuple(_box(one, decoded, prompt.labels) for one in found),
            usage=Usage(),
            raw=_raw(found, left_out, decoded),
            model=MODEL,
            remarks=_remarks(left_out),
        )

    def check(self, access: Access) -> str:
        """Load the network, made first if need be. Raises `ProviderDown`: what to install."""
        self._network()
        return f"{MODEL} is ready: figures of any kind, {len(BIRDS)} birds by name."

    def _network(self) -> Network:
        try:
            return network_in(self._models)
        except WeightsMissing as error:
            raise ProviderDown(str(error)) from error

    def _decoded(self, picture: Picture) -> Decoded:
        edge = _PARAMETERS.working_edge
        try:
            decoded = decode(picture.data, limits=self._limits, working_edge=edge)
        except ImageRefused as error:
            raise RequestRefused(error.reason) from error
        if (decoded.width, decoded.height) != (picture.width, picture.height):
            raise RequestRefused(
                f"The picture is said to be {picture.width} x {picture.height} pixels, upright, "
                f"but is {decoded.width} x {decoded.height}; send its own size."
            )
        return decoded


@dataclass(frozen=True, slots=True)
class _Finding:
    """A box, the probability that it fits, and what the network sees in it."""

    proposal: Proposal
    fits: float
    seen: Seen


def _box(found: _Finding, picture: Decoded, labels: tuple[str, ...]) -> Box:
    left, top, width, height = _fractions(found.proposal, picture)
    label, likely = _chosen(found.seen, labels)
    return Box(left, top, width, height, label, round(found.fits * likely, 4))


def _fractions(proposal: Proposal, picture: Decoded) -> tuple[float, float, float, float]:
    """Left, top, width and height; the last working pixel may reach beyond the picture."""
    factor, width, height = picture.factor, picture.width, picture.height
    left, top = proposal.left * factor / width, proposal.top * factor / height
    right = min(1.0, proposal.right * factor / width)
    bottom = min(1.0, proposal.bottom * factor / height)
    return left, top, right - left, bottom - top


def _chosen(seen: Seen, labels: tuple[str, ...]) -> tuple[str, float]:
    """The label and its probability; where labels are given, one of them or none."""
    label, likely = seen.label()
    if not labels or not label:
        return label, likely
    known = {one.casefold(): one for one in labels}
    if label.casefold() in known:
        return known[label.casefold()], likely
    if ANY_BIRD in known:
        return known[ANY_BIRD], seen.bird
    return "", 1.0


def _raw(found: list[_Finding], left_out: int, picture: Decoded) -> dict[str, Any]:
    """What was measured, as JSON: boxes in working pixels, probabilities to four places."""
    rows, columns = picture.rgb.shape[:2]
    return {
        "model": MODEL,
        "working_size": {"width": columns, "height": rows, "factor": picture.factor},
        "left_out": left_out,
        "figures": [
            {
                "box": list(one.proposal.box),
                "area": one.proposal.area,
                "division": round(one.proposal.raw, 4),
                "fits": round(one.fits, 4),
                "bird": round(one.seen.bird, 4),
                "likeliest_bird": one.seen.name,
                "likeliest_bird_probability": round(one.seen.likely, 4),
            }
            for one in found
        ],
    }


def _remarks(left_out: int) -> tuple[str, ...]:
    if not left_out:
        return ()
    figures = "One smaller figure was" if left_out == 1 else f"{left_out} smaller figures were"
    return (f"{figures} left out; the {_RULES.most} largest are kept.",)
