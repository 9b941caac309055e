"""Writers of entries: pgbench as the application's role, with the statements of `record()`."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.audit.log import APP, DATABASE, BenchmarkRefused, Log

PAYLOAD: Final = (
    '{"changes":{"after":{"confidence":"0.930","review_status":"approved"},"before":{"confidence":'
    '"0.870","review_status":"pending"}},"request_id":"01a2b3c4-6a53-7c0c-9a57-0d2b7f0f7a11",'
    '"source":"api"}'
)
# Without a colon: pgbench would look for a variable behind it.
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
_ACTIONS: Final = (
    "image.uploaded", "image.opened", "image.removed", "annotation.approved",
    "annotation.rejected", "setting.updated", "user.logged_in", "job.cancelled",
)  # fmt: skip
_CHANCE: Final = (
    "\\set actor random(1, 5000)\n\\set kind random(1, 8)\n\\set thing random(1, 1000000)\n"
)
_NAMED: Final = "actor_id, action, resource_type, resource_id, outcome, duration_ms, payload"
_VALUES: Final = (
    "md5(:actor::text)::uuid, (ARRAY['{actions}'])[:kind], 'image',"
    " md5(({thing})::text)::uuid::text, 'success', 12, '{payload}'"
).replace("{actions}", "', '".join(_ACTIONS))
_ADDRESS: Final = "'203.0.113.' || :kind::text"
_DATA: Final = f"""'{{"ip_address":"203.0.113.' || :kind::text || '","user_agent":"{BROWSER}"}}'"""
_SALT: Final = "'\\x" + "5a" * 32 + "'::bytea"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of pgbench did: transactions, how many a second, and those given up."""

    transactions: int
    rate: float
    failed: int
    deadlocks: int


def insert(table: str) -> str:
    """One entry, as `record()` writes it without personal data."""
    return f"INSERT INTO {table} ({_NAMED}) VALUES ({_values()});\n"


def insert_with_personal() -> str:
    """One entry with its personal data beside it, in the one statement of `record()`."""
    return (
        f"WITH made AS (INSERT INTO audits.audit_log ({_NAMED}, personal)"
        f" VALUES ({_values()}, {_SALT}) RETURNING entry_id)"
        " INSERT INTO audits.audit_personal (entry_id, salt, data)"
        f" SELECT entry_id, {_SALT}, {_DATA} FROM made;\n"
    )


def insert_with_columns(table: str) -> str:
    """One entry with address and browser as columns."""
    return (
        f"INSERT INTO {table} ({_NAMED}, ip_address, user_agent)"
        f" VALUES ({_values()}, ({_ADDRESS})::inet, '{BROWSER}');\n"
    )


def single(statement: str) -> str:
    """One statement in a transaction of its own."""
    return _CHANCE + statement


def beside_work(statement: str, seconds: float) -> str:
    """The statement, then other work in the same transaction."""
    return f"{_CHANCE}BEGIN;\n{statement}SELECT pg_sleep({seconds:g});\nCOMMIT;\n"


def two_changes(statement: str) -> str:
    """Two rows are changed, the lower first, each followed by its entry."""
    change = "UPDATE bench.stock SET taken = taken + 1 WHERE id = {row};\n"
    return (
        f"{_CHANCE}\\set low random(1, 19)\n\\set high random(:low + 1, 20)\nBEGIN;\n"
        f"{change.format(row=':low')}{statement}{change.format(row=':high')}{statement}COMMIT;\n"
    )


def many(most: int, *, personal: bool, actors: int = 5000) -> str:
    """From 1 to ``most`` entries in one transaction, each with its own salt if ``personal``."""
    rows = "FROM generate_series(1, :number) AS n"
    chance = f"{_CHANCE}\\set number random(1, {most})\n\\set actor random(1, {actors})\n"
    values = _values(thing=":thing + n")
    if not personal:
        return f"{chance}INSERT INTO audits.audit_log ({_NAMED}) SELECT {values} {rows};\n"
    salt = "sha256(convert_to({of}.resource_id, 'UTF8'))"
    return (
        f"{chance}WITH given ({_NAMED}) AS (SELECT {values} {rows}), made AS ("
        f"INSERT INTO audits.audit_log ({_NAMED}, personal) SELECT given.*,"
        f" sha256('\\x02'::bytea || {salt.format(of='given')} || convert_to({_DATA}, 'UTF8'))"
        f" FROM given RETURNING entry_id, resource_id)"
        " INSERT INTO audits.audit_personal (entry_id, salt, data)"
        f" SELECT entry_id, {salt.format(of='made')}, {_DATA} FROM made;\n"
    )


def fill(log: Log, entries: int, *, personal: bool, actors: int = 5000) -> None:
    """So many entries more, and some, in transactions of 1 to 100."""
    script, wanted = many(100, personal=personal, actors=actors), log.entries() + entries
    while (missing := wanted - log.entries()) > 0:
        write(log, script, connections=4, transactions=max(4, missing // 50))
    log.admin.execute("VACUUM ANALYZE audits.audit_log, audits.audit_personal")


def _values(thing: str = ":thing") -> str:
    return _VALUES.replace("{thing}", thing).replace("{payload}", PAYLOAD)


def write(
    log: Log,
    script: str,
    *,
    connections: int,
    seconds: int | None = None,
    transactions: int | None = None,
    rate: int | None = None,
) -> Run:
    """Run the script on so many connections, with prepared statements, from two threads.

    For so many seconds or so many transactions in all; at full speed, or at ``rate`` a second.
    """
    options = [f"--client={connections}", f"--jobs={min(2, connections)}"]
    if seconds is not None:
        options.append(f"--time={seconds}")
    if transactions is not None:
        options.append(f"--transactions={max(1, transactions // connections)}")
    if rate is not None:
        options.append(f"--rate={rate}")
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        return _told(_pgbench(log, [*options, f"--file={file.name}"]))


def _pgbench(log: Log, options: Sequence[str]) -> str:
    from database.embedded import binaries

    fixed = ["--no-vacuum", "--protocol=prepared", "--failures-detailed"]
    where = [f"--host={log.server.host}", "--port=5432", f"--username={APP}", DATABASE]
    program: Path = binaries.find() / "bin" / "pgbench"
    done = subprocess.run(
        [program, *fixed, *options, *where], capture_output=True, text=True, check=False
    )
    if done.returncode or "aborted" in done.stderr:
        raise BenchmarkRefused(f"pgbench failed: {done.stderr[-2000:]}")
    return done.stdout


def _told(output: str) -> Run:
    def find(pattern: str) -> float:
        match = re.search(pattern, output)
        if match is None:
            raise BenchmarkRefused(f"pgbench did not say {pattern!r}: {output[-2000:]}")
        return float(match[1])

    return Run(
        int(find(r"actually processed: (\d+)")),
        find(r"tps = ([\d.]+)"),
        int(find(r"number of failed transactions: (\d+)")),
        int(find(r"number of deadlock failures: (\d+)")),
    )
