"""The image list at 1,000 and at 1,000,000 images: first page, deep page, filtered, searched."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from config.admin.keyset import Keyset
from tests.benchmarks import installation
from tests.benchmarks.harness import Times, interleaved, publish, table

if TYPE_CHECKING:
    from django.test import Client

    from imaging.models import Image

_FEW, _MANY = 1_000, 1_000_000
_ROUNDS = 15

_INSERT = """
INSERT INTO images (id, user_id, file_name, file_path, file_size, mime_type, file_hash,
    image_dimensions, analysis_status, created_at, uploaded_at, perceptual_hash, is_duplicate)
SELECT new_key(), %(user)s, 'survey-' || n || '.jpg', 'originals/' || n, 1000 + n, 'image/jpeg',
    encode(sha256(n::text::bytea), 'hex'), '{"width": 4000, "height": 3000}',
    (ARRAY['pending', 'completed', 'completed', 'completed', 'failed'])[1 + n %% 5],
    %(now)s - n * interval '1 second', %(now)s, hashtextextended(n::text, 7), n %% 50 = 0
FROM generate_series(%(first)s::integer, %(last)s::integer) n
"""
_RESULTS = """
INSERT INTO analysis_results (image_id, user_id, algorithm_version, negative_space_data,
    confidence_score, processing_time_ms)
SELECT i.id, i.user_id, 'ns-1', '{"void_ratio": 0.5}', 0.9, 120
FROM images i LEFT JOIN analysis_results r ON r.image_id = i.id
WHERE i.analysis_status = 'completed' AND r.id IS NULL
"""


def main() -> None:
    """Fill, measure, fill more, measure again; the ratio is what counts."""
    installation.prepare()
    from django.test import Client

    from accounts.models import User

    user = User.objects.create_user("bench@example.org", role="admin")
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    measured: dict[int, dict[str, tuple[Times, int]]] = {}
    for size, first in ((_FEW, 1), (_MANY, _FEW + 1)):
        _fill(user.pk, first, size)
        pages = _pages(client, size)
        measured[size] = _measure(client, pages)
    _publish(measured)


def _fill(user: UUID, first: int, last: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from database.connections import as_owner

    now = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(_INSERT, {"user": user, "now": now, "first": first, "last": last})
        cursor.execute(_RESULTS)
        cursor.execute("VACUUM ANALYZE images")
        cursor.execute("VACUUM ANALYZE analysis_results")


def _pages(client: Client, size: int) -> dict[str, str]:
    """The addresses measured. The deep page's is built as the pager builds it, from a row."""
    from imaging.models import Image

    start = "/imaging/image/"
    middle = Image.objects.order_by("-created_at", "-id")[size // 2 : size // 2 + 1].get()
    return {
        "first page": start,
        "deep page (half way down)": start + "?after=" + _cursor(middle),
        "filtered: failed": start + "?analysis_status=failed",
        "searched by the beginning of a name": start + "?q=survey-1",
    }


def _cursor(image: Image) -> str:
    from imaging.models import Image

    keyset = Keyset(Image.objects.all(), ("-created_at", "-id"))
    return quote(keyset._write(image))


def _measure(client: Client, pages: dict[str, str]) -> dict[str, tuple[Times, int]]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def visit(address: str) -> Callable[[], object]:
        def get() -> object:
            response = client.get(address)
            assert response.status_code == 200, (address, response.status_code)
            assert len(re.findall(r"survey-\d+", response.text)) > 50, address
            return response

        return get

    times = interleaved({name: visit(url) for name, url in pages.items()}, rounds=_ROUNDS)
    found = {}
    for name, url in pages.items():
        with CaptureQueriesContext(connection) as queries:
            visit(url)()
        found[name] = (times[name], len(queries))
    return found


def _publish(measured: dict[int, dict[str, tuple[Times, int]]]) -> None:
    few, many = measured[_FEW], measured[_MANY]
    rows = [
        (
            name,
            str(few[name][0]),
            str(many[name][0]),
            f"{many[name][0].median / few[name][0].median:.2f}",
            f"{few[name][1]} / {many[name][1]}",
        )
        for name in few
    ]
    worst = max(many[name][0].median / few[name][0].median for name in few)
    depth = many["deep page (half way down)"][0].median / many["first page"][0].median
    publish(
        "image_list",
        f"The image list at 1,000,000 images: at most {worst:.1f} times its time at 1,000",
        "Whole requests through every middleware and the template (Django's test client), 100 rows"
        f" a page, three of five images analysed. {installation.server_version()}, private server."
        f" At 1,000,000 images the page half way down takes {depth:.2f} times the first page's"
        " time.",
        table(("page", "1,000 images", "1,000,000 images", "ratio", "queries"), rows),
        packages=("django", "psycopg"),
    )


if __name__ == "__main__":
    main()
