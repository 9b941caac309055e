import ast
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from audit import lacuna_verify
from audit.lacuna_verify import LOG_KEY, WITNESS_KEY, Refused, parse_key
from tests.vectors.audit import bad_bundles, naive, sample

FILE = Path(lacuna_verify.__file__)
LOG = sample.Log()
GOOD = bad_bundles.good(LOG).encode()
KEYS = [parse_key(sample.LOG_KEY.written, LOG_KEY)]
ALPHABET = b'0123456789abcdef{}[]":,\\ntuA-+=/. \xc3\xff\x00\n'
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    2**53 - 1,
    "",
    "0",
    "\ud83e\udd8a",
    "\U0001f98a",
    [],
    {},
    [[]],
    "a\0",
]


def holds(bundle: bytes) -> bool:
    """Whether the bundle holds; any error but a refusal goes through and fails the test."""
    try:
        lacuna_verify.verify(io.BytesIO(bundle), KEYS)
    except Refused:
        return False
    return True


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(GOOD)
    return path


# What it says


def test_the_report_says_what_when_and_by_whom(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lacuna_verify.main([str(bundle), "--key", sample.LOG_KEY.written]) == 0

    assert capsys.readouterr().out == (
        "Everything holds: 4 entries of 3 batches in the log audit.example.org/lacuna.\n"
        "Created from 0001-01-01T00:00:00.000000Z to 2026-11-21T09:04:00.000004Z, "
        "sealed from 2026-11-21T10:01:00.000000Z to 2026-11-21T10:03:00.000000Z.\n"
        "They stand in its checkpoint of 15 leaves, signed by audit.example.org/lacuna+40aac0a8.\n"
        "Personal data: 1 disclosed, 0 erased or withheld.\n"
    )


def test_the_answer_in_json_has_the_same_facts(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lacuna_verify.main([str(bundle), "--key", sample.LOG_KEY.written, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)

    assert answer["holds"] is True
    assert (answer["entries"], answer["batches"], answer["disclosed"]) == (4, 3, 1)
    assert (answer["origin"], answer["size"]) == (sample.ORIGIN, 15)


def test_a_refusal_names_the_line_and_exits_with_1(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle.write_bytes(GOOD.replace(b'"entry_id":"0', b'"entry_id":"g', 1))

    assert lacuna_verify.main([str(bundle), "--key", sample.LOG_KEY.written]) == 1
    assert capsys.readouterr().out == (
        "The bundle does NOT hold. Line 2: the field entry_id is not what the format demands.\n"
    )
    assert lacuna_verify.main([str(bundle), "--key", sample.LOG_KEY.written, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["holds"] is False


def test_nothing_a_bundle_says_can_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = sample.note(LOG.size, naive.root(LOG.leaves), sample.LOG_KEY, origin="\x9b31m\u202e")
    path = tmp_path / "evidence.jsonl"
    path.write_text(sample.bundle(LOG.chosen(4, 5), LOG.leaves, note=note))

    assert lacuna_verify.main([str(path), "--key", sample.LOG_KEY.written]) == 1
    shown = capsys.readouterr().out
    assert "this checkpoint of \\x9b31m\\u202e at 15 leaves" in shown
    assert all(c.isascii() and (c.isprintable() or c == "\n") for c in shown)


def test_erased_or_withheld_data_is_counted_and_the_entry_still_holds() -> None:
    report = lacuna_verify.verify(
        io.BytesIO(sample.bundle(LOG.chosen(0, 3), LOG.leaves).encode()), KEYS
    )

    assert (report["disclosed"], report["erased_or_withheld"]) == (0, 1)


# Keys and witnesses


def test_a_witness_is_named_with_its_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evidence.jsonl"
    keys = (sample.LOG_KEY, sample.WITNESS_KEY)
    path.write_text(sample.bundle(LOG.chosen(4, 5), LOG.leaves, keys))
    arguments = ["--key", sample.LOG_KEY.written, "--witness", sample.WITNESS_KEY.written]

    assert lacuna_verify.main([str(path), *arguments]) == 0
    assert f"Witnessed by {sample.WITNESS} at 2026-11-21T10:05:00Z." in capsys.readouterr().out


def test_all_named_witnesses_are_needed_unless_said_otherwise(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--key", sample.LOG_KEY.written, "--witness", sample.WITNESS_KEY.written]

    assert lacuna_verify.main([str(bundle), *arguments]) == 1
    assert "The checkpoint has 0 known witnesses, not 1" in capsys.readouterr().out
    assert lacuna_verify.main([str(bundle), *arguments, "--witnesses-needed", "0"]) == 0


def test_signatures_by_strangers_may_be_added_and_are_ignored() -> None:
    note = sample.note(LOG.size, naive.root(LOG.leaves), sample.LOG_KEY, sample.STRANGER)
    note += sample.OTHER_WITNESS.line("whatever")

    assert holds(sample.bundle(LOG.chosen(4, 5), LOG.leaves, note=note).encode())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "--key"),
        (["--key", "nonsense"], ": name+id+base64"),
        (["--key", sample.WITNESS_KEY.written], "is no key of type 0x01"),
        (["--key", sample.LOG_KEY.written[:-4]], "is no key"),
        (["--key", f"{sample.LOG_KEY.written} 9-1"], "maybe sizes 0-5000"),
        (["--key", sample.LOG_KEY.written, "--witness", sample.LOG_KEY.written], "type 0x04"),
        (["--key", sample.LOG_KEY.written, "--witnesses-needed", "1"], "1 witnesses are needed"),
        (["--key", sample.LOG_KEY.written, "--witnesses-needed", "-1"], "-1 witnesses are needed"),
        (["--key", sample.LOG_KEY.written, "--witnesses-needed", "x"], "invalid int"),
        (["--key", sample.LOG_KEY.written, "--unknown"], "unrecognized"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(
    bundle: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        lacuna_verify.main([str(bundle), *arguments])

    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "nul\0"])
def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        lacuna_verify.main([f"{tmp_path}/{name}", "--key", sample.LOG_KEY.written])

    assert stopped.value.code == 2


# By itself


def test_it_runs_alone_away_from_the_project(tmp_path: Path, bundle: Path) -> None:
    alone = shutil.copy(FILE, tmp_path / "check.py")
    command = [sys.executable, "-W", "error", alone, bundle, "--key", sample.LOG_KEY.written]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=plain, check=False)

    assert done.stderr == b""
    assert done.returncode == 0
    assert b"Everything holds: 4 entries" in done.stdout
    bundle.write_bytes(b"\xff\x00")
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=plain, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_it_is_short_enough_to_be_read_in_one_go() -> None:
    assert len(FILE.read_text().splitlines()) < 300


def test_it_is_written_for_python_3_9_and_imports_nothing_of_the_project() -> None:
    tree = ast.parse(FILE.read_text(), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


# Whatever it is given


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\n",
        b"\x00" * 100,
        b"\xff\xfe{}\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"1e999999\n",
        b"9" * 10_000_000 + b"\n",
        b'"' + b"a" * 10_000_000 + b'"\n',
        b"[" * 10_000_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b"a" * (lacuna_verify.LONGEST_LINE + 10) + b"\n",
        b'{"batches":1,"entries":1,"format":"lacuna-evidence/1","note":"\\ud800","proof":[]}\n',
        GOOD.replace(b"lacuna-evidence/1", b"lacuna-evidence/\xed\xa0\x80"),
        GOOD[:-1],
    ],
    ids=lambda garbage: repr(garbage[:20]),
)
def test_garbage_is_refused_in_a_sentence(garbage: bytes) -> None:
    with pytest.raises(Refused, match=r"^(Line \d+: |The |Leaf ).*\.$"):
        lacuna_verify.verify(io.BytesIO(garbage), KEYS)


def spoil_bytes(chance: random.Random) -> bytes:
    """One small change somewhere in the bytes."""
    at, spoilt = chance.randrange(len(GOOD)), bytearray(GOOD)
    match chance.randrange(5):
        case 0:
            spoilt[at] ^= 1 << chance.randrange(8)
        case 1:
            spoilt[at] = chance.choice(ALPHABET)
        case 2:
            spoilt.insert(at, chance.choice(ALPHABET))
        case 3:
            del spoilt[at : at + chance.choice([1, 1, 1, 2, 5, 50])]
        case _:
            end = at + chance.randrange(1, 40)
            spoilt[at:at] = spoilt[at:end]
    return bytes(spoilt)


def spoil_lines(chance: random.Random) -> bytes:
    """Lines swapped, doubled, lost or put in from elsewhere in the log."""
    lines = GOOD.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case 2:
            del lines[one]
        case _:
            line = naive.canonical(chance.choice(LOG.lines)) + "\n"
            lines.insert(one, line.encode())
    return b"".join(lines)


def spoil_values(chance: random.Random) -> bytes:
    """One value changed, added, renamed or taken away, and the line canonical again."""
    lines = [json.loads(line) for line in GOOD.splitlines()]
    inside = chance.choice(lines)
    while True:
        key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if not isinstance(inside[key], dict | list) or not inside[key] or chance.random() < 0.2:
            break
        inside = inside[key]
    match chance.randrange(4):
        case 0:
            inside[key] = deepcopy(chance.choice(VALUES))
        case 1 if isinstance(inside, dict):
            inside[chance.choice(["more", "seq", "v", "disclosed"])] = chance.choice(VALUES)
        case 2 if key != "disclosed":  # to withhold data is everybody's right
            del inside[key]
        case _:
            inside[key] = changed(inside[key], chance)
    text = "".join(naive.canonical(line) + "\n" for line in lines)
    return text.encode(errors="surrogatepass")


def changed(value: Any, chance: random.Random) -> Any:
    """A value of the same type that is a little different."""
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 256])
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    return "x"


@pytest.mark.parametrize(
    ("spoil", "times"), [(spoil_bytes, 5_000), (spoil_lines, 1_500), (spoil_values, 3_500)]
)
def test_none_of_ten_thousand_spoilt_bundles_holds(
    spoil: Callable[[random.Random], bytes], times: int
) -> None:
    chance = random.Random(20_261_121)
    assert holds(GOOD)

    for _ in range(times):
        spoilt = spoil(chance)
        assert spoilt == GOOD or not holds(spoilt), spoilt


def test_no_single_byte_can_be_flipped_or_removed() -> None:
    for at in range(len(GOOD)):
        spoilt = bytearray(GOOD)
        spoilt[at] ^= 1
        assert not holds(bytes(spoilt)), at
        assert not holds(GOOD[:at] + GOOD[at + 1 :]) or GOOD[at] == GOOD[at + 1], at


def test_a_witness_key_is_never_taken_for_the_logs_own() -> None:
    with pytest.raises(ValueError, match="type 0x01"):
        parse_key(sample.WITNESS_KEY.written)
    assert parse_key(sample.WITNESS_KEY.written, WITNESS_KEY)[:2] == (
        f"{sample.WITNESS}+{sample.WITNESS_KEY.key_id.hex()}",
        WITNESS_KEY,
    )
