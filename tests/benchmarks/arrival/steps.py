"""The steps of the benchmark, each run in a process of its own: ``python -m … STEP PATH DATASET``.

The product's own actions and handlers, for the file's owner and under row security, as web server
and worker call them. Each prints its figures as JSON.
"""

from __future__ import annotations

import gc
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks import installation
from tests.benchmarks.arrival import machines
from tests.benchmarks.arrival.stopwatch import Spent, Stopwatch
from tests.benchmarks.harness import peak_memory

if TYPE_CHECKING:
    from accounts.models import User
    from jobs.models.job import Job
    from monitoring.models import Dataset

COLUMNS: Final = 1_024
AT_ONCE: Final = 10_000  # anomalies
_BULK_ROUNDS: Final = 3
_OWNER: Final = "bench@example.org"
_RULES: Final[dict[str, dict[str, Any]]] = {
    "severity": {
        "condition": {"metric": "severity", "op": "gte", "value": "high"},
        "group_by": ["meta.machine"],
    },
    "share": {
        "condition": {
            "metric": "window.anomaly_pct",
            "op": "gt",
            "value": 5,
            "window": {"points": 100},
        }
    },
    "drift": {
        "condition": {
            "metric": "drift.p_value",
            "op": "lt",
            "value": 0.001,
            "window": {"points": 200},
        }
    },
}


# --- The healthy machine --------------------------------------------------------------------------


def fit(path: str, dataset: str) -> dict[str, Any]:
    """A map of the machine in a dataset of its own; ``dataset`` "first" empties the tables."""
    if dataset == "first":
        installation.prepare()
    else:
        installation.connect()
    from accounts.models import User
    from database.models import SystemSetting
    from monitoring.actions import configuring, datasets, requesting

    owner = User.objects.filter(email=_OWNER).first()
    if owner is None:
        SystemSetting.objects.update_or_create(
            setting_key="max_file_size", defaults={"setting_value": 1 << 30}
        )
        owner = User.objects.create_user(_OWNER, role="analyst")
        configuring.configure({"end_dim": f"f_{COLUMNS - 1}"}, by=owner)
    press = datasets.make(f"Press {Path(path).stem}", by=owner)
    file = _handed_in(Path(path), owner)
    done = requesting.request_fit(press, file, by=owner).analysis
    begin, cpu = time.perf_counter(), time.process_time()
    _work("monitoring.handlers.run", done)
    done.refresh_from_db()
    assert done.status == "completed", done.error_message
    assert done.results is not None
    return {
        "dataset": str(press.pk),
        "anchors": done.results["anchors"],
        "wall": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "server": installation.server_version(),
    }


def _handed_in(path: Path, owner: User) -> Any:
    from database.actor import acting_as
    from ingestion.actions import uploads

    with path.open("rb") as stream, acting_as(owner.pk):
        upload = uploads.upload(stream, path.name, by=owner)
    if upload.job:
        _work("ingestion.handlers.check_file", upload.job)
    upload.file.refresh_from_db()
    assert upload.file.status == "ready", upload.file.error_message
    return upload.file


def _work(handler: str, job: Job) -> None:
    """What a worker does with a claimed job, without the claim."""
    from django.utils import timezone
    from django.utils.module_loading import import_string

    from database.actor import acting_as
    from jobs.context import current

    mine = type(job).objects.filter(pk=job.pk)
    mine.update(status=job.states.running, attempt=1, worker_id="bench", started_at=timezone.now())
    held = mine.get()
    token = current.set(("bench", held))
    try:
        with acting_as(held.actor_id):
            import_string(handler)(held)
    finally:
        current.reset(token)


# --- A file arrives -------------------------------------------------------------------------------


def arrive(path: str, dataset: str) -> dict[str, Any]:
    """One round: the stages' seconds, and what came out."""
    installation.connect()
    from django.db import connection
    from django.utils import timezone

    from monitoring.actions import notifying, requesting
    from monitoring.models import Alert, Analysis, Dataset

    press = Dataset.objects.select_related("user").get(pk=dataset)
    _renew_rules(press)
    _warm_up()
    connection.ensure_connection()
    watch = Stopwatch(connection.connection.info.backend_pid)
    _watch(watch)
    idle, before = peak_memory(), Alert.objects.filter(dataset=press).count()
    file = _handed_in(Path(path), press.user)
    from database.actor import acting_as

    with watch.stage("request"), acting_as(press.user_id):
        asked = requesting.request_place(press, file, by=press.user).analysis
    _work("monitoring.handlers.run", asked)
    with watch.stage("tell"):
        told = notifying.tell(timezone.now())
    done = Analysis.objects.get(pk=asked.pk)
    assert done.status == "completed", done.error_message
    assert done.results is not None
    return {
        "stages": watch.stages,
        "idle": idle,
        "memory": peak_memory() - idle,
        "anomalous": done.results["anomalous"],
        "severities": done.results["severities"],
        "alerts": Alert.objects.filter(dataset=press).count() - before,
        "letters": told.letters,
    }


def _warm_up() -> None:
    """What a worker process has loaded and compiled before its first job."""
    from django.urls import reverse

    from ingestion import handlers as checking
    from monitoring import handlers as placing

    checking.warm_up()
    placing.warm_up()
    reverse("admin:index")  # letters have addresses of pages
    gc.freeze()


def _watch(watch: Stopwatch) -> None:
    """Each stage by the functions that are its whole."""
    from ingestion import handlers as checking
    from ingestion import reading
    from ingestion.actions import uploads
    from monitoring import handlers
    from monitoring.actions import alerting_samples, placing
    from monitoring.models import BaselineMap

    watched: list[tuple[Any, str, str]] = [
        (uploads, "upload", "upload"),
        (checking, "check_file", "check"),
        (handlers, "run", "complete"),
        (BaselineMap, "loaded", "load"),
        (reading, "read", "read"),
        (placing, "place", "place"),
        (placing, "judge", "judge"),
        (placing._Parts, "_explain", "explain"),
        (placing, "_keep_samples", "samples"),
        (placing, "keep_anomalies", "anomalies"),
        (alerting_samples, "of_analysis", "look"),
        (handlers, "_evaluate_rules", "rules"),
    ]
    for owner, attribute, name in watched:
        watch.watch(owner, attribute, name)


def _renew_rules(press: Dataset) -> None:
    """Three rules that have seen nothing; those of the last round end with their alerts."""
    from monitoring.actions import notifying, rules
    from monitoring.models import AlertRule

    for rule in AlertRule.objects.filter(dataset=press, is_active=True):
        rules.switch(rule.pk, on=False, by=press.user)
    notifying.tell()
    for name, condition in _RULES.items():
        rules.make(
            press.pk,
            by=press.user,
            name=name,
            condition=condition,
            actions=[{"type": "email", "to": ["engineer@plant.example"]}],
            severity="low",
            group_wait_seconds=0,
            group_interval_seconds=0,
        )


# --- The floor ------------------------------------------------------------------------------------


def floor(path: str, _: str) -> dict[str, Any]:
    """The file read by pyarrow, and its numbers written by COPY in the blocks that we keep."""
    installation.connect()
    import numpy as np
    from django.db import connection
    from pyarrow import csv

    from database.connections import as_admin, own_connection
    from monitoring.actions.looking import rows_in_block
    from monitoring.arrays import Doubles, encoded

    with as_admin(connection), own_connection() as admin:
        admin.execute("DROP TABLE IF EXISTS bench_numbers")
        admin.execute("CREATE TABLE bench_numbers (first_row integer, n double precision[])")
        admin.execute("ALTER TABLE bench_numbers ALTER COLUMN n SET STORAGE EXTERNAL")
        watch = Stopwatch(admin.info.backend_pid)
        with watch.stage("read"):
            read = csv.read_csv(path)
            values = np.empty((read.num_rows, COLUMNS))
            for column in range(COLUMNS):
                values[:, column] = read.column(column + len(machines.METADATA)).to_numpy()
        size = rows_in_block(COLUMNS)
        with (
            watch.stage("copy"),
            admin.transaction(),
            admin.cursor() as cursor,
            cursor.copy("COPY bench_numbers FROM STDIN WITH (FORMAT BINARY)") as copy,
        ):
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
            for start in range(0, len(values), size):
                block = encoded(Doubles(values[start : start + size]))
                copy.write(struct.pack(">hiii", 2, 4, start, len(block)) + block)
            copy.write(struct.pack(">h", -1))
        admin.execute("DROP TABLE bench_numbers")
    return {"stages": watch.stages}


# --- Thousands of anomalies at once ---------------------------------------------------------------


def anomalies(_: str, dataset: str) -> dict[str, Any]:
    """Seconds for 10,000 anomalies in one transaction, round by round, and for its commit."""
    installation.connect()
    from django.db import connection, transaction

    from audit.recording import record
    from database.actor import acting_as
    from database.connections import as_admin, own_connection
    from monitoring.models import Dataset

    press = Dataset.objects.select_related("user").get(pk=dataset)
    rounds: list[dict[str, Spent]] = []
    for _round in range(_BULK_ROUNDS):
        with acting_as(press.user_id):
            connection.ensure_connection()
            watch = Stopwatch(connection.connection.info.backend_pid)
            analysis, keep = _ten_thousand(press)
            with watch.stage("commit"), transaction.atomic():
                analysis.save(force_insert=True)
                record("dataset.placed", by=press.user, subject=press)
                with watch.stage("insert"):
                    keep()
            rounds.append(watch.stages)
    with as_admin(connection), own_connection() as admin:
        admin.execute("DROP TABLE IF EXISTS bench_anomalies")
        admin.execute("CREATE TABLE bench_anomalies (LIKE anomalies)")
        watch = Stopwatch(admin.info.backend_pid)
        with watch.stage("plain"):
            done = admin.execute(
                "INSERT INTO bench_anomalies SELECT * FROM anomalies WHERE analysis_id = %s",
                [analysis.pk],
            )
        assert done.rowcount == AT_ONCE
        admin.execute("DROP TABLE bench_anomalies")
    return {"rounds": rounds, "plain": watch.stages["plain"]}


def _ten_thousand(press: Dataset) -> tuple[Any, Callable[[], None]]:
    """An analysis that is done, and what stores its anomalies: rows like those of the rounds."""
    import numpy as np
    from django.utils import timezone

    from monitoring.actions import placing, requesting
    from monitoring.models import Analysis
    from monitoring.scoring import Judgement, Severity, Summary

    chosen, now = requesting.current_map(press), timezone.now()
    assert chosen is not None
    before = press.analyses.filter(analysis_type="place", status="completed").newest_first()[0]
    number = np.arange(AT_ONCE)
    flags = np.ones(AT_ONCE, np.bool_)
    judged = placing.Judged(
        file=before.file_upload,
        map=chosen,
        metadata_names=machines.METADATA,
        coordinates=np.random.default_rng(1).normal(size=(AT_ONCE, 2)).round(6),
        judgement=Judgement(
            alpha=0.01,
            threshold=9.0,
            scores=10 + number / 1e3,
            p_values=np.full(AT_ONCE, 1e-4),
            ratios=1 + number / 1e4,
            anomalous=flags,
            severities=(1 + number % 4).astype(np.int8),
            off_map=~flags,
        ),
        summary=Summary(AT_ONCE, AT_ONCE, AT_ONCE, 0.1, 0, Severity.CRITICAL, 0.0),
        found=[_found(row) for row in number.tolist()],
        held=[],
    )
    analysis = Analysis(
        dataset=press,
        user_id=press.user_id,
        file_upload=before.file_upload,
        analysis_type="place",
        dinsight=chosen,
        created_by=press.user,
        status="completed",
        started_at=now,
        completed_at=now,
        results={},
    )
    return analysis, lambda: placing.keep_anomalies(judged, analysis, first=1, at=now)


def _found(row: int) -> Any:
    from monitoring.actions.placing import Found

    features = [
        {"name": f"f_{(row + place) % COLUMNS}", "value": row / 997, "deviation": 30.0 - place}
        for place in range(10)
    ]
    metadata = {"segID": str(row), "machine": "press-01", "shift": "a", "participant": "p1"}
    return Found(row, features, metadata)


def clean(_: str, __: str) -> dict[str, Any]:
    """Delete the files that were stored; the rows stay until the tables are emptied."""
    installation.connect()
    from django.core.files.storage import default_storage

    from database.actor import acting_as_system
    from ingestion.models import FileUpload

    with acting_as_system():
        paths = FileUpload.objects.exclude(file_path=None).values_list("file_path", flat=True)
        for path in paths:
            default_storage.delete(path or "")
    return {}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
