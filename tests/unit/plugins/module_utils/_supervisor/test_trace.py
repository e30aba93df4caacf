# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import files
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, Job
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor import main
from ansible_collections.background.jobs.plugins.module_utils._supervisor import trace as _trace
from ansible_collections.background.jobs.tests.unit.helpers import Batches, python_job, supervise

BATCH = Batch("j1", [Job("j1.0", "back\nup"), Job("j1.1", "HIDDEN", no_log=True)], trace=True)


def lines(store: Store, batch: str = "j1") -> list[str]:
    """What a trace says, without the times."""
    text = Path(store.trace_path(batch)).read_text("ascii")
    assert all(re.match(r"\d+\.\d{6} ", line) for line in text.splitlines())
    return [line.partition(" ")[2] for line in text.splitlines()]


def test_nothing_is_written_that_was_not_asked_for(store: Store) -> None:
    trace = _trace.begin_trace(store, Batch("j1", []))
    assert trace is _trace.OFF
    trace.note("this", "j1.0")
    trace.servers([1])
    trace.last("that")
    assert os.listdir(store.directory) == []


def test_lines_name_jobs_but_not_those_with_no_log(store: Store) -> None:
    trace = _trace.begin_trace(store, BATCH)
    trace.note("results are on disk", "j1.0", "j1.1")
    trace.servers([7, 5])
    trace.servers([5, 7])
    trace.last("two\nlines")
    assert lines(store)[3:] == [
        'job 0 "back\\\\nup", 1: results are on disk',
        "fork servers: 5, 7",
        "two",
        "lines",
    ]


def test_the_file_is_its_users_and_never_one_that_is_there(store: Store, tmp_path: Path) -> None:
    _trace.begin_trace(store, BATCH)
    assert stat.S_IMODE(os.lstat(store.trace_path("j1")).st_mode) == 0o600
    (tmp_path / "victim").touch()
    os.symlink(tmp_path / "victim", store.trace_path("j2"))
    assert _trace.begin_trace(store, Batch("j2", [], trace=True)) is _trace.OFF
    assert (tmp_path / "victim").read_bytes() == b""


def test_it_is_bounded_and_keeps_room_for_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trace, "_LIMIT", 1000)
    monkeypatch.setattr(_trace, "_RESERVED", 300)
    trace = _trace.begin_trace(store, BATCH)
    for dummy in range(100):
        trace.note("x" * 50)
    trace.last("Traceback\nRuntimeError")
    for dummy in range(100):
        trace.last("y" * 50)
    assert os.lstat(store.trace_path("j1")).st_size < 1500
    assert [line for line in lines(store) if "x" not in line and "y" not in line][-3:] == [
        _trace._FULL,
        "Traceback",
        "RuntimeError",
    ]


def test_what_could_not_be_written_is_counted(tmp_path: Path) -> None:
    gone = os.open(tmp_path / "x", os.O_RDONLY | os.O_CREAT)
    trace = _trace.File(gone, BATCH)
    path = tmp_path / "there"
    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), gone)
    trace.note("again")
    os.close(gone)
    assert path.read_text("ascii").endswith("(3 lines before this one could not be written) again\n")


def test_a_batch_leaves_a_trace_until_its_last_job_is_removed(batches: Batches, store: Store) -> None:
    batches.launch(
        python_job("j1.0", "print('{\"secret\": 1}')"), python_job("j1.1", "import sys; sys.exit(3)"), trace=True
    )
    first, last = batches.end("j1.0"), batches.end("j1.1")
    batches.supervisor_ends()
    told = lines(store)
    assert any(re.match(r'job 0 "j1.0": runs as pid \d+, attempt 1', line) for line in told)
    assert any(line.startswith('job 1 "j1.1": failed, ') for line in told)
    assert told[-1] == "all jobs have ended"
    assert "secret" not in "".join(told)
    files.remove_finished([first])
    assert os.path.exists(store.trace_path("j1"))
    files.remove_finished([last])
    assert os.listdir(store.directory) == []


def test_how_a_supervisor_fails_is_in_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(supervisor: main.Supervisor) -> None:
        raise RuntimeError("this cannot be")

    monkeypatch.setattr(main.Supervisor, "_apply", fail)
    supervise(store, Batch("j1", [python_job("j1.0", "")], trace=True))
    assert "RuntimeError: this cannot be" in lines(store)
