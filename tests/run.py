# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Run the gates `test` or `check`, side by side, and count what passed; KEEP=1 keeps what was started.

`test` starts nothing more once a session has failed; `check` runs all of its sessions. A session of nox counts what it
left in .cache/results in JUnit's format, and as one where it left nothing.
"""

from __future__ import annotations

import argparse
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

from noxfile import CORES, MAIN_CORE  # noqa: E402

RESULTS = ROOT / ".cache" / "results"
# The sessions in the order in which they start, as many side by side as there are places. More places than the two
# processors that this is made for give these work while a session waits for a download or a host.
GATES = {
    "test": (
        "lint",
        "images",
        "unit",
        "molecule",
        f"sanity({MAIN_CORE})",
        "targets",
        f"artifact({MAIN_CORE})",
        "cores",
    ),
    "check": (
        *("documents", "coverage"),
        *(f"sanity({core})" for core in CORES if core != MAIN_CORE),
        *(f"unit({core})" for core in CORES if core != max(CORES)),
        *(f"artifact({core})" for core in CORES),
        *("others", "pythons", "entries(3.6)", "entries(3.7)", "docs", "importer", "browser", "runner"),
    ),
}
# What `check` gives to a kind of session: tests that `test` leaves out.
ARGUMENTS = {"unit": "tests/unit/plugins", "artifact": "tests/artifact"}
PLACES = 3


class Gates:
    """Sessions that run, and what they counted."""

    def __init__(self, gate: str) -> None:
        self.passed = self.failed = 0
        self._checks = gate == "check"
        self._lock = threading.Lock()

    def run(self, session: str) -> None:
        """Run a session, show what it printed when it is through, and count which of its tests passed and failed."""
        if self.failed and not self._checks:
            return
        start = time.monotonic()
        print(f"{session} ...", flush=True)
        command = [sys.executable, "-m", "nox", "--session", session]
        if self._checks and session.partition("(")[0] in ARGUMENTS:
            command += ["--", ARGUMENTS[session.partition("(")[0]]]
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
    paths = RESULTS.glob(f"{session.replace('(', '-').rstrip(')')}*.xml")
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
    parser = argparse.ArgumentParser(description="Run the sessions of a gate side by side")
    parser.add_argument("gate", choices=GATES)
    gate = parser.parse_args().gate
    gates = Gates(gate)
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    shutil.rmtree(RESULTS, ignore_errors=True)
    start = time.monotonic()
    engine_was_there = hosts.engine_answers()
    try:
        with ThreadPoolExecutor(PLACES) as pool:
            list(pool.map(gates.run, GATES[gate]))
    finally:
        if os.environ.get("KEEP") != "1":
            clean_up(engine_was_there)
    print(f"{gates.passed} passed, {gates.failed} failed in {time.monotonic() - start:.0f} s")
    return 1 if gates.failed else 0


if __name__ == "__main__":
    sys.exit(main())
