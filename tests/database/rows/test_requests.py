"""What requests see: alone, and thousands side by side on a few shared connections."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client

from accounts.models import User
from database.actor import acting_as_system
from tests.database.rows import world
from tests.database.rows.browsing import Browser, served

pytestmark = pytest.mark.usefixtures("committed", "pages", "own_loop")

ENDINGS = {
    "alone": 200,
    "together": 200,
    "iterated": 200,
    "asynchronous": 200,
    "streamed": 200,
    "streamed_for": 200,
    "handed_out": 200,
    "in_a_thread": 200,
    "fails": 500,
    "fails_in_sql": 500,
    "breaks": 500,
    "leaves_open": 200,
}
# How often each is asked for in a crowd; what breaks a connection is rarer, as in life. A page
# whose thread wants a second connection while it holds the first would wait for itself there.
_WEIGHTS = [20, 10, 5, 3, 5, 5, 2, 0, 10, 10, 1, 1]


@pytest.fixture
def pages(settings: Any) -> Iterator[None]:
    """The pages of these tests, whose errors need not be told."""
    settings.ROOT_URLCONF = "tests.database.rows.pages"
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def application(committed: world.World) -> Iterator[WSGIHandler]:
    with served(pool_size=3) as handler:
        yield handler


def person(name: str) -> User:
    return User.objects.get(pk=world.key("users", name))


def browsers(application: WSGIHandler) -> dict[str, Browser]:
    """A browser for each person, who is known by id, and one of nobody."""
    with acting_as_system():
        everybody = list(User.objects.filter(is_active=True).exclude(role="admin"))
    return {str(user.pk): Browser(application, user) for user in everybody} | {
        "": Browser(application, None)
    }


def owners(page: str, body: str) -> set[str]:
    """Whose rows an answer holds."""
    if page.startswith("streamed"):
        return set(body.split()) - {"nobody"}
    return set(json.loads(body)["owners"])


@pytest.mark.parametrize("page", ENDINGS)
def test_a_page_shows_its_person_s_rows_however_it_ends(
    application: WSGIHandler, page: str
) -> None:
    asked = browsers(application)
    for who, browser in asked.items():
        answer = browser.get(f"/{page}")
        assert answer.status == ENDINGS[page]
        if answer.status != 200 or page == "handed_out":
            continue
        # Nobody is named any more while a stream is sent, nor in a thread of one's own.
        wanted = {who} - {""} if page not in {"streamed", "in_a_thread"} else set()
        assert owners(page, answer.body) == wanted
        assert owners("alone", browser.get("/alone").body) == {who} - {""}
    assert len(asked) > 4


def test_nobody_sees_no_rows_in_a_process_that_is_the_system(client: Client) -> None:
    """As ``manage.py runserver`` is: the process sees all, its requests do not."""
    assert client.get("/alone").json() == {"owners": [], "people": 0}


def test_a_person_sees_their_own_in_a_process_that_is_the_system(client: Client) -> None:
    client.force_login(person("analyst"))

    answer = client.get("/alone").json()

    assert answer["owners"] == [str(world.key("users", "analyst"))]
    assert answer["people"] > 1


def test_an_admin_sees_everybody_s(client: Client) -> None:
    client.force_login(person("admin"))

    assert len(client.get("/alone").json()["owners"]) > 4


def test_who_is_deactivated_is_nobody_from_the_next_request_on(client: Client) -> None:
    """ASVS 7.4.2: an account that is disabled has no session any more."""
    client.force_login(person("analyst"))
    assert client.get("/alone").json()["people"] > 1
    User.objects.filter(pk=world.key("users", "analyst")).update(is_active=False)

    assert client.get("/alone").json() == {"owners": [], "people": 0}


def test_a_demotion_is_in_force_in_the_next_request(client: Client) -> None:
    second = User.objects.create(email="second@example.org", role="admin")
    client.force_login(second)
    assert len(client.get("/alone").json()["owners"]) > 4
    User.objects.filter(pk=second.pk).update(role="viewer")

    assert client.get("/alone").json()["owners"] == []


def browse(application: WSGIHandler, *, requests: int, threads: int) -> Counter[str]:
    """So many requests of different people at once; counts the pages, and the leaks."""
    people = browsers(application)
    counted: Counter[str] = Counter()
    lock = threading.Lock()

    def one(seed: int) -> None:
        chance = random.Random(seed)
        mine: Counter[str] = Counter()
        try:
            for _ in range(requests // threads):
                who, browser = chance.choice(list(people.items()))
                [page] = chance.choices(list(ENDINGS), _WEIGHTS)
                answer = browser.get(f"/{page}")
                mine[page] += 1
                mine["unexpected"] += answer.status != ENDINGS[page]
                if answer.status == 200 and page != "handed_out":
                    found = owners(page, answer.body)
                    mine["leaks"] += bool(found - {who})
                    mine["found"] += bool(found)
        except BaseException as error:
            mine[f"died of {error!r}"] += 1
            raise
        finally:
            connections.close_all()
            with lock:
                counted.update(mine)

    crew = [threading.Thread(target=one, args=[seed]) for seed in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return counted


def test_hundreds_of_requests_on_three_connections_see_no_row_of_others(
    application: WSGIHandler,
) -> None:
    counted = browse(application, requests=400, threads=8)

    assert {key: counted[key] for key in counted if key.startswith("died")} == {}
    assert (counted["leaks"], counted["unexpected"]) == (0, 0)
    assert counted["found"] > 100


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_ten_thousand_requests_on_three_connections_see_no_row_of_others(
    application: WSGIHandler,
) -> None:
    counted = browse(application, requests=10_000, threads=8)

    assert {key: counted[key] for key in counted if key.startswith("died")} == {}
    assert (counted["leaks"], counted["unexpected"]) == (0, 0)
    assert counted["found"] > 2500
    assert counted["breaks"] > 20
