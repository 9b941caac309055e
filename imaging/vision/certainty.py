"""How likely a box is to fit the thing in it: overlap of at least one half.

A logistic model of five facts of the box, fitted by tests/benchmarks/bench_local_provider.py on
scenes whose figures are known. The weights belong to the provider's model name: new weights are a
new name.
"""

from __future__ import annotations

import math
from typing import Final

from imaging.vision.proposals import Proposal

OFFSET: Final = 2.403
WEIGHTS: Final = (2.208, 0.617, 2.026, 1.1, -0.759)
"""One weight for each of `facts`."""


def facts(proposal: Proposal, count: int) -> tuple[float, ...]:
    """How clearly the picture divides, logarithm of the box's share of the picture, share of the
    box that is figure, whether it touches the frame, and how many boxes there are.
    """
    return (
        proposal.raw,
        math.log(proposal.share),
        proposal.fill,
        float(proposal.on_frame),
        float(count),
    )


def fits(proposal: Proposal, count: int) -> float:
    """Probability, 0 to 1, that the box overlaps the true one by half or more."""
    terms = zip(WEIGHTS, facts(proposal, count), strict=True)
    return 1 / (1 + math.exp(-(OFFSET + sum(weight * fact for weight, fact in terms))))
