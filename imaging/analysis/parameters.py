"""Everything that can change a result, and the fingerprint that names it."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

ALGORITHM = "ns"
VERSION = "ns-1"

WORKING_SCALE_RULE = (
    "smallest power of two that brings the long edge to working_edge or less; "
    "JPEG by inverse DCT up to 8, otherwise block means; null keeps every pixel"
)

Method = Literal["mbd", "alpha", "luma"]
METHODS: tuple[Method, ...] = ("mbd", "alpha", "luma")

_Range = tuple[float, float]
_WHOLE: dict[str, _Range] = {
    "blur": (1, 63),
    "sweeps": (1, 16),
    "alpha_threshold": (1, 255),
    "histogram_bins": (2, 256),
    "listed": (1, 1000),
}
_REAL: dict[str, _Range] = {
    "max_frame_figure": (0, 1),
    "min_frame_contrast": (0, 765),
    "min_frame_separability": (0, 1),
    "hole_tolerance": (0, 4),
    "stability_step": (0.001, 0.5),
    "min_contrast": (0, 765),
    "min_stability": (0, 1),
    "max_border_figure": (0, 1),
    "max_clipped": (0, 1),
    "min_sharpness": (0, 1_000_000),
    "max_aspect": (1, 65_535),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of one analysis; equal parameters give equal results on equal bytes.

    ``method``: ``mbd`` (minimum barrier distance in blurred Lab), ``alpha`` (the file's own alpha
    is the figure) or ``luma`` (brightness, the frame votes which side is ground).
    ``blur``: side of the box filter before segmentation, odd, in working pixels.
    ``working_edge``: longest side in working pixels, or None for every pixel.
    ``sweeps``: raster sweeps of the barrier distance. ``max_frame_figure``,
    ``min_frame_contrast``, ``min_frame_separability``: a minority of the frame that differs this
    clearly from the rest is figure, not ground (share, Lab levels, Otsu's eta). ``hole_tolerance``:
    a figure pixel within this share of the threshold of the ground's local colour is ground; 0
    keeps every hole closed. ``alpha_threshold``: smallest alpha that is
    figure. ``stability_step``: relative change of the threshold that ``stability`` tries.
    ``lacunarity_sizes``: box sides in working pixels. ``histogram_bins``: bins of the clearance.
    ``listed``: how many figures and holes are listed. The remaining ones are the limits beyond
    which an anomaly is reported (`quality.anomalies`).
    """

    method: Method = "mbd"
    blur: int = 9
    working_edge: int | None = 2048
    sweeps: int = 3
    max_frame_figure: float = 0.45
    min_frame_contrast: float = 24.0
    min_frame_separability: float = 0.6
    hole_tolerance: float = 0.6
    alpha_threshold: int = 128
    stability_step: float = 0.05
    lacunarity_sizes: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
    histogram_bins: int = 16
    listed: int = 100
    min_contrast: float = 24.0
    min_stability: float = 0.9
    max_border_figure: float = 0.2
    max_clipped: float = 0.05
    min_sharpness: float = 20.0
    max_aspect: float = 4.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}; it must be one of {', '.join(METHODS)}.")
        for name, (low, high) in _WHOLE.items():
            _check_whole(name, getattr(self, name), low, high)
        for name, (low, high) in _REAL.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(  # noqa: TRY004 - every wrong value is a ValueError
                    f"{name} is {value!r}; it must be a number."
                )
            if not math.isfinite(value) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must lie between {low} and {high}.")
            object.__setattr__(self, name, float(value))
        if self.blur % 2 == 0:
            raise ValueError(f"blur is {self.blur}; it must be odd.")
        if self.working_edge is not None:
            _check_whole("working_edge", self.working_edge, 64, 65_535)
        self._check_sizes()

    def _check_sizes(self) -> None:
        sizes = self.lacunarity_sizes
        if not isinstance(sizes, list | tuple) or not sizes:
            raise ValueError(f"lacunarity_sizes is {sizes!r}; it must be a list of whole numbers.")
        for size in sizes:
            _check_whole("lacunarity_sizes", size, 1, 256)
        if list(sizes) != sorted(set(sizes)):
            raise ValueError("lacunarity_sizes must rise, without repetition.")
        object.__setattr__(self, "lacunarity_sizes", tuple(sizes))

    def canonical(self) -> dict[str, Any]:
        """The parameters as plain JSON values, every one named; `from_json` reads it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"lacunarity_sizes": list(self.lacunarity_sizes)}

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the canonical JSON of algorithm, version, scale rule and parameters."""
        document = {
            "algorithm": ALGORITHM,
            "version": VERSION,
            "working_scale_rule": WORKING_SCALE_RULE,
            "parameters": self.canonical(),
        }
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Parameters":
        """Parameters from plain JSON values; missing ones keep their default.

        Raises ValueError naming the first key that is unknown or whose value is wrong.
        """
        known = {field.name for field in fields(cls)}
        for key in values:
            if key not in known:
                raise ValueError(
                    f"{key} is not a parameter of {VERSION}; known are {', '.join(sorted(known))}."
                )
        return cls(**cast("dict[str, Any]", dict(values)))


def _check_whole(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(  # noqa: TRY004 - every wrong value is a ValueError
            f"{name} is {value!r}; it must be a whole number."
        )
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must lie between {low:.0f} and {high:.0f}.")
