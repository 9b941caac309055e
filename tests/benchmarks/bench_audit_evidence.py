"""Evidence out of a large log: how large, how soon made, how soon checked."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.audit import writers
from tests.benchmarks.audit.log import BenchmarkRefused, Log, own_log
from tests.benchmarks.harness import in_own_process, publish, table
from tests.benchmarks.queue.figures import Figures, arguments

if TYPE_CHECKING:
    from audit.evidence import Selection

_ENTRIES: Final = 1_000_000
_ACTORS: Final = 80
_MANY: Final = 10_000
_EACH: Final = 4  # single entries of a round
_GOAL: Final = 4_000  # bytes
_WITH, _WITHOUT = "one entry with its personal data", "one entry without"
_RUN, _SPREAD = f"{_MANY:,} entries in a row", f"{_MANY:,} entries of one person"
_SEED: Final = 20_261_121


@dataclass(slots=True)
class Case:
    """The bundles of one kind: bytes, and seconds to choose, make and check each."""

    entries: int = 1
    sizes: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    made: Figures = field(default_factory=Figures)
    checked: Figures = field(default_factory=Figures)


def main() -> None:
    """One log; each kind of bundle in turn, round after round."""
    rounds = arguments(__doc__).rounds
    chance = random.Random(_SEED)
    cases = {_WITH: Case(), _WITHOUT: Case(), _RUN: Case(_MANY), _SPREAD: Case(_MANY)}
    with own_log() as log, tempfile.TemporaryDirectory(prefix="lacuna-bench-") as folder:
        writers.fill(log, _ENTRIES, personal=True, actors=_ACTORS)
        sealed = in_own_process("tests.benchmarks.audit.drain")
        log.admin.execute("VACUUM ANALYZE audits.audit_batch, audits.audit_tile")
        for number in range(rounds + 1):
            log.server.probe()
            for name, case in cases.items():
                for _ in range(_EACH if case.entries == 1 else 1):
                    selection = _selection(log, chance, name)
                    _bundle(
                        Path(folder), selection, case, personal=name != _WITHOUT, count=number > 0
                    )
        _publish(cases, sealed["entries"], sealed["batches"], rounds, log.server.weather())


def _selection(log: Log, chance: random.Random, name: str) -> Selection:
    from audit.evidence import Selection

    if name == _SPREAD:
        actor = chance.randint(1, _ACTORS)
        row = log.admin.execute("SELECT md5(%s::text)::uuid", [actor]).fetchone()
        assert row is not None
        return Selection(actor=row[0])
    first = chance.randint(1, _ENTRIES - 2 * _MANY)
    row = log.admin.execute(
        "SELECT (SELECT entry_id FROM audits.audit_log WHERE id >= %(id)s ORDER BY id LIMIT 1),"
        " (SELECT created_at FROM audits.audit_log WHERE id >= %(id)s ORDER BY id LIMIT 1),"
        " (SELECT created_at FROM audits.audit_log WHERE id >= %(id)s::bigint + %(many)s"
        " ORDER BY id LIMIT 1)",
        {"id": first, "many": _MANY + 1000},
    ).fetchone()
    assert row is not None
    return Selection(since=row[1], until=row[2]) if name == _RUN else Selection(entries=[row[0]])


def _bundle(folder: Path, selection: Selection, case: Case, *, personal: bool, count: bool) -> None:
    """Make a bundle and have the stand-alone program check it."""
    from audit import evidence, keyring, lacuna_verify

    file = folder / "evidence.jsonl"
    file.unlink(missing_ok=True)
    begin = time.perf_counter()
    entries = evidence.select(selection)[: case.entries]
    summary = evidence.write_file(file, entries=entries, personal=personal)
    made = time.perf_counter() - begin
    if summary.entries != case.entries:
        raise BenchmarkRefused(f"The bundle has {summary.entries} entries, not {case.entries}.")
    key = keyring.load().pins()[0].key
    command = [sys.executable, lacuna_verify.__file__, str(file), "--key", str(key), "--json"]
    begin = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    checked = time.perf_counter() - begin
    answer = json.loads(done.stdout or "{}")
    if not answer.get("holds") or answer["entries"] != case.entries:
        raise BenchmarkRefused(f"The verifier does not approve: {done.stdout}{done.stderr}")
    if count:
        case.sizes.append(file.stat().st_size)
        case.made.rounds.append(made)
        case.checked.rounds.append(checked)
        print(f"{case.entries}: {file.stat().st_size} bytes, {made:.3f} s, {checked:.3f} s")


def _publish(cases: dict[str, Case], entries: int, batches: int, rounds: int, weather: str) -> None:
    one, run = cases[_WITH], cases[_RUN]
    publish(
        "audit_evidence",
        f"Evidence of one entry among {entries:,} is {median(one.sizes):,.0f} bytes, made in"
        f" {one.made.median * 1e3:.2g} ms and checked in {one.checked.median * 1e3:.2g} ms",
        f"A log of {entries:,} entries in {batches} batches, each with address and browser beside"
        f" it and a payload of {len(writers.PAYLOAD)} bytes. Made: chosen by time, person or key,"
        " written to a file and flushed to disk, each on connections of its own. Checked: the"
        " program `lacuna_verify.py` from its start to its end, without the database."
        f" {rounds} rounds after one that does not count, one kind after the other, of a single"
        f" entry {_EACH} in each; median (range).",
        table(("", "bytes", "made in", "checked in"), [_row(name, cases[name]) for name in cases]),
        f"Of {_MANY:,} entries, {_rate(run, run.made)} are made and {_rate(run, run.checked)}"
        " checked when they stand in a row;"
        f" {_rate(cases[_SPREAD], cases[_SPREAD].made)} and"
        f" {_rate(cases[_SPREAD], cases[_SPREAD].checked)} when they are those of one person,"
        f" spread over the log.",
        weather,
        packages=("django", "psycopg", "cryptography"),
    )


def _row(name: str, case: Case) -> tuple[str, ...]:
    largest = max(case.sizes)
    size = f"{median(case.sizes):,.0f} (at most {largest:,})"
    if case.entries == 1:
        size += f"; goal at most {_GOAL:,}: {'met' if largest <= _GOAL else 'MISSED'}"
    return (
        name,
        size,
        case.made.told(" ms", scale=1e3),
        case.checked.told(" ms", scale=1e3),
    )


def _rate(case: Case, seconds: Figures) -> str:
    return f"{case.entries / seconds.median:,.0f} a second"


if __name__ == "__main__":
    main()
