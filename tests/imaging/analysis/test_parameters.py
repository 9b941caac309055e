"""Parameters: every one counts, none is misunderstood."""

import json
from dataclasses import fields
from typing import Any

import pytest

from imaging.analysis import Parameters

OTHER: dict[str, Any] = {
    "method": "luma",
    "blur": 7,
    "working_edge": None,
    "sweeps": 4,
    "alpha_threshold": 100,
    "max_frame_figure": 0.4,
    "min_frame_contrast": 30.0,
    "min_frame_separability": 0.5,
    "hole_tolerance": 0.0,
    "stability_step": 0.1,
    "lacunarity_sizes": [2, 4],
    "histogram_bins": 8,
    "listed": 10,
    "min_contrast": 10.0,
    "min_stability": 0.5,
    "max_border_figure": 0.5,
    "max_clipped": 0.5,
    "min_sharpness": 5.0,
    "max_aspect": 9.0,
}


def test_there_is_another_value_here_for_every_parameter() -> None:
    assert set(OTHER) == {field.name for field in fields(Parameters)}


@pytest.mark.parametrize("name", OTHER)
def test_the_fingerprint_changes_with_every_parameter(name: str) -> None:
    changed = Parameters.from_json({name: OTHER[name]})

    assert changed.fingerprint() != Parameters().fingerprint()
    assert changed.canonical()[name] == OTHER[name]


def test_the_fingerprint_is_a_sha256_that_stays_the_same() -> None:
    first, second = Parameters().fingerprint(), Parameters(blur=9).fingerprint()

    assert first == second
    assert len(first) == 64
    assert int(first, 16) >= 0


def test_whole_and_decimal_writing_of_a_number_are_the_same_parameter() -> None:
    assert Parameters(max_aspect=4).fingerprint() == Parameters(max_aspect=4.0).fingerprint()


def test_the_canonical_form_survives_json() -> None:
    changed = Parameters.from_json(OTHER)

    assert Parameters.from_json(json.loads(json.dumps(changed.canonical()))) == changed
    assert Parameters.from_json({}) == Parameters()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"blurr": 9}, "blurr"),
        ({"blur": 8}, "blur"),
        ({"blur": 9.0}, "blur"),
        ({"blur": True}, "blur"),
        ({"blur": 0}, "blur"),
        ({"method": "grabcut"}, "method"),
        ({"method": None}, "method"),
        ({"working_edge": 10}, "working_edge"),
        ({"working_edge": "2048"}, "working_edge"),
        ({"lacunarity_sizes": []}, "lacunarity_sizes"),
        ({"lacunarity_sizes": [4, 2]}, "lacunarity_sizes"),
        ({"lacunarity_sizes": [2, 2]}, "lacunarity_sizes"),
        ({"lacunarity_sizes": [512]}, "lacunarity_sizes"),
        ({"lacunarity_sizes": "2"}, "lacunarity_sizes"),
        ({"max_clipped": float("nan")}, "max_clipped"),
        ({"max_clipped": "much"}, "max_clipped"),
        ({"max_clipped": 1.5}, "max_clipped"),
        ({"hole_tolerance": None}, "hole_tolerance"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(values: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=rf"^{word}\b.*\.$"):
        Parameters.from_json(values)
