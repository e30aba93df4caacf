# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Run all gates, the fast ones first, until one fails, and count what passed; KEEP=1 keeps what was started.

A session of nox counts what it left in .cache/results in JUnit's format, and as one where it left nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hosts")]
import hosts  # noqa: E402

from noxfile import MAIN_CORE  # noqa: E402

RESULTS = ROOT / ".cache" / "results"
# In the order in which they start, as many side by side as there are places. More places than the two processors that
# this is made for give these work while a session waits for a download or a host.
SESSIONS = ("lint", "images", "unit", "molecule", f"sanity({MAIN_CORE})", "targets", f"artifact({MAIN_CORE})", "cores")
PLACES = 3


class Gates:
    """The sessions, of which none is started once one has failed."""

    def __init__(self) -> None:
        self.passed = self.failed = 0
        self._lock = threading.Lock()

    def run(self, session: str) -> None:
        """Run a session, show what it printed when it is through, and count which of its tests passed and failed."""
        if self.failed:
            return
        start = time.monotonic()
        print(f"{session} ...", flush=True)
        command = [sys.executable, "-m", "nox", "--session", session]
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        passed, failed = recorded(session) or (1, 0)
        if done.returncode and not failed:
            passed, failed = passed - 1, 1
        with self._lock:
            sys.stdout.buffer.write(done.stdout)
            print(f"{session}: {passed} passed, {failed} failed in {time.monotonic() - start:.0f} s", flush=True)
            self.passed += passed
            self.failed += failed


def recorded(session: str) -> tuple[int, int] | None:
    paths = RESULTS.glob(f"{session.partition('(')[0]}*.xml")
    suites = [suite for path in paths for suite in ElementTree.parse(path).iter("testsuite")]
    if not suites:
        return None
    tests, skipped, failures, errors = (
        sum(int(suite.attrib[name]) for suite in suites) for name in ("tests", "skipped", "failures", "errors")
    )
    failed = failures + errors
    return tests - skipped - failed, failed


def clean_up(engine_was_there: bool) -> None:
    hosts.down_tests()
    if not engine_was_there:
        hosts.stop_engine()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    shutil.rmtree(RESULTS, ignore_errors=True)
    engine_was_there = hosts.engine_answers()
    gates = Gates()
    try:
        with ThreadPoolExecutor(PLACES) as pool:
            list(pool.map(gates.run, SESSIONS))
    finally:
        if os.environ.get("KEEP") != "1":
            clean_up(engine_was_there)
    print(f"{gates.passed} passed, {gates.failed} failed")
    return 1 if gates.failed else 0


if __name__ == "__main__":
    sys.exit(main())
