"""Write the vectors anew: `python -m tests.vectors.secrets.make`. The same every time."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.vectors.secrets import naive

FOLDER = Path(__file__).parent
KEYS = ("local-000000000001", "local-000000000002")
ROW = "0199aaaa-0000-7000-8000-000000000001"
PLACES = (
    ("test_safes", "code", ROW),
    ("test_safes", "papers", ROW),
    ("test_numbered_safes", "code", "42"),
    ("tablé", "cölumn", "a key: ✓"),
)
VALUES = ("", "JBSWY3DPEHPK3PXP", '{"iban":"DE89"}', "é € 😀", "x" * 1000)


def drawn(label: str, size: int) -> bytes:
    """Bytes that are the same every time."""
    return sha256(label.encode()).digest()[:size]


def master(key_id: str) -> bytes:
    """A master key that anybody knows."""
    return drawn(f"master {key_id}", 32)


def keyring() -> dict[str, Any]:
    """The file of SECRETS_KEYRING."""
    return {
        "keys": [
            {
                "id": key_id,
                "created_at": f"2026-11-2{number}T00:00:00+00:00",
                "key": base64.b64encode(master(key_id)).decode("ascii"),
            }
            for number, key_id in enumerate(KEYS)
        ]
    }


def made(key_id: str, place: tuple[str, str, str], value: str) -> dict[str, str]:
    """One good vector."""
    label = "/".join((key_id, *place, value))
    data_key = drawn(f"data {label}", 32)
    wrapped = naive.wrapped_key(master(key_id), key_id, data_key, drawn(f"wrap {label}", 12), place)
    envelope = naive.envelope(
        key_id=key_id,
        wrapped=wrapped,
        data_key=data_key,
        nonce=drawn(f"nonce {label}", 12),
        value=value.encode(),
        place=place,
    )
    return {
        "table": place[0],
        "column": place[1],
        "row": place[2],
        "value": value,
        "data_key": data_key.hex(),
        "associated": naive.associated("lacuna secret 1 value", *place).hex(),
        "envelope": envelope.hex(),
    }


def bad(good: dict[str, str]) -> list[dict[str, str]]:
    """What nobody may decrypt, made from a good one."""
    whole = bytes.fromhex(good["envelope"])
    name_ends = 2 + whole[1]
    wrapped_ends = name_ends + 2 + 60
    changes = {
        "an empty column": b"",
        "a version that does not exist": b"\x02" + whole[1:],
        "no master key's name": whole[:1] + b"\x00" + whole[2:],
        "another master key's name": whole.replace(b"000000000001", b"000000000002"),
        "a master key that does not exist": whole.replace(b"000000000001", b"00000000000f"),
        "a name that is no ASCII": whole[:2] + b"\xff" + whole[3:],
        "no wrapped key": whole[:name_ends] + b"\x00\x00" + whole[wrapped_ends:],
        "a wrapped key that is longer than the rest": whole[:name_ends]
        + b"\xff\xff"
        + whole[name_ends + 2 :],
        "another data key": whole[: wrapped_ends - 1]
        + bytes([whole[wrapped_ends - 1] ^ 1])
        + whole[wrapped_ends:],
        "another nonce": whole[:wrapped_ends] + bytes(12) + whole[wrapped_ends + 12 :],
        "another ciphertext": whole[:-17] + bytes([whole[-17] ^ 1]) + whole[-16:],
        "another tag": whole[:-1] + bytes([whole[-1] ^ 0x80]),
        "cut short": whole[:-1],
        "a byte more": whole + b"\x00",
        "without its tag": whole[: wrapped_ends + 12],
    }
    where = {part: good[part] for part in ("table", "column", "row")}
    vectors = [where | {"why": why, "envelope": changed.hex()} for why, changed in changes.items()]
    for part, other in (
        ("table", "other_safes"),
        ("column", "spare"),
        ("row", "0199aaaa-0000-7000-8000-000000000002"),
        ("row", ROW.upper()),
    ):
        vectors.append(
            where | {part: other, "why": f"another {part}", "envelope": good["envelope"]}
        )
    moved = {"table": "test_safesc", "column": "ode", "row": ROW}
    vectors.append(moved | {"why": "the same letters in other parts", "envelope": good["envelope"]})
    return vectors


def vectors() -> dict[str, list[dict[str, str]]]:
    """Everything in envelopes.json."""
    good = [made(key_id, place, value) for key_id in KEYS for place in PLACES for value in VALUES]
    return {"good": good, "bad": bad(good[1])}


def main() -> None:
    """Write both files."""
    for name, content in (("sample-keyring", keyring()), ("envelopes", vectors())):
        text = json.dumps(content, indent=1, ensure_ascii=True)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
