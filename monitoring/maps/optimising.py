"""Moving the points of a map until the cost no longer falls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import kernels
from monitoring.maps.crew import Crew
from monitoring.maps.parameters import Parameters

Floats = NDArray[np.float32]
StopReason = Literal["converged", "step_too_small", "imax"]

# Steps between two looks at the cost.
PATIENCE: Final = 10
_LEAST_GAIN: Final = 1e-3
_TOO_HIGH: Final = 1.02
_SMALLEST_STEP: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Optimised:
    """The best points (n, 2) met, their cost, the steps taken and why there were no more."""

    points: Floats
    cost: float
    iterations: int
    stop_reason: StopReason


@dataclass(frozen=True, slots=True)
class Objective:
    """What is brought down: ``target`` (at least n, n) of similarities or distances, and w1."""

    target: Floats
    parameters: Parameters
    w1: float


class _Steps:
    """The steps of Adam (D. Kingma and J. Ba, arXiv:1412.6980) or of descent with momentum."""

    def __init__(self, parameters: Parameters, points: int) -> None:
        self._parameters = parameters
        self._mean = np.zeros((2, points))
        self._square = np.zeros((2, points))
        self._taken = 0

    def rest(self) -> None:
        """Forget the direction, keep the sizes: it led past the best points."""
        self._mean[:] = 0.0

    def next(self, gradient: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
        """The step (2, n) to take away."""
        one = self._parameters
        if one.optimizer == "sgd":
            self._mean *= one.eta
            self._mean += rate * gradient
            return self._mean
        self._taken += 1
        self._mean *= one.beta1
        self._mean += (1 - one.beta1) * gradient
        self._square *= one.beta2
        self._square += (1 - one.beta2) * gradient * gradient
        mean = self._mean / (1 - one.beta1**self._taken)
        deviation = np.sqrt(self._square / (1 - one.beta2**self._taken))
        step: NDArray[np.float64] = rate * mean / (deviation + one.epsilon)
        return step


def optimised(
    objective: Objective,
    start: Floats,
    crew: Crew,
    *,
    most: int,
    look: Callable[[int], None],
    share: float = 1.0,
) -> Optimised:
    """Bring the cost of the points down from ``start`` (n, 2) in at most ``most`` steps.

    The first steps are ``share`` of alpha: less than 1 when the start is nearly right.

    Every ten steps: when they gained less than 0.1 %, or the cost is 2 % above the best, go back
    to the best points and shrink the step by beta; stop when at such a shrink the gain was below
    gamma0 or the step is below a thousandth of alpha. ``look`` is called with the step's
    number every ten steps and may raise.
    """
    parameters, rows = objective.parameters, len(start)
    x, y = start[:, 0].copy(), start[:, 1].copy()
    best_x, best_y = x.copy(), y.copy()
    gradient = np.empty((2, rows), np.float32)
    costs = np.empty(rows, np.float32)
    steps = _Steps(parameters, rows)
    rate, best, mark = parameters.alpha * share, np.inf, np.inf
    reason: StopReason = "imax"
    taken = 0
    for taken in range(1, most + 1):
        cost = evaluated(objective, (x, y), gradient, costs, crew)
        if cost < best:
            best = cost
            best_x[:], best_y[:] = x, y
        if taken % PATIENCE == 0:
            look(taken)
            gain = (mark - best) / max(best, 1e-30)
            mark = best
            if cost > best * _TOO_HIGH or gain < _LEAST_GAIN:
                rate *= parameters.beta
                x[:], y[:] = best_x, best_y
                steps.rest()
                if gain < parameters.gamma0:
                    reason = "converged"
                    break
                if rate < parameters.alpha * _SMALLEST_STEP:
                    reason = "step_too_small"
                    break
                continue
        step = steps.next(gradient.astype(np.float64) * (4.0 / (rows - 1)), rate)
        x -= step[0].astype(np.float32)
        y -= step[1].astype(np.float32)
    return Optimised(np.stack((best_x, best_y), axis=1), best, taken, reason)


def evaluated(
    objective: Objective,
    points: tuple[Floats, Floats],
    gradient: Floats,
    costs: Floats,
    crew: Crew,
) -> float:
    """The mean cost per ordered pair; fills ``gradient`` (2, n) and each row's sum ``costs``.

    ``points`` are the two coordinates, (n,) each. Steps are made from 4 / (n - 1) times what is
    filled in, so that alpha means the same for any n.
    """
    target, rows = objective.target, len(costs)
    x, y = points
    if objective.parameters.objective == "stress":
        crew(
            rows,
            lambda first, last: kernels.stress_gradient(
                x, y, target, gradient[0], gradient[1], costs, first, last
            ),
        )
    else:
        a, w1, w2 = (
            np.float32(value)
            for value in (objective.parameters.a, objective.w1, objective.parameters.w2)
        )
        crew(
            rows,
            lambda first, last: kernels.similarity_gradient(
                x, y, target, a, w1, w2, gradient[0], gradient[1], costs, first, last
            ),
        )
    return float(costs.sum(dtype=np.float64)) / (rows * (rows - 1))
