# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The service that the modules of the benchmark call: each answer takes a moment, and any number of them at a time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator


class Service(ThreadingHTTPServer):
    """:arg seconds: how long an answer takes."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        time.sleep(self.server.seconds)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *dummy: object) -> None:
        """Nothing of it is of interest."""


@contextmanager
def service(seconds: float) -> Iterator[str]:
    """Run it in a thread; gives its address."""
    with Service(seconds) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
