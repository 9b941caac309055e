"""The pages of exercises, by forms alone."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from annotations.actions import exercises
from annotations.models import Annotation, Exercise, ExerciseAnswer
from tests.annotations.test_exercises import BIRDS, approve, asked, birds, reviewer
from tests.factories import make_image, make_user

__all__ = ["birds", "reviewer"]

pytestmark = pytest.mark.django_db

START = "/annotations/exercises/"


@pytest.fixture
def desk(client: Client, reviewer: User) -> Client:
    """The reviewer's browser."""
    client.force_login(reviewer)
    return client


def test_without_approved_annotations_the_page_says_what_is_lacking(desk: Client) -> None:
    page = desk.get(START).content.decode()

    assert "4 at least. There are 0 so far." in page
    assert reverse("admin:annotations_desk") in page


def test_an_exercise_is_played_by_forms_alone(birds: list[Annotation], desk: Client) -> None:
    started = desk.post(START, {"type": "identify", "difficulty": "easy", "topic": ""})
    address = started["Location"]
    made = Exercise.objects.get()
    for number, question in enumerate(asked(made), start=1):
        page = desk.get(address).content.decode()
        assert f"Question {number} of 10." in page
        assert question["choices"][question["right"]] in page
        assert '"right"' not in page
        assert 'class="box-line" x="10" y="20" width="40" height="40"' in page
        said = {"number": number, "said": question["right"], "ms": "1500"}
        shown = desk.post(address, said, follow=True).content.decode()
        assert "Right: it is “" in shown
    page = desk.get(address).content.decode()

    assert "10 of 10" in page
    assert "1.5 s" in page
    assert "How you have done" in desk.get(START).content.decode()


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        ("find", {"x": "30", "y": "40"}, "Right: there it is"),
        ("find", {"left": "60", "top": "60", "right": "90", "bottom": "90"}, "Not right: it is"),
        ("verify", {"said": "yes"}, "ight: it is “"),
    ],
)
def test_places_and_yes_or_no_are_answered_by_forms_too(
    kind: str, said: dict[str, str], words: str, birds: list[Annotation], desk: Client
) -> None:
    address = desk.post(START, {"type": kind, "difficulty": "easy"})["Location"]

    page = desk.post(address, {"number": "1", **said}, follow=True).content.decode()

    assert words in page


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"number": "x", "said": "0"},
        {"number": "99", "said": "0"},
        {"number": "1", "said": "²"},
        {"number": "1", "said": "9" * 40},
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    said: dict[str, str], birds: list[Annotation], desk: Client
) -> None:
    address = desk.post(START, {"type": "identify", "difficulty": "easy"})["Location"]

    answer = desk.post(address, said, follow=True)

    assert answer.status_code == 200
    assert not ExerciseAnswer.objects.exists()


def test_a_start_that_is_refused_says_why(birds: list[Annotation], desk: Client) -> None:
    for said, words in (
        ({"type": "guess", "difficulty": "easy"}, "no such exercise"),
        ({"type": "find", "difficulty": "hard"}, "needs 4 approved annotations"),
    ):
        assert words in desk.post(START, said, follow=True).content.decode()


def test_the_exercise_of_another_is_not_found(
    birds: list[Annotation], reviewer: User, client: Client
) -> None:
    made = exercises.start("identify", "easy", by=reviewer)
    client.force_login(make_user("moderator"))

    assert client.get(f"{START}{made.pk}/").status_code == 404


def test_who_does_not_review_has_no_exercises(client: Client) -> None:
    client.force_login(make_user("viewer"))

    assert client.get(START).status_code == 403


def test_the_name_of_the_file_does_not_tell_the_answer(reviewer: User, desk: Client) -> None:
    for label in BIRDS:
        approve(label, image=make_image(file_name=f"{label}.jpg"))
    address = desk.post(START, {"type": "identify", "difficulty": "easy"})["Location"]

    assert not re.search(r"(robin|wren|sparrow|kestrel)\.jpg", desk.get(address).content.decode())
