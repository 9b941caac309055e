"""Decisions on a provider that knows more than it says.

The detector of the local provider states .3 to .8 where it is right in nine cases of ten, and about
.25 where it takes another animal for a bird. Here: stated confidences about .2 to .8, and the
chance of being right ``1 / (1 + exp(-2.2 - 1.6 logit(stated)))``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.knowledge.calibration import Decisions


def chance_of_right(stated: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely such a proposal is right."""
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-2.2 - 1.6 * np.log(stated / (1 - stated))))
    return chance


def decisions(count: int, chance: np.random.Generator) -> Decisions:
    """One row for each decision."""
    stated = np.round(0.2 + 0.62 * chance.beta(4, 3.6, count), 4)
    right = chance.random(count) < chance_of_right(stated)
    return Decisions(stated, np.ones(count, dtype=np.int64), right.astype(np.int64))
