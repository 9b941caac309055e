"""Every parameter of the map and of the score, what each is for, and which values go together."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, cast

from monitoring.maps.errors import Unusable

ALGORITHM: Final = "similarity-map"
VERSION: Final = "map-1"

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "optimizer": ("adam", "sgd"),
    "which_w1": ("auto", "fixed", "anneal"),
    "mode": ("kanadaSan", "pca"),
    "objective": ("similarity", "stress"),
    "feature_scaling": ("none", "zscore", "robust"),
    "score": ("feature_knn", "feature_mahalanobis", "map_mahalanobis"),
}

EXPLANATIONS: Final[Mapping[str, str]] = {
    "gamma0": "Stop when ten steps after a shrink gain less than this share of the cost.",
    "optimizer": "How steps are made: adam, or sgd with momentum eta.",
    "alpha": "Length of the first steps, in map units.",
    "end_meta": "Last metadata column; it and the columns before it describe a row.",
    "start_dim": "First feature column.",
    "end_dim": "Last feature column; features are all columns from the first to this one.",
    "imax": "Most steps that a fit may take.",
    "lowdim": "Dimensions of the map; always 2.",
    "eta": "Momentum of sgd: the share of the last step that is kept.",
    "epsilon": "Keeps adam's division away from zero.",
    "beta1": "Decay of adam's mean of the gradients.",
    "beta2": "Decay of adam's mean of the squared gradients.",
    "beta": "Factor by which the step shrinks when the cost no longer falls.",
    "a": "Share of the local term: 0 looks at far distances alone, 1 at near ones alone.",
    "w1": "Reach of the local term in squared normalised distance; used by fixed and anneal.",
    "w2": "Scale of the global term in squared normalised distance.",
    "which_w1": "auto takes the mean distance as w1, fixed takes w1, anneal goes from one to the "
    "other and shows clusters best.",
    "mode": "Where points start: kanadaSan is a random disc, pca the two widest directions.",
    "param_mode": "Size of the start: radius of the disc, root mean square radius for pca.",
    "feature_scaling": "How features are brought to one scale: not at all, by mean and standard "
    "deviation, or by median and quartiles.",
    "objective": "What the map keeps: similarity, or the distances themselves (stress).",
    "seed": "Start of the random numbers; the same seed gives the same map.",
    "score": "How far from healthy a row is: distance to the nearest healthy rows, Mahalanobis "
    "distance of the features, or Mahalanobis distance on the map.",
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of one map; equal parameters and rows give an equal map.

    Nothing is checked here, so that a form can show every `problems` at once; `fit` refuses
    parameters that have any. `EXPLANATIONS` says what each is for, `CHOICES` which words are
    allowed.
    """

    gamma0: float = 1e-7
    optimizer: str = "adam"
    alpha: float = 0.1
    end_meta: str = "participant"
    start_dim: str = "f_0"
    end_dim: str = "f_1023"
    imax: int = 1000
    lowdim: int = 2
    eta: float = 0.5
    epsilon: float = 1e-8
    beta1: float = 0.9
    beta2: float = 0.999
    beta: float = 0.5
    a: float = 0.8
    w1: float = 0.04
    w2: float = 1.0
    which_w1: str = "auto"
    mode: str = "kanadaSan"
    param_mode: float = 0.3
    feature_scaling: str = "zscore"
    objective: str = "similarity"
    seed: int = 0
    score: str = "feature_knn"

    def canonical(self) -> dict[str, Any]:
        """Every parameter by name as a plain JSON value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def fingerprint(self) -> str:
        """SHA-256 (hex) of algorithm, version and the parameters that can change a map."""
        values = self.canonical()
        for name in ("end_meta", "start_dim", "end_dim", "score"):
            del values[name]
        document = {"algorithm": ALGORITHM, "version": VERSION, "parameters": values}
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Parameters":
        """Parameters from JSON values; missing ones keep their default.

        Raises Unusable for an unknown name; values are judged by `problems`.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise Unusable(f"{name} is not a parameter; known are {', '.join(sorted(known))}.")
        return cls(**cast("dict[str, Any]", dict(values)))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one parameter, as a sentence; a ``warning`` does not stop a fit."""

    field: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    low: float
    high: float
    whole: bool = False
    without_low: bool = False
    without_high: bool = False

    def holds(self, value: float) -> bool:
        above = value > self.low if self.without_low else value >= self.low
        return above and (value < self.high if self.without_high else value <= self.high)

    def __str__(self) -> str:
        low = f"more than {self.low:g}" if self.without_low else f"at least {self.low:g}"
        high = f"less than {self.high:g}" if self.without_high else f"at most {self.high:g}"
        return f"{low} and {high}"


_RANGES: Final[Mapping[str, _Range]] = {
    "gamma0": _Range(0, 1, without_high=True),
    "alpha": _Range(0, 10, without_low=True),
    "imax": _Range(1, 100_000, whole=True),
    "eta": _Range(0, 1, without_high=True),
    "epsilon": _Range(0, 0.1, without_low=True),
    "beta1": _Range(0, 1, without_high=True),
    "beta2": _Range(0, 1, without_high=True),
    "beta": _Range(0, 1, without_low=True, without_high=True),
    "a": _Range(0, 1),
    "w1": _Range(1e-5, 100),
    "w2": _Range(1e-5, 100),
    "param_mode": _Range(0, 100, without_low=True),
    "seed": _Range(0, 2**63 - 1, whole=True),
}


def problems(parameters: Parameters) -> list[Problem]:
    """Everything that is wrong with the parameters, first by field, then what lies between them."""
    found: list[Problem] = []
    for field in fields(parameters):
        name, value = field.name, getattr(parameters, field.name)
        sentence = _wrong(name, value)
        if sentence is not None:
            found.append(Problem(name, sentence))
    wrong = {problem.field for problem in found}
    return found + [one for one in _together(parameters) if one.field not in wrong]


def refuse_problems(parameters: Parameters) -> None:
    """Raise Unusable with every sentence unless the parameters can be used."""
    sentences = [one.message for one in problems(parameters) if not one.warning]
    if sentences:
        raise Unusable(" ".join(sentences))


def _wrong(name: str, value: object) -> str | None:
    if name == "lowdim":
        if value != 2 or isinstance(value, bool):
            return f"lowdim is {value!r}; maps have 2 dimensions, leave it at 2."
        return None
    if name in CHOICES:
        if value not in CHOICES[name]:
            return f"{name} is {value!r}; it must be one of {', '.join(CHOICES[name])}."
        return None
    if name not in _RANGES:
        if not isinstance(value, str) or not value.strip() or len(value) > 255:
            return f"{name} is {value!r}; it must be a column's name of 1 to 255 characters."
        return None
    allowed = _RANGES[name]
    kinds = int if allowed.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return f"{name} is {value!r}; it must be a {'whole ' if allowed.whole else ''}number."
    if not math.isfinite(value) or not allowed.holds(value):
        return f"{name} is {value:g}; it must be {allowed}."
    return None


def _together(parameters: Parameters) -> list[Problem]:
    """Problems that lie between fields, and what is allowed but unwise."""
    found = [
        Problem(
            name,
            f"{name} and end_meta both name {parameters.end_meta!r}; "
            "a column is either metadata or a feature.",
        )
        for name in ("start_dim", "end_dim")
        if getattr(parameters, name) == parameters.end_meta
    ]
    if parameters.objective == "similarity" and parameters.a == 1:
        found.append(
            Problem(
                "a",
                "a is 1: points that lie far apart no longer feel each other, and the map may "
                "fold; choose less than 1.",
                warning=True,
            )
        )
    if parameters.objective == "stress" and parameters.which_w1 != "auto":
        found.append(
            Problem(
                "which_w1",
                f"which_w1 is {parameters.which_w1!r}, which the objective stress does not use.",
                warning=True,
            )
        )
    if parameters.optimizer == "sgd" and parameters.alpha > 1:
        found.append(
            Problem("alpha", "alpha above 1 makes sgd leap; choose 1 or less.", warning=True)
        )
    return found
