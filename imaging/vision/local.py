"""The provider that looks for itself: no network, no key, no bill.

It has two models. The first finds figures of any kind by our own analysis of figure and ground; the
second, where it is installed, finds birds by a detector (`imaging.vision.detector`). What is in a
box is judged by a small network that knows 59 birds (`imaging.vision.birds`). The same picture gets
the same answer every time, and the answer's model says who found its boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imaging.analysis import ImageRefused, Limits, Parameters, decode
from imaging.analysis import Picture as Decoded
from imaging.analysis.team import Team, team_of
from imaging.vision import detector, detector_weights
from imaging.vision.birds import BIRDS
from imaging.vision.certainty import fits
from imaging.vision.detector import Detection, Detector
from imaging.vision.errors import AnswerMalformed, WeightsMissing
from imaging.vision.proposals import Proposal, Rules, propose
from imaging.vision.session import Network, network_in
from imaging.vision.species import ANY_BIRD, SPECIES, Seen, look
from providers.interface import (
    Access,
    Answer,
    AnswerUnreadable,
    Box,
    Picture,
    Prompt,
    ProviderDown,
    RequestRefused,
    Schema,
    Usage,
)

MODEL: Final = "figure-ground-efficientnet-lite0-1"
DETECTOR_MODEL: Final = "centernet-mobilenetv3-efficientnet-lite0-1"

LIMITS: Final = Limits(max_pixels=50_000_000)
"""What is decoded at most: a PNG takes four bytes of memory for each of its pixels."""

_PARAMETERS: Final = Parameters(working_edge=1024)
_RULES: Final = Rules()


class LocalProvider:
    """Satisfies `providers.interface.Provider`; any number of threads may share one.

    ``models`` is the directory of the networks' files: that of the 59 birds is made at the first
    call, that of the detector by ``manage.py install_detector``. ``threads`` is how many parts of
    one picture are worked on at once; it never changes the answer.
    """

    name = "local"
    default_model = MODEL

    def __init__(self, models: Path, *, limits: Limits = LIMITS, threads: int = 2) -> None:
        self._models, self._limits, self._threads = models, limits, threads

    def annotate(
        self, access: Access, model: str, picture: Picture, prompt: Prompt, schema: Schema
    ) -> Answer:
        """Boxes of the picture's birds or, without the detector, of its figures.

        An empty ``model`` is the detector where it is installed, else figure and ground: six boxes
        of figures at most, 30 of birds. A label is a species, "bird" where it is one but not clear
        which, or empty; it is one of ``prompt.labels`` where there are any. A figure's confidence
        is the probability that its box fits times that of its label; a bird's is the detector's
        score, as it stands, times the probability of a species where one is named. Nothing else of
        the prompt is read, nor are access and schema.

        Raises `RequestRefused` for a picture or model that will not do, `ProviderDown` where a
        network is not installed, `AnswerUnreadable` where the detector gives no numbers.
        """
        model = model or self._best()
        if model not in (MODEL, DETECTOR_MODEL):
            raise RequestRefused(
                f"The local provider has no model {model!r}; leave it empty or ask for {MODEL} or "
                f"{DETECTOR_MODEL}."
            )
        network = self._network()
        finder = self._detector() if model == DETECTOR_MODEL else None
        decoded = self._decoded(picture)
        with team_of(self._threads) as team:
            if finder is None:
                found, left_out = _figures(network, decoded, team)
            else:
                found, left_out = _birds(finder, network, decoded, team)
        return Answer(
            boxes=tuple(one.box(prompt.labels) for one in found),
            usage=Usage(),
            raw=_raw(model, found, left_out, decoded),
            model=model,
            remarks=_remarks(model, left_out),
        )

    def check(self, access: Access) -> str:
        """Load the networks, made first if need be. Raises `ProviderDown`: what to install."""
        self._network()
        told = f"{MODEL} is ready: figures of any kind, {len(BIRDS)} birds by name."
        if detector_weights.is_installed(self._models):
            self._detector()
            told += f" {DETECTOR_MODEL} is ready: birds among things of other kinds."
        return told

    def _best(self) -> str:
        return DETECTOR_MODEL if detector_weights.is_installed(self._models) else MODEL

    def _network(self) -> Network:
        try:
            return network_in(self._models)
        except WeightsMissing as error:
            raise ProviderDown(str(error), may_be_billed=False) from error

    def _detector(self) -> Detector:
        try:
            return detector_weights.detector_in(self._models)
        except WeightsMissing as error:
            raise ProviderDown(
                f"{error} Or ask for {MODEL}, which needs none.", may_be_billed=False
            ) from error

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
    """A box, how sure that is, and what is in it.

    ``edges``: left, top, right, bottom as fractions. ``label`` and ``likely``: what to call it, and
    the probability of that. ``bird``: the probability that it is a bird of any kind. ``raw``: what
    was measured, as JSON.
    """

    edges: tuple[float, float, float, float]
    sure: float
    label: str
    likely: float
    bird: float
    raw: dict[str, Any]

    def box(self, labels: tuple[str, ...]) -> Box:
        """As the interface has it; where labels are given, called by one of them or by none."""
        left, top, right, bottom = self.edges
        label, likely = self._chosen(labels)
        return Box(left, top, right - left, bottom - top, label, round(self.sure * likely, 4))

    def _chosen(self, labels: tuple[str, ...]) -> tuple[str, float]:
        if not labels or not self.label:
            return self.label, self.likely
        known = {one.casefold(): one for one in labels}
        if self.label.casefold() in known:
            return known[self.label.casefold()], self.likely
        if ANY_BIRD in known:
            return known[ANY_BIRD], self.bird
        return "", 1.0


# --- Figures of any kind --------------------------------------------------------------------------


def _figures(network: Network, picture: Decoded, team: Team) -> tuple[list[_Finding], int]:
    proposals, left_out = propose(picture, _PARAMETERS, _RULES, team)
    looks = [team.submit(look, network, picture.rgb, one.box) for one in proposals]
    return [
        _figure(one, fits(one, len(proposals)), part.result(), picture)
        for one, part in zip(proposals, looks, strict=True)
    ], left_out


def _figure(proposal: Proposal, sure: float, seen: Seen, picture: Decoded) -> _Finding:
    """Its edges as fractions; the last working pixel may reach beyond the picture."""
    factor, width, height = picture.factor, picture.width, picture.height
    edges = (
        proposal.left * factor / width,
        proposal.top * factor / height,
        min(1.0, proposal.right * factor / width),
        min(1.0, proposal.bottom * factor / height),
    )
    label, likely = seen.label()
    measured = {
        "box": list(proposal.box),
        "area": proposal.area,
        "division": round(proposal.raw, 4),
        "fits": round(sure, 4),
    }
    return _Finding(edges, sure, label, likely, seen.bird, measured | _told(seen))


# --- Birds ----------------------------------------------------------------------------------------


def _birds(
    finder: Detector, network: Network, picture: Decoded, team: Team
) -> tuple[list[_Finding], int]:
    try:
        detections, left_out = finder.birds(picture.rgb)
    except AnswerMalformed as error:
        raise AnswerUnreadable(str(error), may_be_billed=False) from error
    boxes = [_pixels(one, picture) for one in detections]
    looks = [team.submit(look, network, picture.rgb, box) for box in boxes]
    return [
        _bird(one, box, part.result())
        for one, box, part in zip(detections, boxes, looks, strict=True)
    ], left_out


def _pixels(one: Detection, picture: Decoded) -> tuple[int, int, int, int]:
    """The working pixels that a box touches, one at least."""
    rows, columns = picture.rgb.shape[:2]
    left, top = min(int(one.left * columns), columns - 1), min(int(one.top * rows), rows - 1)
    right, bottom = math.ceil(one.right * columns), math.ceil(one.bottom * rows)
    return left, top, max(left + 1, right), max(top + 1, bottom)


def _bird(one: Detection, box: tuple[int, int, int, int], seen: Seen) -> _Finding:
    """That it is a bird is the detector's to say, which one the other network's."""
    named = seen.likely >= SPECIES
    return _Finding(
        edges=(one.left, one.top, one.right, one.bottom),
        sure=one.score,
        label=seen.name if named else ANY_BIRD,
        likely=seen.likely if named else 1.0,
        bird=1.0,
        raw={"box": list(box), "score": round(one.score, 4)} | _told(seen),
    )


# --- What is told beside the boxes ----------------------------------------------------------------


def _told(seen: Seen) -> dict[str, Any]:
    return {
        "bird": round(seen.bird, 4),
        "likeliest_bird": seen.name,
        "likeliest_bird_probability": round(seen.likely, 4),
    }


def _raw(model: str, found: list[_Finding], left_out: int, picture: Decoded) -> dict[str, Any]:
    """What was measured, as JSON: boxes in working pixels, probabilities to four places."""
    rows, columns = picture.rgb.shape[:2]
    return {
        "model": model,
        "working_size": {"width": columns, "height": rows, "factor": picture.factor},
        "left_out": left_out,
        "figures" if model == MODEL else "birds": [one.raw for one in found],
    }


def _remarks(model: str, left_out: int) -> tuple[str, ...]:
    if not left_out:
        return ()
    if model == DETECTOR_MODEL:
        birds = "One more bird was" if left_out == 1 else f"{left_out} more birds were"
        return (f"{birds} left out; the {detector.MOST} with the highest scores are kept.",)
    figures = "One smaller figure was" if left_out == 1 else f"{left_out} smaller figures were"
    return (f"{figures} left out; the {_RULES.most} largest are kept.",)
