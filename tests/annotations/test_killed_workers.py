"""A worker killed between a provider's answer and its storing: not billed twice, not lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from database import embedded
from tests.pictures import disc, encoded
from tests.providers.stub import KEY, Stub, stub
from tests.site import Site

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

# Run inside the installation: a provider with a key and a price, and a job for the one image.
_ASK = """
from accounts.models import User
from annotations.actions import ai_jobs
from imaging.models import Image
from tests.factories import make_price, make_provider
provider = make_provider("openai", key={key!r}, base_url={url!r}, timeout_seconds=30)
make_price(provider)
ai_jobs.ask(Image.objects.get(), by=User.objects.get(), provider="openai")
"""


@pytest.fixture
def served() -> Iterator[Stub]:
    """A provider on this machine."""
    with stub() as running:
        yield running


@pytest.fixture
def site(open_path: Path, served: Stub) -> Iterator[Site]:
    """One image, one AI job, and nobody working yet."""
    site = Site(open_path / "home")
    site.environment["PROVIDER_NETWORKS"] = "127.0.0.0/8"
    site.manage("migrate", "--verbosity", "0")
    site.query(
        "INSERT INTO users (email, password_hash, role)"
        " VALUES ('admin@example.org', '', 'admin') RETURNING id"
    )
    picture = open_path / "bird.png"
    picture.write_bytes(encoded(disc(640, 480), "PNG"))
    site.manage("import_images", str(picture))
    site.manage("shell", "-c", _ASK.format(key=KEY, url=served.base_url("openai")))
    yield site
    site.stop()


def test_an_answer_that_was_paid_for_survives_its_worker(site: Site, served: Stub) -> None:
    host = embedded.ensure_running(site.home / "postgres")
    with psycopg.connect(host=str(host), user="lacuna_owner", dbname="lacuna") as connection:
        # The answer is paid for and kept; storing its boxes waits for this transaction.
        connection.execute("LOCK TABLE annotations IN ACCESS EXCLUSIVE MODE")
        worker = site.start_worker()
        site.wait_for(lambda: site.count("SELECT count(*) FROM usage_ledger") == 1)
        worker.kill()
        worker.wait()
        connection.rollback()
    assert site.count("SELECT count(*) FROM annotations") == 0

    site.start_worker()
    site.wait_for(
        lambda: (
            site.count("SELECT count(*) FROM ai_annotation_jobs WHERE status = 'completed'") == 1
        )
    )

    assert served.billed == 1
    assert site.count("SELECT count(*) FROM usage_ledger") == 1
    assert site.count("SELECT count(*) FROM usage_holds WHERE settled_at IS NULL") == 0
    ((boxes, from_cache),) = site.query("SELECT box_count, from_cache FROM ai_annotation_jobs")
    assert (boxes, from_cache) == (1, True)
    assert site.count("SELECT count(*) FROM annotations") == 1
