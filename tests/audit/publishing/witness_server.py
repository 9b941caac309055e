"""A witness as C2SP's tlog-witness describes one, on this machine: checks, signs, remembers."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from audit.proofs import notes, trees
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.errors import NoteError, ProofError
from audit.proofs.notes import COSIGNATURE, SigningKey, VerifierKey

Answer = tuple[int, bytes, dict[str, str]]


class WitnessServer:
    """``known`` maps origins to the log's keys; ``seen`` to the last checkpoint signed.

    ``meddle`` answers in its place, when it returns something.
    """

    def __init__(self) -> None:
        self.key = SigningKey.generate("witness.example/w1", kind=COSIGNATURE)
        self.known: dict[str, list[VerifierKey]] = {}
        self.seen: dict[str, Checkpoint] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.meddle: Callable[[str], Answer | None] = lambda _: None
        self._one_at_a_time = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/w"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        witness = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                witness.requests.append(body)
                witness.headers.append(dict(self.headers))
                status, answer, headers = (
                    witness.answer(body) if self.path == "/w/add-checkpoint" else (404, b"", {})
                )
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # who asked has left

            def log_request(self, code: Any = None, size: Any = None) -> None:
                """Nobody reads it."""

        return Handler

    def answer(self, body: str) -> Answer:
        meddled = self.meddle(body)
        if meddled is not None:
            return meddled
        head, _, note = body.partition("\n\n")
        old_line, *proof_lines = head.split("\n")
        word, _, written = old_line.partition(" ")
        if word != "old" or str(int(written)) != written or len(proof_lines) > 63:
            return 400, b"", {}
        old, proof = int(written), [base64.b64decode(line, validate=True) for line in proof_lines]
        checkpoint = Checkpoint.parse(notes.split(note)[0])
        if checkpoint.origin not in self.known:
            return 404, b"", {}
        try:
            notes.open_note(note, self.known[checkpoint.origin])
        except NoteError:
            return 403, b"", {}
        if old > checkpoint.size:
            return 400, b"", {}
        with self._one_at_a_time:
            return self._signed(note, checkpoint, old, proof)

    def _signed(self, note: str, checkpoint: Checkpoint, old: int, proof: list[bytes]) -> Answer:
        last = self.seen.get(checkpoint.origin)
        if old != (last.size if last else 0):
            size = f"{last.size if last else 0}\n".encode()
            return 409, size, {"Content-Type": "text/x.tlog.size"}
        if last is not None and last.size == checkpoint.size and last.root != checkpoint.root:
            return 409, b"", {}
        try:
            if last is None:
                assert proof == []
            else:
                trees.check_consistency(old, checkpoint.size, proof, last.root, checkpoint.root)
        except (ProofError, AssertionError):
            return 422, b"", {}
        self.seen[checkpoint.origin] = checkpoint
        return 200, notes.cosign(note, self.key, at=datetime.now(UTC)).encode(), {}
