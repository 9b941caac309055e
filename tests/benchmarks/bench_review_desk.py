"""The review desk with 1,000,000 annotations waiting: the next item, a decision, all that fits.

From a decision to the next picture on the screen is measured in a headless browser, by the page's
own clock: from the key to the first frame after the picture was decoded and shown.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.benchmarks import installation
from tests.benchmarks.harness import Times, publish, table

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

_MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
_IMAGES = 20_000
_BULK = 10_000
_DECISIONS = 60
_ROUNDS = 100

_IMAGE_ROWS = """
INSERT INTO images (id, user_id, file_name, file_path, file_size, mime_type, file_hash,
    image_dimensions)
SELECT new_key(), %(user)s, 'survey-' || n || '.jpg', 'originals/' || n, 1000 + n, 'image/jpeg',
    encode(sha256(('desk' || n)::bytea), 'hex'), '{"width": 1600, "height": 1200}'
FROM generate_series(1, %(images)s::integer) n
"""
# Ten thousand of one label, to be approved at once; the rest spread over forty.
_ANNOTATION_ROWS = """
INSERT INTO annotations (id, image_id, label, bounding_box, vision_generated, vision_confidence,
    vision_provider, vision_model)
SELECT new_key(), i.keys[1 + n %% %(images)s],
    CASE WHEN n <= %(bulk)s THEN 'house sparrow' ELSE 'label ' || n %% 40 END,
    '{"topLeft": {"x": 0.1, "y": 0.2}, "bottomRight": {"x": 0.5, "y": 0.6},
      "width": 0.4, "height": 0.4}',
    true, 0.01 + 0.98 * (n %% 9973) / 9973.0, 'local', 'bench-1'
FROM generate_series(1, %(many)s::integer) n,
    (SELECT array_agg(id) AS keys FROM images) i
"""
_WATCH = """
() => {
  window.took = [];
  let pressed = 0;
  window.addEventListener("keydown", () => { pressed = performance.now(); }, { capture: true });
  const stage = document.querySelector("[data-stage]");
  new MutationObserver(() => requestAnimationFrame(() => {
    if (pressed) window.took.push(performance.now() - pressed);
    pressed = 0;
  })).observe(stage, { attributes: true, attributeFilter: ["data-shown"] });
}
"""


def main() -> None:
    """Fill, measure, publish."""
    _prepare()
    from accounts.models import User

    people = [
        User.objects.create_user(f"bench{number}@example.org", role="admin") for number in range(3)
    ]
    _fill(people[0])
    queries = _next_items(people[0])
    server = _requests(people[1])
    shown = _browser(people[2])
    bulk = _bulk(people[0])
    _publish(queries, server, shown, bulk)


def _prepare() -> None:
    """Every table made and empty, those too that refuse to be emptied."""
    installation.connect()
    from django.core.management import call_command
    from django.db import connection

    from database.connections import as_admin, own_connection

    call_command("migrate", verbosity=0)
    with as_admin(connection), own_connection() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("TRUNCATE users CASCADE")


def _fill(by: User) -> None:
    """Rows without triggers; photographs with files for the least certain, which come first."""
    from django.db import connection

    from database.connections import as_admin, own_connection
    from imaging.actions import uploads
    from tests.annotations.making import make_annotation
    from tests.pictures import disc, encoded

    said = {"user": by.pk, "images": _IMAGES, "bulk": _BULK, "many": _MANY}
    with as_admin(connection), own_connection() as admin:
        admin.execute("TRUNCATE annotations, images CASCADE")
        admin.execute("SET session_replication_role = replica")
        admin.execute(_IMAGE_ROWS, said)
        admin.execute(_ANNOTATION_ROWS, said)
    for number in range(12):
        picture = encoded(disc(1600, 1200, seed=number))
        image = uploads.receive(io.BytesIO(picture), name=f"bird {number}.jpg", by=by).image
        for each in range((_DECISIONS + 10) // 12 + 1):
            make_annotation(image=image, vision_confidence=f"0.00{each + 1:02}")
    with as_admin(connection), own_connection() as admin:
        admin.execute("VACUUM ANALYZE annotations")
        admin.execute("VACUUM ANALYZE images")


def _timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def _next_items(by: User) -> dict[str, Times]:
    """``claims.next_for`` as the desk asks it, a transaction each, walking down the queue."""
    from annotations.actions import claims
    from annotations.actions.claims import Filters, Place

    measured = {}
    for name, filters in (
        ("next item, no filter", Filters()),
        ("next item, one label", Filters(label="label 7")),
        ("next item, provider and confidence", Filters(provider="local", least=_half())),
    ):
        place: Place | None = None
        rounds = []
        for _ in range(_ROUNDS):
            begin = time.perf_counter()
            found = claims.next_for(by, filters, after=place)
            rounds.append(time.perf_counter() - begin)
            assert found is not None
            place = Place(found.review_rank, found.pk)
        measured[name] = Times(tuple(rounds))
        claims.release_all(by=by)
    return measured


def _half() -> Any:
    from decimal import Decimal

    return Decimal("0.5")


def _requests(by: User) -> dict[str, Times]:
    """Whole requests through every middleware, as the page makes them."""
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(by)
    filters = {"label": "label 3"}
    items = _post(client, "next", ahead=2, filters=filters)["items"]
    rounds = []
    for _ in range(_ROUNDS):
        item, following = items

        def decide(item: Any = item, following: Any = following) -> None:
            answer = _post(
                client,
                "decide",
                ticket=item["ticket"],
                version=item["version"],
                decision="approved",
                after=following["ticket"],
                holding=[following["id"]],
                ahead=1,
                filters=filters,
            )
            items[:] = [following, *answer["items"]]

        rounds.append(_timed(decide))
    count = [_timed(lambda: _post(client, "next", ahead=0, count=True)) for _ in range(20)]
    return {
        "decision, answered with the next item": Times(tuple(rounds)),
        "counting what waits (to 10,000)": Times(tuple(count)),
    }


def _post(client: Client, name: str, **said: Any) -> Any:
    response = client.post(
        f"/annotations/desk/{name}/", json.dumps(said), content_type="application/json"
    )
    assert response.status_code == 200, response.content
    return response.json()


@contextmanager
def _served() -> Iterator[str]:
    """The site on a free port of this machine, in threads of this process."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    thread = LiveServerThread("localhost", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    yield f"http://localhost:{thread.port}"
    thread.terminate()


def _browser(by: User) -> Times:
    """Sixty decisions by key; each waits until the next picture is on the screen."""
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from tests.browser.provide import find_browser

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(headers={"host": "localhost"})
    client.force_login(by)
    name = settings.SESSION_COOKIE_NAME
    cookie = {
        "name": name,
        "value": client.cookies[name].value,
        "domain": "localhost",
        "path": "/",
    }
    with _served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])  # type: ignore[list-item] # a dictionary of that shape
        page = context.new_page()
        page.goto("/annotations/desk/")
        page.wait_for_selector("[data-shown]", timeout=60_000)
        page.evaluate(_WATCH)
        for number in range(_DECISIONS):
            page.keyboard.press("a")
            while page.evaluate("window.took.length") <= number:
                page.wait_for_timeout(20)
            page.wait_for_timeout(150)  # nobody decides faster
        took = page.evaluate("window.took")
        browser.close()
    return Times(tuple(one / 1000 for one in took))


def _bulk(by: User) -> tuple[int, float]:
    """Ten thousand approvals, each with its review, its earlier version and its audit entry."""
    from annotations.actions import bulk
    from annotations.actions.claims import Filters
    from annotations.models import Decision

    begin = time.perf_counter()
    done = bulk.decide_all(Filters(label="house sparrow"), Decision.APPROVED, by=by)
    count = sum(each for each, _ in done)
    return count, time.perf_counter() - begin


def _publish(
    queries: dict[str, Times], server: dict[str, Times], shown: Times, bulk: tuple[int, float]
) -> None:
    count, seconds = bulk
    rows = [(name, str(times)) for name, times in (queries | server).items()]
    rows.append(("key to next picture on the screen", str(shown)))
    rows.append((f"{count:,} approvals in bulk", f"{seconds:.2f} s, once"))
    publish(
        "review_desk",
        f"The review desk with {_MANY:,} annotations waiting: the next picture"
        f" {shown.median * 1e3:.0f} ms after the key",
        f"{_MANY:,} annotations wait on {_IMAGES:,} images; {installation.server_version()}, a"
        " private server. Requests are whole ones through every middleware. In the browser"
        f" {_DECISIONS}"
        " decisions are made by key on photographs of 1600 by 1200 pixels, the next two of which"
        " are always there beforehand.",
        table(("what", "median (least to most)"), rows),
        packages=("django", "psycopg", "playwright"),
    )


if __name__ == "__main__":
    main()
