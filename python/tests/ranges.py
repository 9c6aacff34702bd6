"""An HTTP server of byte ranges for tests, which can also misbehave."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class RangeServer(ThreadingHTTPServer):
    """Serves bytes by their names.

    `files` may change while it runs. `before` is called with each request's number, and may raise or wait. `status`
    answers everything with that status; `ranges=False` ignores ranges.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.requests: list[str] = []
        self.before: Callable[[int], None] = lambda _: None
        self.status: int | None = None
        self.ranges = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, *_: object) -> None:
        """Clients may go away."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[RangeServer]:
    with RangeServer(files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go together: apart, the system waits 40 ms between them.
    wbufsize = -1
    server: RangeServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.requests.append(asked)
        server.before(len(server.requests))
        content = server.files.get(self.path.partition("?")[0].lstrip("/"))
        if server.status is not None or content is None:
            self._answer(server.status or 404, b"")
            return
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked) if server.ranges else None
        if match is None:
            self._answer(200, content)
            return
        first, last = match.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(len(content), int(last) + 1) if first and last else len(content)
        if start >= end:
            self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        told = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
        self._answer(206, content[start:end], told)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
