"""Write the vectors anew: `python -m tests.vectors.audit.make`. The same every time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vectors.audit import bad_bundles, naive, sample
from tests.vectors.audit.sample import LOG_KEY, NEW_KEY, OTHER_WITNESS, STRANGER, WITNESS_KEY, Log

FOLDER = Path(__file__).parent
ROOT_SIZES = (*range(21), 255, 256, 257, 65_535, 65_536, 65_537)
PROOF_SIZES = (1, 2, 3, 7, 8, 13, 256, 257)


def numbered(size: int) -> list[bytes]:
    """Leaf hashes whose contents are their numbers in decimal digits."""
    return [naive.sha256(b"\x00%d" % number) for number in range(size)]


def canonical_vectors() -> dict[str, Any]:
    """Texts that are canonical, and texts that are not."""
    good = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        '""',
        "[]",
        "{}",
        '{"":0,"A":1,"a":2,"aa":3}',
        "[1,[2,[3]]]",
        '"\\b\\t\\n\\f\\r\\"\\\\/"',
        '"\\u0001\\u001f\x7f"',
        '"\u20ac \u2028 \U0001f602"',
        '{"\u20ac":1,"\U0001f600":2,"\ufb33":3}',
        '{"a":{"b":[{}]}}',
    ]
    bad = {
        "": "nothing",
        " 1": "space before",
        "1 ": "space after",
        "[1, 2]": "space within",
        "1.0": "a float",
        "1e3": "an exponent",
        "-0": "negative zero",
        "01": "a zero before it",
        "9007199254740992": "beyond 2^53 - 1",
        "NaN": "no JSON",
        "Infinity": "no JSON",
        '{"b":1,"a":2}': "keys out of order",
        '{"a":1,"a":1}': "a key twice",
        '{"\ufb33":3,"\U0001f600":2}': "keys sorted by code points",
        '"\\u0041"': "needless escape",
        '"\\/"': "needless escape",
        '"\\u000A"': "an escape with a shorter form",
        '"\\u001F"': "hex digits in upper case",
        '"\\u0000"': "U+0000",
        '"\\ud800"': "a lone surrogate",
        '"\x01"': "a bare control character",
        "{'a':1}": "no JSON",
        "[" * 200 + "]" * 200: "too deep",
        "9" * 5000: "a number of 5,000 digits",
        "[1,]": "no JSON",
        "\ufeff1": "a byte order mark",
    }
    return {"good": good, "bad": [{"text": text, "why": why} for text, why in bad.items()]}


def leaf_vectors() -> list[dict[str, Any]]:
    """Entries, the contents of their leaves in hex, and the leaves' hashes."""
    found = []
    for name, entry in sample.edge_entries().items():
        content = naive.entry_content(entry)
        leaf = naive.sha256(b"\x00" + content).hex()
        found.append({"name": name, "entry": entry, "content": content.hex(), "leaf": leaf})
    return found


def commitment_vectors() -> list[dict[str, str]]:
    """Personal data, salts and the commitments over both."""
    return [
        {
            "data": data,
            "salt": sample.salt(number).hex(),
            "commitment": naive.sha256(b"\x02" + sample.salt(number) + data.encode()).hex(),
        }
        for number, data in enumerate(["{}", '{"name":"\u00c5sa \U0001f98a"}', ""])
    ]


def header_vectors() -> list[dict[str, Any]]:
    """The headers of the sample log's batches, in parts and as text, with their leaves' hashes."""
    found = []
    for line in Log().lines:
        if "batch" in line:
            words = line["batch"].split()
            names = ("number", "era", "first_xid", "end_xid", "first_seq", "entries")
            numbers = dict(zip(names, map(int, words[3:9]), strict=True))
            texts = dict(zip(("ids_hash", "previous", "sealed_at"), words[9:12], strict=True))
            leaf = naive.sha256(b"\x00" + line["batch"].encode()).hex()
            whole = {**numbers, **texts, "system_identifier": words[12], "seq": line["seq"]}
            found.append({"header": whole, "content": line["batch"], "leaf": leaf})
    return found


def tree_vectors() -> dict[str, Any]:
    """Roots and proofs over leaves whose contents are their numbers in decimal digits."""
    leaves = numbered(max(ROOT_SIZES))
    steps: Callable[[list[bytes]], list[str]] = lambda proof: [step.hex() for step in proof]  # noqa: E731
    inclusion, consistency, several = [], [], []
    for size in PROOF_SIZES:
        tree = leaves[:size]
        for index in sorted({0, 1, size // 2, size - 2, size - 1} & set(range(size))):
            proof = steps(naive.inclusion(index, tree))
            inclusion.append({"index": index, "size": size, "proof": proof})
        for old in sorted({0, 1, 2, size // 2, size - 1, size} & set(range(size + 1))):
            proof = steps(naive.consistency(old, tree))
            consistency.append({"old": old, "new": size, "proof": proof})
        for indices in ({0}, {size - 1}, {0, size - 1}, set(range(size)), set(range(0, size, 3))):
            proof = steps(naive.leaves_proof(indices, tree))
            several.append({"indices": sorted(indices), "size": size, "proof": proof})
    roots = [{"size": size, "root": naive.root(leaves[:size]).hex()} for size in ROOT_SIZES]
    return {"roots": roots, "inclusion": inclusion, "consistency": consistency, "leaves": several}


def note_vectors() -> dict[str, Any]:
    """Keys, and checkpoints that are signed by them or not."""
    root, origin = naive.sha256(b"root"), sample.ORIGIN
    honest = sample.note(7, root, LOG_KEY)
    text = honest.split("\n\n")[0] + "\n"
    short = naive.encode(LOG_KEY.key_id + bytes(63))
    spare = honest[:-3] + chr(ord(honest[-3]) + 1) + honest[-2:]
    good = {
        "one key": honest,
        "an old and a new key": sample.note(7, root, NEW_KEY, LOG_KEY),
        "a stranger's line beside it": sample.note(7, root, STRANGER, LOG_KEY),
        "a witness": sample.note(7, root, LOG_KEY, WITNESS_KEY),
        "two witnesses": sample.note(7, root, WITNESS_KEY, LOG_KEY, OTHER_WITNESS),
        "an empty log": sample.note(0, naive.sha256(b""), LOG_KEY),
        "the largest log": sample.note(2**63 - 1, root, LOG_KEY),
    }
    bad = {
        "a stranger alone": sample.note(7, root, STRANGER),
        "a witness alone": sample.note(7, root, WITNESS_KEY),
        "no signature": text + "\n",
        "no empty line": honest.replace("\n\n", "\n"),
        "two empty lines": honest.replace("\n\n", "\n\n\n"),
        "no last line feed": honest[:-1],
        "an empty line at the end": honest + "\n",
        "a spare bit of base64 set": spare,
        "base64 without padding": honest.replace("=\n\n", "\n\n"),
        "a signature too short": f"{text}\n\u2014 {origin} {short}\n",
        "a stranger's base64 with padding too many": honest + "\u2014 x AAAAAAAA=\n",
        "a stranger's base64 of four bytes": honest + "\u2014 x AAAAAA==\n",
        "a cosignature after the year 9999": honest + WITNESS_KEY.line(text, at=253_402_300_800),
        "a known key twice": honest + LOG_KEY.line(text),
        "a signature over another text": text + "\n" + LOG_KEY.line(text.replace("7", "8")),
        "a hyphen for the dash": honest.replace("\u2014", "-"),
        "two spaces": honest.replace(f"\u2014 {origin} ", f"\u2014 {origin}  "),
        "a zero before the size": _signed(f"{origin}\n07\n{naive.encode(root)}\n"),
        "a negative size": _signed(f"{origin}\n-7\n{naive.encode(root)}\n"),
        "a size of 2^63": _signed(f"{origin}\n{2**63}\n{naive.encode(root)}\n"),
        "digits that are not ASCII": _signed(f"{origin}\n\u0667\n{naive.encode(root)}\n"),
        "a root of 31 bytes": _signed(f"{origin}\n7\n{naive.encode(bytes(31))}\n"),
        "a fourth line": _signed(text + "more\n"),
        "two lines": _signed(f"{origin}\n7\n"),
        "a carriage return": _signed(text.replace("\n", "\r\n")),
        "an empty origin": _signed(f"\n7\n{naive.encode(root)}\n"),
        "101 signatures": honest + "\u2014 x AAAAAAA=\n" * 100,
    }
    return {
        "keys": [LOG_KEY.written, NEW_KEY.written],
        "witnesses": [WITNESS_KEY.written, OTHER_WITNESS.written],
        "bad_keys": _bad_keys(),
        "good": [{"name": name, "note": note} for name, note in good.items()],
        "bad": [{"name": name, "note": note} for name, note in bad.items()],
    }


def _signed(text: str) -> str:
    return text + "\n" + LOG_KEY.line(text)


def _bad_keys() -> list[dict[str, str]]:
    name, key_id, rest = LOG_KEY.written.split("+", 2)
    unknown = sample.Key(sample.ORIGIN, 1, kind=9).written
    return [
        {"why": "nothing", "key": ""},
        {"why": "no name", "key": f"+{key_id}+{rest}"},
        {"why": "another name", "key": f"{name}x+{key_id}+{rest}"},
        {"why": "another id", "key": f"{name}+00000000+{rest}"},
        {"why": "an id in upper case", "key": f"{name}+{key_id.upper()}+{rest}"},
        {"why": "no base64", "key": f"{name}+{key_id}+{rest}!"},
        {"why": "an unknown type", "key": unknown},
        {"why": "sizes that end before they begin", "key": f"{LOG_KEY.written} 9-8"},
        {"why": "sizes without a beginning", "key": f"{LOG_KEY.written} -8"},
        {"why": "a space in the name", "key": f"a b+{key_id}+{rest}"},
    ]


def bundle_vectors() -> dict[str, Any]:
    """Bundles that hold, with what they prove, and bundles that do not."""
    log = Log()
    whole = sample.bundle(log.lines, log.leaves)
    witnessed = sample.bundle(log.chosen(4, 5), log.leaves, (LOG_KEY, WITNESS_KEY))
    keys = [LOG_KEY.written]
    good = [
        {"name": "some entries", "bundle": bad_bundles.good(log), "keys": keys, "entries": 4},
        {"name": "the whole log", "bundle": whole, "keys": keys, "entries": 11},
        {
            "name": "one entry, witnessed",
            "bundle": witnessed,
            "entries": 1,
            "keys": [f"{LOG_KEY.written} 0-15", f"{NEW_KEY.written} 16-"],
            "witnesses": [WITNESS_KEY.written],
            "witnesses_needed": 1,
        },
    ]
    return {"good": good, "bad": [case._asdict() for case in bad_bundles.cases()]}


VECTORS: dict[str, Callable[[], Any]] = {
    "canonical.json": canonical_vectors,
    "leaves.json": leaf_vectors,
    "commitments.json": commitment_vectors,
    "headers.json": header_vectors,
    "trees.json": tree_vectors,
    "notes.json": note_vectors,
    "bundles.json": bundle_vectors,
}


def text_of(name: str) -> str:
    """What the file of this name must hold."""
    return json.dumps(VECTORS[name](), indent=1) + "\n"


if __name__ == "__main__":
    for file in VECTORS:
        (FOLDER / file).write_text(text_of(file))
