"""A million boxes out in each format, and a hundred thousand in: boxes a second, peak memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks import installation
from tests.benchmarks.harness import in_own_process, peak_memory, publish, table

_MODULE = "tests.benchmarks.bench_annotation_exchange"
_KINDS = ("coco", "yolo", "voc", "csv")
_PER_IMAGE = 20
_LARGE, _SMALL = 1_000_000, 100_000  # boxes
_MAKE = """
INSERT INTO images (id, user_id, file_name, file_path, file_size, mime_type, file_hash,
    image_dimensions)
SELECT md5('image ' || n)::uuid, %(person)s, 'image-' || n || '.jpg', 'originals/' || n, 1000,
    'image/jpeg', encode(sha256(n::text::bytea), 'hex'), '{"width": 6000, "height": 4000}'
FROM generate_series(1, %(images)s) n;
INSERT INTO annotations (image_id, user_id, label, bounding_box, vision_generated,
    vision_confidence, vision_provider, vision_model)
SELECT md5('image ' || n)::uuid, %(person)s, 'bird ' || (k %% 20), format(
    '{"topLeft": {"x": %%s, "y": %%s}, "bottomRight": {"x": %%s, "y": %%s},'
    ' "width": 0.1, "height": 0.2}', k * 0.01, n %% 700 * 0.001, k * 0.01 + 0.1,
    n %% 700 * 0.001 + 0.2
)::jsonb, true, 0.5, 'local', 'bench'
FROM generate_series(1, %(images)s) n, generate_series(1, %(per_image)s) k;
"""


def main() -> None:
    """Make the boxes, then measure each format in a process of its own."""
    installation.connect()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    exported = _measured("export", _LARGE)
    imported = _measured("import", _SMALL)
    _make(0)
    rows = [
        (
            kind,
            f"{_LARGE / out['seconds']:,.0f}",
            f"{out['above']:.0f} MB",
            f"{out['size'] / 1e6:,.0f} MB",
            f"{_SMALL / back['seconds']:,.0f}",
            f"{back['above']:.0f} MB",
        )
        for kind, out, back in zip(_KINDS, exported, imported, strict=True)
    ]
    most = max(out["above"] for out in exported)
    publish(
        "annotation_exchange",
        f"A million boxes are exported in at most {most:.0f} MB of memory",
        f"{_LARGE:,} boxes in {_LARGE // _PER_IMAGE:,} images out of the database into a file, and"
        f" {_SMALL:,} boxes in {_SMALL // _PER_IMAGE:,} images, the most that a file may hold"
        " unless an operator says otherwise, out of such a file into the database: checked, stored"
        " in one transaction, with an entry in the audit log for each image."
        " Through Django, one run each;"
        f" memory is the peak above the idle process. {installation.server_version()}, private"
        " server.",
        table(
            (
                "format",
                "boxes a second, out",
                "memory",
                "file",
                "boxes a second, in",
                "memory",
            ),
            rows,
        ),
        packages=("django", "psycopg"),
    )


def _measured(verb: str, boxes: int) -> list[dict[str, Any]]:
    _make(boxes)
    found = []
    with TemporaryDirectory() as folder:
        for kind in _KINDS:
            path = str(Path(folder) / kind)
            if verb == "import":
                in_own_process(_MODULE, "export", kind, path)
                _forget_boxes()
            found.append(in_own_process(_MODULE, verb, kind, path))
            Path(path).unlink()
    return found


def _make(boxes: int) -> None:
    """So many boxes, and no others; triggers are left out, the indexes are not."""
    from django.db import connection

    from accounts.models import User
    from database.connections import as_admin, own_connection

    with as_admin(connection), own_connection() as admin:
        admin.execute("SET session_replication_role = replica")  # some tables forbid it
        admin.execute("TRUNCATE users CASCADE")
    person = User.objects.create(email="bench@example.org", role="admin")
    with as_admin(connection), own_connection() as admin, admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        for statement in _MAKE.split(";\n")[:2] if boxes else ():
            admin.execute(
                statement.encode(),
                {
                    "person": person.pk,
                    "images": boxes // _PER_IMAGE,
                    "per_image": _PER_IMAGE,
                },
            )
    with as_admin(connection), own_connection() as admin:
        admin.execute("ANALYZE images, annotations")


def _forget_boxes() -> None:
    from django.db import connection

    from database.connections import as_admin, own_connection

    with as_admin(connection), own_connection() as admin:
        admin.execute("TRUNCATE annotations CASCADE")


def measure(verb: str, kind: str, path: Path) -> None:
    """The child: seconds, memory and size as JSON."""
    installation.connect()
    from accounts.models import User
    from annotations.actions import exchange
    from database.actor import acting_as

    person = User.objects.get()
    idle = peak_memory()
    begin = time.perf_counter()
    with acting_as(person.pk):
        if verb == "export":
            with path.open("wb") as output:
                exchange.export(exchange.Selection(), kind=kind, output=output, by=person)
        else:
            with path.open("rb") as content:
                done = exchange.take_in(content, kind=kind, name=path.name, by=person)
            if done.boxes != _SMALL:
                raise RuntimeError(f"{done.boxes} boxes were stored.")
    seconds = time.perf_counter() - begin
    found = {"seconds": seconds, "above": peak_memory() - idle, "size": path.stat().st_size}
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        main()
