# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Supervisors that somebody has stopped: who asks is told, and nobody waits for what cannot come."""

from __future__ import annotations

import os
import signal
import threading
import time
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel
from ansible_collections.background.jobs.plugins.module_utils._model.states import STOPPED
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence, find_jobs
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import wait_for_jobs
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Gates, eventually

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

JIDS = ["j1.0", "j1.1"]


@pytest.fixture
def supervisor(batches: Batches, gates: Gates) -> t.Iterator[int]:
    """The supervisor of a job that runs and of one that waits for it."""
    batches.launch(*map(gates.job, JIDS), concurrency="1")
    eventually(lambda: gates.is_reached("j1.0"))
    pid = batches.supervisor("j1.0")
    yield pid
    if procfs.start_time(pid):
        os.kill(pid, signal.SIGCONT)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: procfs.is_stopped(pid, procfs.start_time(pid)))


def says_so(status: Status, state: str, pid: int) -> bool:
    assert (status.state, status.finished, status.reason) == (state, False, STOPPED)
    return f"(pid {pid} of " in str(status.message) and f"'kill -CONT {pid}'" in str(status.message)


def test_readers_tell_who_is_stopped_and_what_to_do(batches: Batches, gates: Gates, supervisor: int) -> None:
    assert batches.look("j1.0").message is None
    stop(supervisor)
    assert says_so(batches.look("j1.0"), "running", supervisor)
    assert says_so(batches.look("j1.1"), "queued", supervisor)
    told = [info.message or "" for dummy, info in find_jobs(batches.store, Evidence(), time.time())]
    assert len(told) == 2 and all(f"kill -CONT {supervisor}" in message for message in told)
    os.kill(supervisor, signal.SIGCONT)
    eventually(lambda: batches.look("j1.0").message is None)
    for jid in JIDS:
        gates.open(jid)
        assert batches.end(jid).state == "succeeded"


def test_who_waits_is_answered_when_a_supervisor_is_stopped_and_when_it_goes_on(
    batches: Batches, supervisor: int
) -> None:
    jobs = [(batches.store, jid) for jid in JIDS]
    states = {"j1.0": "running", "j1.1": "queued"}
    threading.Timer(0.3, stop, [supervisor]).start()
    statuses = wait_for_jobs(jobs, 60, 60, states)
    assert [status.reason for status in statuses] == [STOPPED, STOPPED]
    assert [status.reason for status in wait_for_jobs(jobs, 2, 1, dict.fromkeys(JIDS, STOPPED))] == [STOPPED, STOPPED]
    threading.Timer(0.3, os.kill, [supervisor, signal.SIGCONT]).start()
    assert [status.reason for status in wait_for_jobs(jobs, 60, 0, dict.fromkeys(JIDS, STOPPED))] == [None, None]


def test_cancel_tells_it_at_once_and_holds_as_soon_as_the_supervisor_goes_on(batches: Batches, supervisor: int) -> None:
    stop(supervisor)
    start = time.monotonic()
    cancelled = cancel.cancel_jobs([(batches.store, jid) for jid in JIDS], "kill", dry=False)
    assert time.monotonic() - start < cancel._PATIENCE
    assert [each.changed for each in cancelled] == [False, False]
    assert all(f"kill -CONT {supervisor}" in str(each.status.message) for each in cancelled)
    os.kill(supervisor, signal.SIGCONT)
    assert [batches.end(jid).state for jid in JIDS] == ["cancelled", "cancelled"]


def test_another_process_with_the_number_is_not_meant(supervisor: int) -> None:
    stop(supervisor)
    assert not procfs.is_stopped(supervisor, "another start")
    assert not procfs.is_stopped(os.getpid(), procfs.start_time(os.getpid()))
