"""From the raw score of a segmentation to the overlap that it can be expected to have.

Knots of a monotone map (isotonic regression, then linear between knots) from the raw score to the
intersection over union with the true figure, fitted by tests/benchmarks/bench_segmentation.py on
scenes whose figure is known. They belong to ns-1: new knots are a new version.
"""

from bisect import bisect_right

Knots = tuple[tuple[float, float], ...]

KNOTS: dict[str, Knots] = {
    "mbd": (
        (0.0, 0.0),
        (0.1092, 0.5075),
        (0.5382, 0.5795),
        (0.7589, 0.6202),
        (0.8171, 0.7082),
        (0.8622, 0.7532),
        (0.8771, 0.7942),
        (0.8925, 0.8401),
        (0.907, 0.8486),
        (0.9194, 0.8695),
        (0.9264, 0.8703),
        (0.9334, 0.8936),
        (0.9437, 0.9063),
        (0.9538, 0.9265),
        (0.9606, 0.9394),
        (0.9647, 0.9453),
        (0.9684, 0.9453),
        (0.9727, 0.9498),
        (0.976, 0.9555),
        (0.9794, 0.9588),
        (0.9825, 0.9628),
        (0.9857, 0.9657),
        (0.9887, 0.9679),
    ),
    "luma": (
        (0.0, 0.0),
        (0.2111, 0.2701),
        (0.416, 0.31),
        (0.4743, 0.3743),
        (0.5241, 0.4289),
        (0.5553, 0.4517),
        (0.5921, 0.5219),
        (0.6508, 0.529),
        (0.6989, 0.5305),
        (0.722, 0.5449),
        (0.7338, 0.5939),
        (0.7475, 0.5954),
        (0.764, 0.6204),
        (0.8048, 0.6293),
        (0.8385, 0.6367),
        (0.8506, 0.6507),
        (0.8715, 0.6753),
        (0.8972, 0.7481),
        (0.9147, 0.8275),
        (0.926, 0.8436),
        (0.9382, 0.8656),
        (0.9471, 0.9057),
        (0.9536, 0.9533),
        (0.9616, 0.9668),
        (0.9751, 0.9851),
    ),
}


def calibrated(score: float, knots: Knots) -> float:
    """The map at ``score``; constant beyond the first and the last knot."""
    xs = [x for x, _ in knots]
    after = bisect_right(xs, score)
    if after == 0:
        return knots[0][1]
    if after == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[after - 1], knots[after]
    return y0 + (y1 - y0) * (score - x0) / (x1 - x0)
