"""Pictures: well-formed, with a message, without anything a strict policy would stop."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID
from xml.etree import ElementTree

import numpy as np
import pytest

from annotations import pictures
from annotations.knowledge.agreement import Agreement, cohen
from annotations.knowledge.calibration import Decisions, fit
from annotations.knowledge.reviewers import TIMES
from tests.annotations.knowledge import simulation

ANA, BEN, CID = (UUID(int=number) for number in (1, 2, 3))
NAMES = {ANA: "Ana <b>", BEN: "Ben & Co", CID: "Cid"}
AGREED = cohen(np.array([[40, 3], [2, 20]]))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ElementTree.Element:
    """The picture as a tree; nothing in it is a style or a script."""
    root = ElementTree.fromstring(svg)
    for part in root.iter():
        assert part.tag not in {f"{SVG}style", f"{SVG}script"}
        assert not {name for name in part.attrib if name == "style" or name.startswith("on")}
    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text
    return root


def title(svg: str) -> str:
    return drawn(svg)[0].text or ""


def test_reliability_shows_both_curves_with_intervals() -> None:
    before = simulation.decisions(300, np.random.default_rng(1))
    after = before.restated(fit(before).at(before.stated))

    svg = pictures.reliability_diagram(before, after)

    assert title(svg).startswith("Calibration error 0.3")
    assert len([line for line in drawn(svg) if line.get("class") == "interval"]) == 30


def test_reliability_of_one_curve_says_which_way_it_errs() -> None:
    before = simulation.decisions(300, np.random.default_rng(1))
    certain = Decisions(np.array([0.9]), np.array([10]), np.array([2]))

    assert "less sure than it should be" in title(pictures.reliability_diagram(before))
    assert "more sure than it should be: 90% said, 20% right" in title(
        pictures.reliability_diagram(certain)
    )


def test_agreement_has_a_cell_for_every_two() -> None:
    undefined = cohen(np.array([[5, 0], [0, 0]]))
    pairs = {(ANA, BEN): AGREED, (BEN, CID): undefined}

    root = drawn(pictures.agreement_matrix(NAMES, pairs))

    titles = [part[0].text or "" for part in root.iter(f"{SVG}rect")]
    assert titles == [
        "Ben & Co and Ana <b>: kappa 0.830 over 65 in common",
        "Cid and Ben & Co: not defined, both said one thing only (5 in common)",
    ]
    assert root[0].text == "Ana <b> and Ben & Co agree least: kappa 0.83"


def test_agreement_draws_the_first_twenty() -> None:
    many = {UUID(int=n): f"Person {n}" for n in range(1, 31)}
    pairs = {(UUID(int=1), person): AGREED for person in list(many)[1:]}

    root = drawn(pictures.agreement_matrix(many, pairs))

    assert len(list(root.iter(f"{SVG}rect"))) == 19


def test_times_have_a_bar_for_each_range() -> None:
    counts = [0, 1, 2, 30, 10, 0, 0, 0, 0, 0, 0, 1]

    root = drawn(pictures.time_histogram(TIMES, counts))

    titles = [part[0].text for part in root.iter(f"{SVG}rect")]
    assert titles[3] == "2 to 3 s: 30 decisions, 68%"
    assert titles[-1] == "more than 300 s: 1 decisions, 2%"
    assert root[0].text == "Half of the decisions took 3 s or less"


def test_times_refuse_counts_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="11 ends make 12 bins, not 3"):
        pictures.time_histogram(TIMES, [1, 2, 3])


def test_days_are_stacked_by_person_and_gaps_stay_empty() -> None:
    day = date(2026, 11, 1)
    days = {day: {ANA: 3, BEN: 5}, day + timedelta(days=3): {ANA: 4}}

    root = drawn(pictures.day_bars(days, NAMES))

    titles = [part[0].text for part in root.iter(f"{SVG}rect")]
    assert titles[:3] == [
        "01 November 2026: Ana <b>, 3",
        "01 November 2026: Ben & Co, 5",
        "04 November 2026: Ana <b>, 4",
    ]
    assert root[0].text == "12 decisions in 4 days, 8 on the busiest"


def test_the_ninth_person_is_one_of_the_others() -> None:
    people = {UUID(int=n): f"Person {n}" for n in range(1, 11)}

    svg = pictures.day_bars({date(2026, 11, 1): dict.fromkeys(people, 2)}, people)

    assert ">2 others</text>" in svg


def test_of_a_long_time_the_last_days_are_drawn() -> None:
    first = date(2026, 1, 1)
    days = {first + timedelta(days=n): {ANA: 1} for n in range(300)}

    assert title(pictures.day_bars(days, NAMES)) == "120 decisions in 120 days, 1 on the busiest"


@pytest.mark.parametrize(
    "svg",
    [
        pictures.reliability_diagram(Decisions(*np.zeros((3, 0)).astype(np.int64))),
        pictures.agreement_matrix(NAMES, {}),
        pictures.time_histogram(TIMES, [0] * 12),
        pictures.day_bars({}, NAMES),
    ],
    ids=["reliability", "agreement", "times", "days"],
)
def test_a_picture_of_nothing_says_what_is_missing(svg: str) -> None:
    assert "yet" in title(svg) or "No decisions" in title(svg)


def test_agreement_that_is_never_defined_is_said() -> None:
    pairs = {(ANA, BEN): Agreement(None, 1.0, 1.0, 4)}

    assert "cannot be told" in title(pictures.agreement_matrix(NAMES, pairs))
