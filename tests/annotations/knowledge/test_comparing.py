"""Comparing providers in the database: which images count, what is true, what it cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from annotations.actions import comparing
from annotations.knowledge import queries
from annotations.knowledge.errors import NothingToCompare
from annotations.models import Annotation
from imaging.models import Image
from tests.annotations.knowledge.deciding import box, days_ago, decided, looked, proposal
from tests.factories import make_image, make_user

BIRD = box(0.1, 0.1, 0.4, 0.4)
NEAR = box(0.1, 0.1, 0.4, 0.3)  # overlaps BIRD by .75
ELSEWHERE = box(0.6, 0.6, 0.3, 0.3)


@pytest.fixture
def reviewer(db: None) -> User:
    """Who decides."""
    return make_user("moderator")


def found(image: Image, provider: str, place: Any, **given: Any) -> Annotation:
    row = proposal(image, vision_provider=provider, bounding_box=place, **given)
    row.save(force_insert=True)
    return row


def both_looked(reviewer: User) -> Image:
    """Local found the bird, openai found it less well and something that is none."""
    image = make_image()
    looked(image, "local", cost="0", response_time_ms=60)
    looked(image, "openai", cost="0.01", response_time_ms=2000)
    found(image, "local", BIRD, **decided(reviewer))
    found(image, "openai", NEAR, **decided(reviewer, approved=False))
    found(image, "openai", ELSEWHERE, **decided(reviewer, approved=False))
    return image


def test_providers_are_held_to_what_people_left_standing(reviewer: User) -> None:
    both_looked(reviewer)

    compared = comparing.compare(["local", "openai"])

    local, other = compared.standings["local"], compared.standings["openai"]
    assert compared.images == 1
    assert (local.matched, local.proposed, local.truth, local.accepted) == (1, 1, 1, 1)
    # The box that was rejected as a second one of the same bird is right all the same.
    assert (other.matched, other.proposed, other.truth, other.accepted) == (1, 2, 1, 0)
    assert other.figures["mean_iou"].value == pytest.approx(0.75)
    assert local.cost == 0
    assert other.cost == pytest.approx(0.01)
    assert local.figures["cost_per_accepted"].value == 0
    assert other.figures["cost_per_accepted"].value is None
    assert other.latency_p50.value == 2000


def test_one_bird_approved_twice_is_one_bird(reviewer: User) -> None:
    image = both_looked(reviewer)
    Annotation.objects.filter(image=image, bounding_box=NEAR).update(**decided(reviewer))

    compared = comparing.compare(["local", "openai"])

    assert compared.standings["local"].figures["recall"].value == 1
    assert compared.standings["openai"].figures["recall"].value == 1


def test_a_box_that_a_person_mended_is_the_truth_and_what_was_proposed_is_judged(
    reviewer: User,
) -> None:
    image = make_image()
    looked(image, "local")
    row = found(image, "local", NEAR)
    Annotation.objects.filter(pk=row.pk).update(bounding_box=BIRD, **decided(reviewer))

    standing = comparing.compare(["local"]).standings["local"]

    assert standing.figures["mean_iou"].value == pytest.approx(0.75)


def test_a_wrong_label_is_a_wrong_box(reviewer: User) -> None:
    image = make_image()
    looked(image, "local")
    row = found(image, "local", BIRD, label=" Robin")
    other = found(image, "local", ELSEWHERE, label="wren")
    Annotation.objects.filter(pk=row.pk).update(label="robin", **decided(reviewer))
    Annotation.objects.filter(pk=other.pk).update(label="duck", **decided(reviewer))

    standing = comparing.compare(["local"]).standings["local"]

    assert (standing.matched, standing.proposed) == (1, 2)  # case and spaces make no difference


def test_what_a_person_drew_counts_as_missed(reviewer: User) -> None:
    image = both_looked(reviewer)
    drawn = Annotation(image=image, user=reviewer, label="robin", bounding_box=ELSEWHERE)
    for name, value in decided(reviewer).items():
        setattr(drawn, name, value)
    drawn.save(force_insert=True)

    compared = comparing.compare(["local", "openai"])

    assert compared.standings["local"].figures["recall"].value == 0.5
    assert compared.standings["openai"].figures["recall"].value == 1


def test_an_image_that_is_not_finished_or_that_one_alone_saw_does_not_count(
    reviewer: User,
) -> None:
    both_looked(reviewer)
    unfinished, alone = both_looked(reviewer), make_image()
    found(unfinished, "local", ELSEWHERE)
    looked(alone, "local")
    found(alone, "local", BIRD, **decided(reviewer))

    assert comparing.compare(["local", "openai"]).images == 1
    assert comparing.compare(["local"]).images == 2


def test_a_provider_that_looked_and_found_nothing_is_counted(reviewer: User) -> None:
    image = make_image()
    looked(image, "local")
    looked(image, "openai")
    found(image, "local", BIRD, **decided(reviewer))

    silent = comparing.compare(["local", "openai"]).standings["openai"]

    assert (silent.proposed, silent.truth) == (0, 1)
    assert silent.figures["recall"].value == 0


def test_cached_answers_tell_no_latency_and_failed_calls_cost(reviewer: User) -> None:
    image = both_looked(reviewer)
    looked(image, "openai", from_cache=True, cost="0", response_time_ms=1)
    looked(image, "openai", status="failed", cost="0.02", response_time_ms=None)
    Annotation.objects.filter(image=image, bounding_box=NEAR).update(**decided(reviewer))

    standing = comparing.compare(["local", "openai"]).standings["openai"]

    assert standing.latency_p50.value == 2000
    assert standing.figures["cost_per_accepted"].value == pytest.approx(0.03)


def test_models_of_one_provider_are_compared_by_name(reviewer: User) -> None:
    image = make_image()
    for model, place in (("small-1", NEAR), ("large-1", BIRD)):
        looked(image, "openai", model=model)
        found(image, "openai", place, vision_model=model, **decided(reviewer))

    compared = comparing.compare(["openai:small-1", "openai:large-1", "openai:small-1"])

    assert list(compared.standings) == ["openai:small-1", "openai:large-1"]
    assert [one.proposed for one in compared.standings.values()] == [1, 1]


def test_only_images_finished_since_a_moment(reviewer: User) -> None:
    old = both_looked(reviewer)
    both_looked(reviewer)
    Annotation.objects.filter(image=old).update(reviewed_at=days_ago(40))

    since = datetime.now(UTC) - timedelta(days=30)

    assert comparing.compare(["local", "openai"], since=since).images == 1


def test_by_default_everybody_who_annotated_is_compared(reviewer: User) -> None:
    both_looked(reviewer)

    assert queries.known_providers() == ["local", "openai"]
    assert list(comparing.compare().standings) == ["local", "openai"]


def test_nothing_in_common_is_said_with_what_to_do(reviewer: User) -> None:
    with pytest.raises(NothingToCompare, match="No provider has annotated anything"):
        comparing.compare()
    both_looked(reviewer)
    with pytest.raises(NothingToCompare, match="each of local and google annotated and people"):
        comparing.compare(["local", "google"])


def test_a_comparison_may_be_repeated_in_one_transaction(reviewer: User) -> None:
    both_looked(reviewer)

    assert comparing.compare(["local"]) == comparing.compare(["local"])


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("compare_providers", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_figures_with_intervals(reviewer: User) -> None:
    for _ in range(5):
        both_looked(reviewer)

    text = run("local", "openai")

    assert "On 5 images" in text
    assert "local: 5 of 5 boxes right, of 5 that there are; 5 accepted for 0.0000 $" in text
    assert "precision              1  [0.5655, 1]" in text
    assert "local minus openai, on the same images:" in text
    assert "recall                 0  [0, 0]  (may be chance)" in text


def test_the_command_prints_json_alone(reviewer: User) -> None:
    both_looked(reviewer)

    outcome = json.loads(run("--json"))

    assert outcome["images"] == 1
    assert outcome["providers"]["openai"]["precision"]["value"] == 0.5
    assert outcome["differences"][0]["precision"]["value"] == 0.5


def test_the_command_refuses_in_a_sentence(reviewer: User) -> None:
    with pytest.raises(CommandError, match="No provider has annotated"):
        run()
    with pytest.raises(CommandError, match="'yesterday' is not a day"):
        run("--since", "yesterday")
