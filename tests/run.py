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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / ".cache" / "results"
# What stands together runs side by side.
STAGES = (("lint", "images"), ("unit", "targets", "sanity"), ("molecule",), ("cores",))

sys.path.insert(0, str(ROOT / "tests" / "hosts"))
import hosts  # noqa: E402


def run_stage(stage: str) -> tuple[int, int]:
    """Run a session, show what it printed when it is through, and return how many of its tests passed and failed."""
    print(f"{stage} ...", flush=True)
    command = [sys.executable, "-m", "nox", "--session", stage]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
    passed, failed = recorded(stage) or (1, 0)
    if done.returncode and not failed:
        return passed - 1, 1
    return passed, failed


def recorded(stage: str) -> tuple[int, int] | None:
    suites = [suite for path in RESULTS.glob(f"{stage}*.xml") for suite in ElementTree.parse(path).iter("testsuite")]
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
    passed = failed = 0
    try:
        for stages in STAGES:
            with ThreadPoolExecutor() as pool:
                counts = list(pool.map(run_stage, stages))
            passed += sum(count[0] for count in counts)
            failed += sum(count[1] for count in counts)
            if failed:
                break
    finally:
        if os.environ.get("KEEP") != "1":
            clean_up(engine_was_there)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
