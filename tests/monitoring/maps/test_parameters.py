"""Parameters: documented defaults, and a sentence for each wrong value."""

from dataclasses import fields, replace
from typing import Any

import pytest

from monitoring.maps import CHOICES, EXPLANATIONS, Parameters, Unusable, fit, problems
from tests.monitoring.rows import cloud


def test_the_defaults_are_those_of_config_data_and_right() -> None:
    parameters = Parameters()

    assert problems(parameters) == []
    assert parameters.canonical() == {
        "gamma0": 1e-7,
        "optimizer": "adam",
        "alpha": 0.1,
        "end_meta": "participant",
        "start_dim": "f_0",
        "end_dim": "f_1023",
        "imax": 1000,
        "lowdim": 2,
        "eta": 0.5,
        "epsilon": 1e-8,
        "beta1": 0.9,
        "beta2": 0.999,
        "beta": 0.5,
        "a": 0.8,
        "w1": 0.04,
        "w2": 1.0,
        "which_w1": "auto",
        "mode": "kanadaSan",
        "param_mode": 0.3,
        "feature_scaling": "zscore",
        "objective": "similarity",
        "seed": 0,
        "score": "feature_knn",
    }


def test_every_parameter_has_one_line_that_explains_it() -> None:
    assert list(EXPLANATIONS) == [field.name for field in fields(Parameters)]
    assert all(text.endswith(".") and "\n" not in text for text in EXPLANATIONS.values())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("lowdim", 3, "lowdim is 3; maps have 2 dimensions, leave it at 2."),
        ("gamma0", -1e-9, "gamma0 is -1e-09; it must be at least 0 and less than 1."),
        ("alpha", 0, "alpha is 0; it must be more than 0 and at most 10."),
        ("imax", 2.5, "imax is 2.5; it must be a whole number."),
        ("imax", 0, "imax is 0; it must be at least 1 and at most 100000."),
        ("eta", 1, "eta is 1; it must be at least 0 and less than 1."),
        ("epsilon", 0.0, "epsilon is 0; it must be more than 0 and at most 0.1."),
        ("beta1", 1.0, "beta1 is 1; it must be at least 0 and less than 1."),
        ("beta2", float("nan"), "beta2 is nan; it must be at least 0 and less than 1."),
        ("beta", 1.0, "beta is 1; it must be more than 0 and less than 1."),
        ("a", 1.5, "a is 1.5; it must be at least 0 and at most 1."),
        ("w1", 0, "w1 is 0; it must be at least 1e-05 and at most 100."),
        ("w2", "1", "w2 is '1'; it must be a number."),
        ("param_mode", True, "param_mode is True; it must be a number."),
        ("seed", -1, "seed is -1; it must be at least 0 and at most 9.22337e+18."),
        ("which_w1", "Auto", "which_w1 is 'Auto'; it must be one of auto, fixed, anneal."),
        ("mode", "", "mode is ''; it must be one of kanadaSan, pca."),
        ("objective", None, "objective is None; it must be one of similarity, stress."),
        ("end_meta", " ", "end_meta is ' '; it must be a column's name of 1 to 255 characters."),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any, sentence: str) -> None:
    found = problems(replace(Parameters(), **{name: value}))

    assert [(one.field, one.message, one.warning) for one in found] == [(name, sentence, False)]


def test_all_problems_are_told_together_and_a_fit_refuses_with_them() -> None:
    parameters = Parameters(lowdim=3, alpha=-1, mode="random")

    assert [one.field for one in problems(parameters)] == ["alpha", "lowdim", "mode"]
    with pytest.raises(Unusable, match=r"alpha is -1; .* lowdim is 3; .* mode is 'random';"):
        fit(cloud(10), parameters)


def test_a_feature_column_cannot_be_metadata_too() -> None:
    found = problems(Parameters(end_meta="f_0"))

    assert [(one.field, one.warning) for one in found] == [("start_dim", False)]
    assert "both name 'f_0'" in found[0].message


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        (Parameters(a=1), "a"),
        (Parameters(objective="stress", which_w1="fixed"), "which_w1"),
        (Parameters(optimizer="sgd", alpha=2), "alpha"),
    ],
)
def test_what_is_unwise_is_a_warning_and_stops_no_fit(parameters: Parameters, field: str) -> None:
    assert [(one.field, one.warning) for one in problems(parameters)] == [(field, True)]
    assert len(fit(cloud(12), replace(parameters, imax=20)).coordinates) == 12


@pytest.mark.parametrize("name", list(CHOICES))
def test_every_word_that_may_be_chosen_is_right(name: str) -> None:
    for word in CHOICES[name]:
        found = problems(Parameters.from_json({name: word}))
        assert [one for one in found if not one.warning] == []


def test_the_fingerprint_names_what_can_change_a_map() -> None:
    base = Parameters().fingerprint()

    assert Parameters(seed=1).fingerprint() != base
    assert Parameters(objective="stress").fingerprint() != base
    assert Parameters(end_meta="machine", score="map_mahalanobis").fingerprint() == base


def test_parameters_come_back_from_json_and_unknown_names_are_refused() -> None:
    parameters = Parameters(seed=7, w1=0.1)

    assert Parameters.from_json(parameters.canonical()) == parameters
    assert Parameters.from_json({}) == Parameters()
    with pytest.raises(Unusable, match="gamma is not a parameter; known are a, alpha, beta,"):
        Parameters.from_json({"gamma": 1})
