# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import resource
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.batch import (
    FILES,
    Batch,
    Job,
    Packed,
    pack,
)
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import Outcome
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.status_file import TOGETHER
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor import main
from ansible_collections.background.jobs.tests.unit.helpers import (
    VERSION,
    Batches,
    Gates,
    Sources,
    altered,
    children,
    eventually,
    python_job,
    python_step,
    runs,
    script_job,
    script_step,
    supervise,
)
from ansible_collections.background.jobs.tests.unit.payloads import probe_job

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


def everything_under(directory: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(directory).rglob("*") if path.is_file()}


def test_a_job_is_queued_then_running_then_done(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), concurrency="1")
    eventually(lambda: gates.is_reached("j1.0"))
    assert [batches.look(jid).state for jid in ("j1.0", "j1.1")] == ["running", "queued"]
    gates.open("j1.0")
    eventually(lambda: gates.is_reached("j1.1"))
    assert [batches.look(jid).state for jid in ("j1.0", "j1.1")] == ["succeeded", "running"]
    gates.open("j1.1")
    status = batches.end("j1.1")
    assert (status.state, status.reason, status.result) == ("succeeded", None, {"changed": True})


def test_a_record_tells_who_when_and_where(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0", timeout=50))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    running = batches.look("j1.0").record
    assert running is not None
    assert runs(supervisor) and running.pid in children(supervisor)
    assert (running.node, running.timeout, running.attempts) == (os.uname().nodename, 50, 1)
    assert running.ended_at is running.elapsed is None
    gates.open("j1.0")
    ended = batches.end("j1.0").record
    assert ended is not None and ended.pid == running.pid
    assert ended.queued_at and ended.started_at and ended.ended_at and ended.elapsed
    assert ended.queued_at <= ended.started_at <= ended.ended_at
    assert ended.elapsed < 50


@pytest.mark.parametrize("long", [25 * 86400, 4_000_000, 100 * 365 * 86400], ids=["25 days", "4000000", "100 years"])
@pytest.mark.parametrize("limit", ["timeout", "kill_after"])
def test_a_limit_of_many_days_is_one(batches: Batches, gates: Gates, limit: str, long: float) -> None:
    batches.launch(gates.job("j1.0", **{limit: long}), deadline=long)
    eventually(lambda: gates.is_reached("j1.0"))
    gates.open("j1.0")
    assert batches.end("j1.0").state == "succeeded"
    batches.supervisor_ends()


@pytest.mark.parametrize("long", [25 * 86400, 100 * 365 * 86400], ids=["25 days", "100 years"])
def test_a_pause_of_many_days_is_one_and_ends_with_a_cancel(batches: Batches, long: float) -> None:
    fails = script_job("j1.0", "exit 1", retries=1, delay=long, retry_on=["failed"])
    batches.launch(fails, script_job("j1.1", "true"), concurrency="1", start_delay=long)
    eventually(lambda: getattr(batches.look("j1.0").record, "reason", None) == "retry")
    assert batches.look("j1.1").state == "queued"
    for jid in ("j1.0", "j1.1"):
        batches.store.request_cancel(jid, "kill")
    os.kill(batches.supervisor("j1.0"), signal.SIGUSR1)
    assert [batches.end(jid).state for jid in ("j1.0", "j1.1")] == ["cancelled", "cancelled"]
    batches.supervisor_ends()


@pytest.mark.parametrize(
    ("source", "state", "reason"),
    [
        ("print('{}')", "succeeded", None),
        ("print('junk'); print('{\"changed\": true}')", "succeeded", None),
        ("print('{\"rc\": 4}')", "failed", "exit_code"),
        ("print('{\"failed\": true}')", "failed", "module"),
        ("raise SystemExit(5)", "failed", "no_output"),
        ("print('text')", "failed", "output_unparsable"),
        ("this is no Python", "failed", "no_output"),
        ("import os; os.kill(os.getpid(), 9)", "failed", "signal"),
        ("import os; os.close(1); os.close(2); os._exit(0)", "failed", "no_output"),
    ],
)
def test_a_job_ends_as_its_process_did(batches: Batches, source: str, state: str, reason: str | None) -> None:
    batches.launch(python_job("j1.0", source))
    status = batches.end("j1.0")
    assert (status.state, status.reason) == (state, reason)


def test_jobs_with_names_of_ours_in_their_results_keep_them(batches: Batches) -> None:
    result = {
        "started": "12:00",
        "finished": 0,
        "ansible_job_id": [1],
        "failed": False,
        "warnings": {"a": 1},
        "state": "x",
    }
    batches.launch(python_job("j1.0", f"import json; print(json.dumps({result!r}))"))
    assert batches.end("j1.0").result == result


def test_no_more_jobs_run_at_once_than_there_are_slots(batches: Batches, tmp_path: Path) -> None:
    source = f"""
    import json, os, time
    start = time.monotonic()
    time.sleep(0.1)
    with open({str(tmp_path)!r} + f"/{{os.getpid()}}.span", "w") as stream:
        json.dump([start, time.monotonic()], stream)
    print("{{}}")
    """
    batches.launch(*(python_job(f"j1.{number}", source) for number in range(7)), concurrency="3")
    for number in range(7):
        assert batches.end(f"j1.{number}").state == "succeeded"
    spans = [json.loads(path.read_text(encoding="ascii")) for path in tmp_path.glob("*.span")]
    assert len(spans) == 7
    assert max(sum(start <= moment < end for start, end in spans) for moment, dummy in spans) <= 3


def test_all_slots_are_used_and_a_free_one_is_filled_at_once(batches: Batches, gates: Gates) -> None:
    names = [f"j1.{number}" for number in range(4)]
    batches.launch(*(gates.job(name) for name in names), concurrency="2")
    eventually(lambda: gates.is_reached(names[0]) and gates.is_reached(names[1]))
    assert [batches.look(name).state for name in names] == ["running", "running", "queued", "queued"]
    gates.open(names[1])
    eventually(lambda: gates.is_reached(names[2]))
    assert [batches.look(name).state for name in names] == ["running", "succeeded", "running", "queued"]


def test_a_job_that_cannot_start_frees_its_slot_and_leaves_nothing(batches: Batches, gates: Gates) -> None:
    missing = Job("j1.0", "j1.0", [script_step("exit 0", interpreter=["/no/such/shell"], arguments=b"password=secret")])
    batches.launch(missing, gates.job("j1.1"), concurrency="1")
    eventually(lambda: gates.is_reached("j1.1"))
    status = batches.look("j1.0")
    assert (status.state, status.reason) == ("failed", "spawn")
    assert status.message == "could not start job j1.0: /no/such/shell: No such file or directory"
    assert not os.path.exists(f"{batches.directory}/.j1.0.d")


# -- the end of the supervisor


def test_a_job_whose_supervisor_was_killed_is_lost(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), concurrency="1")
    supervisor = batches.supervisor("j1.0")
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not runs(supervisor))
    status = batches.look("j1.0")
    assert (status.state, status.reason) == ("lost", "supervisor_gone")
    assert status.message is not None and f"(pid {supervisor}) has gone while the job was running" in status.message
    status = batches.look("j1.1")
    assert (status.state, status.reason) == ("lost", "supervisor_gone")
    assert status.message is not None and "while the job was still queued" in status.message


def test_a_supervisor_told_to_end_cancels_its_jobs_and_cleans_up(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), concurrency="1")
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    pid = batches.pid("j1.0")
    os.kill(supervisor, signal.SIGTERM)
    for jid in ("j1.0", "j1.1"):
        status = batches.end(jid)
        assert (status.state, status.reason) == ("cancelled", "cancelled")
        assert status.result["failed"] is True
    batches.supervisor_ends()
    assert not runs(pid)
    assert not gates.is_reached("j1.1")
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1"]


# -- limits


def test_a_job_over_its_limit_gets_term_and_may_tidy_up(batches: Batches, gates: Gates, tmp_path: Path) -> None:
    source = f"""
    import time
    try:
        time.sleep(60)
    finally:
        open({str(tmp_path / "tidy")!r}, "w").close()
    """
    batches.launch(python_job("j1.0", source, timeout=2, kill_after=60), gates.job("j1.1", timeout=60))
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("timed_out", "timeout")
    assert status.result["timed_out"] is True
    assert (tmp_path / "tidy").exists()
    assert status.record is not None and status.record.elapsed is not None
    assert 2 <= status.record.elapsed < 30
    assert batches.look("j1.1").state == "running"


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for dummy in range(2):
    if os.fork() == 0:
        break
else:
    LEADER
time.sleep(60)
"""


@pytest.mark.parametrize(
    "leader", ["pass", "signal.signal(signal.SIGTERM, signal.SIG_DFL)"], ids=["ignores it too", "ends"]
)
def test_what_ignores_term_is_killed_with_its_whole_group(batches: Batches, leader: str) -> None:
    batches.launch(python_job("j1.0", STUBBORN.replace("LEADER", leader), timeout=0.7, kill_after=0.3))
    batches.reaches("j1.0", "running")
    pid = batches.pid("j1.0")
    status = batches.end("j1.0")
    assert status.state == "timed_out"
    assert status.record is not None and status.record.elapsed is not None
    assert 1.0 <= status.record.elapsed < 30
    assert [process for process in procfs.table().values() if process.group == pid] == []


def test_no_zombie_stays_of_a_group_that_was_killed(batches: Batches, gates: Gates) -> None:
    source = STUBBORN.replace("LEADER", "pass")
    batches.launch(gates.job("j1.0"), python_job("j1.1", source, timeout=0.5, kill_after=0))
    supervisor = batches.supervisor("j1.0")
    assert batches.end("j1.1").state == "timed_out"
    eventually(lambda: set(children(supervisor)) == {batches.pid("j1.0")}, 5)


def test_a_limit_holds_for_a_script_that_says_nothing(batches: Batches) -> None:
    batches.launch(script_job("j1.0", "exec sleep 60", timeout=0.3))
    batches.reaches("j1.0", "running")
    status = eventually(lambda: batches.finished("j1.0"), 4)
    assert status.state == "timed_out"


# -- what a job gets


def test_a_job_inherits_the_caller_and_reads_nothing(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
    import json, os, sys
    mask = os.umask(0)
    seen = {"stdin": os.readlink("/proc/self/fd/0"), "umask": mask, "cwd": os.getcwd(), "read": sys.stdin.read()}
    environment = {name.decode(): value.decode() for name, value in os.environb.items()}
    print(json.dumps({**seen, "environment": environment}))
    """
    before = os.umask(0o027)
    try:
        batches.launch(
            python_job("j1.0", source, environment={"MINE": "ä", "BOTH": "job"}),
            environment={"PATH": os.environ["PATH"], "CALLER": "yes", "BOTH": "caller"},
        )
    finally:
        os.umask(before)
    result = batches.end("j1.0").result
    environment = result.pop("environment")
    assert result == {"stdin": "/dev/null", "umask": 0o027, "cwd": str(tmp_path), "read": ""}
    environment.pop("LC_CTYPE", None)  # Python's own doing (PEP 538)
    assert environment.pop("BACKGROUND_JOBS_RESULTS_FILE") == f"{batches.directory}/j1.0"
    assert environment == {"PATH": os.environ["PATH"], "CALLER": "yes", "MINE": "ä", "BOTH": "job"}


def test_what_a_job_starts_has_no_descriptors_of_its_supervisor(batches: Batches) -> None:
    source = """
    import os, sys
    program = "import json, os; there = [int(name) for name in os.listdir('/proc/self/fd')];"
    program += "print(json.dumps({'handles': [n for n in sorted(there) if os.path.exists(f'/proc/self/fd/{n}')]}))"
    os.execv(sys.executable, [sys.executable, "-c", program])
    """
    batches.launch(python_job("j1.0", source, lock="a"))
    assert batches.end("j1.0").result == {"handles": [0, 1, 2]}


def test_a_program_is_neither_in_an_argument_list_nor_on_disk(batches: Batches, gates: Gates, tmp_path: Path) -> None:
    secret = b"S3CRET-parameter"
    batches.launch(
        gates.job("j1.0", before=f"password = {secret.decode()!r}"),
        gates.job("j1.1", before=f"p = {secret.decode()!r}"),
        concurrency="1",
    )
    eventually(lambda: gates.is_reached("j1.0"))
    for pid in (batches.supervisor("j1.0"), batches.pid("j1.0")):
        for name in ("cmdline", "environ"):
            assert secret not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert [path for path, data in everything_under(str(tmp_path)).items() if secret in data] == []


@pytest.mark.skipif(VERSION < (3, 8), reason="Python 3.8 was the first with memfd_create")
def test_a_script_finds_its_arguments_in_memory(batches: Batches) -> None:
    script = 'set -e; . "$1"; printf \'{"name": "%s", "where": "%s"}\' "$name" "${1%/*}"'
    batches.launch(Job("j1.0", "j1.0", [script_step(script, arguments=b"name='a b'")]))
    status = batches.end("j1.0")
    assert status.result == {"name": "a b", "where": "/proc/self/fd"}
    batches.supervisor_ends()
    assert os.listdir(batches.directory) == ["j1.0"]


def test_a_binary_runs_without_an_interpreter(batches: Batches) -> None:
    batches.launch(Job("j1.0", "j1.0", [script_step("#!/bin/cat\n{}\n", interpreter=[], arguments=b"")]))
    status = batches.end("j1.0")
    assert status.state == "succeeded", status


def test_files_that_a_job_brought_are_there_while_it_runs(batches: Batches) -> None:
    source = f"""
    import json, os
    directory = os.environ[{FILES!r}]
    print(json.dumps({{name: open(os.path.join(directory, name)).read() for name in os.listdir(directory)}}))
    """
    batches.launch(Job("j1.0", "j1.0", [python_step(source, files={"a.sh": b"echo a", "b": b""})]))
    assert batches.end("j1.0").result == {"a.sh": "echo a", "b": ""}
    batches.supervisor_ends()
    assert os.listdir(batches.directory) == ["j1.0"]


def test_directories_that_belong_to_a_job_go_with_its_end(batches: Batches, gates: Gates, tmp_path: Path) -> None:
    (tmp_path / "given" / "deep").mkdir(parents=True)
    batches.launch(gates.job("j1.0", remove=[str(tmp_path / "given")]))
    eventually(lambda: gates.is_reached("j1.0"))
    assert (tmp_path / "given" / "deep").exists()
    gates.open("j1.0")
    batches.end("j1.0")
    assert not (tmp_path / "given").exists()


def test_large_programs_and_large_results_pass(batches: Batches) -> None:
    source = f"filler = '{'x' * 2_000_000}'\nprint('{{\"stdout\": \"' + filler + '\"}}')"
    batches.launch(python_job("j1.0", source))
    assert batches.end("j1.0").result == {"stdout": "x" * 2_000_000}


def test_a_job_that_reads_its_program_never_is_none_the_worse(batches: Batches) -> None:
    step = python_step("#" * 1_000_000, interpreter=["/bin/sh", "-c", "echo '{}'"])
    batches.launch(Job("j1.0", "j1.0", [step]))
    assert batches.end("j1.0").state == "succeeded"


# -- what is left


def test_nothing_but_the_status_files_is_left(batches: Batches, gates: Gates) -> None:
    batches.launch(
        gates.job("j1.0"),
        script_job("j1.1", "exit 3"),
        Job("j1.2", "j1.2", [script_step("", interpreter=["/no/such/shell"])]),
        Job("j1.3", "j1.3", [python_step("print('{}')", files={"a": b""})]),
    )
    supervisor = batches.supervisor("j1.0")
    gates.open("j1.0")
    batches.supervisor_ends()
    eventually(lambda: not runs(supervisor))
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1", "j1.2", "j1.3"]
    assert [batches.look(f"j1.{number}").state for number in range(4)] == ["succeeded", "failed", "failed", "succeeded"]


def test_a_daemon_that_holds_the_output_open_holds_nobody_up(batches: Batches) -> None:
    source = """
    import json, subprocess
    print(json.dumps({"daemon": subprocess.Popen(["sleep", "600"], start_new_session=True).pid}))
    """
    batches.launch(python_job("j1.0", source))
    daemon = batches.end("j1.0").result["daemon"]
    assert runs(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_a_daemon_that_writes_without_end_holds_nobody_up(batches: Batches) -> None:
    source = """
    import json, os, subprocess, sys
    print(json.dumps({"pid": os.getpid()}), flush=True)
    subprocess.Popen(["timeout", "-s", "KILL", "8", "yes"], start_new_session=True)
    """
    batches.launch(python_job("j1.0", source))
    status = eventually(lambda: batches.finished("j1.0"), 6)
    assert status.state == "succeeded"


def test_orphans_of_a_job_are_waited_for_while_it_runs(batches: Batches, gates: Gates) -> None:
    orphan = "import subprocess; subprocess.run(['/bin/sh', '-c', 'sleep 0.05 & exit 0'], stdout=subprocess.DEVNULL)"
    batches.launch(gates.job("j1.0", before=orphan), gates.job("j1.1", before=orphan))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0") and gates.is_reached("j1.1"))
    jobs = {batches.pid("j1.0"), batches.pid("j1.1")}
    eventually(lambda: set(children(supervisor)) == jobs)


# -- disks that are full, and worse


def test_a_result_that_cannot_be_written_is_told_apart(batches: Batches, gates: Gates) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        batches.launch(
            python_job("j1.0", "print('{\"stdout\": \"' + 'x' * 100000 + '\"}')"), python_job("j1.1", "print('{}')")
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("lost", "not_written")
    assert status.message == "the job ended as succeeded, but its result could not be written: File too large"
    assert batches.end("j1.1").state == "succeeded"


def test_a_full_disk_loses_the_result_not_the_file(small_disk: str) -> None:
    batches = Batches(small_disk)
    batches.launch(python_job("j1.0", "print('{\"stdout\": \"' + 'x' * 100000 + '\"}')"))
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("lost", "disk_full")
    batches.supervisor_ends()
    assert os.listdir(small_disk) == ["j1.0"]


def test_a_job_with_absurd_output_takes_no_other_down(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), python_job("j1.1", "print('{\"a\":' * 100000)"))
    assert batches.end("j1.1").reason == "output_unparsable"
    batches.reaches("j1.0", "running")
    gates.open("j1.0")
    assert batches.end("j1.0").state == "succeeded"


def test_a_supervisor_that_fails_says_so_in_the_files_of_its_jobs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(supervisor: main.Supervisor) -> None:
        raise RuntimeError("this cannot be")

    monkeypatch.setattr(main.Supervisor, "_apply", fail)
    jobs = [python_job(f"j1.{number}", "") for number in range(2)]
    supervise(store, Batch("j1", jobs))
    assert sorted(os.listdir(store.directory)) == ["j1.0", "j1.1"]
    for job in jobs:
        status = read_status(store, job.jid)
        assert (status.state, status.reason) == ("lost", "supervisor_failed")
        assert status.message is not None and "RuntimeError: this cannot be" in status.message


def test_few_results_wait_to_be_written_together(store: Store) -> None:
    """Else thousand jobs that end at once would have all their results in the memory of the supervisor."""
    jobs = [python_job(f"j1.{number}", "") for number in range(TOGETHER + 1)]
    records = [Record(job.jid, job.name, "j1") for job in jobs]
    supervisor = main.Supervisor(Packed(pack(Batch("j1", jobs))), records, store, ("", ""))
    for job in jobs:
        supervisor._finish(job.jid, Outcome("succeeded", {"changed": False}))
    assert [read_status(store, job.jid).state for job in jobs].count("succeeded") == TOGETHER


# -- no room, and too much


def crowded(note: Path) -> Sources:
    """A supervisor whose user may have no more processes as long as a file is there."""
    change = "            self._popen = subprocess.Popen("
    refuse = f"            if os.path.exists({str(note)!r}):\n                raise BlockingIOError(11, 'Resource')\n"
    return altered("_processes.spawn", (change, refuse + change))


def test_a_job_for_which_there_is_no_process_waits_while_others_run(
    batches: Batches, gates: Gates, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    block = python_job("j1.2", "")
    block.steps, block.block = [gates.job("j1.2").steps[0], python_step("print('{}')")], True
    late = gates.job("j1.1")
    late.after = ["j1.3"]
    batches.launch(gates.job("j1.0"), block, late, gates.job("j1.3"), sources=crowded(note))
    eventually(lambda: all(gates.is_reached(jid) for jid in ("j1.0", "j1.2", "j1.3")))
    note.touch()
    gates.open("j1.3")
    gates.open("j1.2")
    status = eventually(lambda: batches.look("j1.1") if batches.look("j1.1").reason == "no_room" else None)
    assert status.state == "queued" and status.record is not None and status.record.attempts == 0
    assert batches.look("j1.2").state == "running"
    note.unlink()
    eventually(lambda: gates.is_reached("j1.1"))
    for jid in ("j1.0", "j1.1"):
        gates.open(jid)
    for number in range(4):
        assert batches.end(f"j1.{number}").state == "succeeded"


def test_jobs_for_which_there_is_no_process_wait_some_time_where_none_runs(batches: Batches, tmp_path: Path) -> None:
    """What has started them, or asks for them, is a process of this user, too."""
    note = tmp_path / "note"
    note.touch()
    batches.launch(*(python_job(f"j1.{number}", "print('{}')") for number in range(3)), sources=crowded(note))
    eventually(lambda: batches.look("j1.0").reason == "no_room")
    note.unlink()
    assert [batches.end(f"j1.{number}").state for number in range(3)] == ["succeeded"] * 3


def test_jobs_for_which_there_is_no_process_fail_where_none_runs_for_longer(batches: Batches, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.touch()
    full = crowded(note)
    impatient = altered("_supervisor.attempt", ("_ALONE = 10.0", "_ALONE = 0.0"))
    jobs = (python_job(f"j1.{number}", "print('{}')") for number in range(2))
    batches.launch(*jobs, sources=lambda part: impatient(part) if part == "_attempt" else full(part))
    for number in range(2):
        status = batches.end(f"j1.{number}")
        assert (status.state, status.reason) == ("failed", "spawn")


@pytest.fixture
def few_files() -> t.Iterator[None]:
    """What is launched has a limit of 64 open files, which it may raise."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_files")
def test_all_jobs_run_at_once_though_the_limit_of_open_files_is_low_and_they_inherit_that(
    batches: Batches, gates: Gates
) -> None:
    """Of 64 files 6 jobs can be supervised; 64 is what a module, a script and a forked job see."""
    jobs = [gates.job(f"j1.{number}") for number in range(8)]
    script = script_job("j1.8", "echo '{\"limit\": '$(ulimit -S -n)'}'")
    python = python_job(
        "j1.9", "import resource; print('{\"limit\": %d}' % resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    code = "print(json.dumps({'limit': resource.getrlimit(resource.RLIMIT_NOFILE)[0]})); sys.exit(0)"
    forked = [probe_job(f"j1.{number}", "2.22", code=code) for number in (10, 11)]
    batches.launch(*jobs, script, python, *forked)
    eventually(lambda: all(gates.is_reached(job.jid) for job in jobs))
    for number in range(8, 12):
        assert batches.end(f"j1.{number}").result["limit"] == 64


def test_jobs_that_wait_since_there_are_no_more_files_say_so(batches: Batches, gates: Gates) -> None:
    jobs = [gates.job(f"j1.{number}") for number in range(8)]
    change = "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)"
    batches.launch(*jobs, sources=altered("_processes.this_process", (change, "soft, hard = 64, 64")))
    eventually(lambda: gates.is_reached("j1.5"))
    status = batches.look("j1.6")
    assert (status.state, status.reason) == ("queued", "open_files")
    assert status.message == "not more than 6 jobs run at once: this user may not have more open files"
    for job in jobs:
        gates.open(job.jid)
    for job in jobs:
        status = batches.end(job.jid)
        assert (status.state, status.reason, status.message) == ("succeeded", None, None)


def test_a_log_of_20_gb_is_not_read_whole(batches: Batches) -> None:
    source = """
    import os, subprocess, time
    os.truncate(os.environ["BACKGROUND_JOBS_RESULTS_FILE"] + ".log", 20 << 30)
    """
    batches.launch(python_job("j1.0", source))
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("failed", "no_output")
    assert "[... 20" not in status.result["stdout"] and "bytes left out ...]" in status.result["stdout"]
    assert len(status.result["stdout"]) < 1_100_000


def test_what_a_module_prints_is_kept_up_to_a_limit(batches: Batches) -> None:
    source = "import os, sys\nfor number in range(64):\n    os.write({}, b'x' * 1000)\nprint('{{}}')"
    sources = altered(
        "_supervisor.attempt", ("_RESULT = 256 << 20", "_RESULT = 9999"), ("_ERRORS = 16 << 20", "_ERRORS = 9999")
    )
    batches.launch(python_job("j1.0", source.format(1)), python_job("j1.1", source.format(2)), sources=sources)
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("failed", "output_too_long")
    assert (
        status.message is not None and "printed more than 9999 bytes, and none of them are a result" in status.message
    )
    status = batches.end("j1.1")
    assert status.state == "succeeded" and status.result["stderr"].endswith("x\n[... 54001 bytes left out ...]\n")


def test_of_attempts_before_the_last_no_more_is_kept_than_can_be_shown(batches: Batches) -> None:
    source = "print('{\"failed\": true, \"stdout\": \"' + 'x' * 5_000_000 + '\"}')"
    batches.launch(python_job("j1.0", source, retries=2, delay=0, retry_on=["failed"]))
    record = batches.end("j1.0").record
    assert record is not None and len(record.earlier) == 2
    for earlier in record.earlier:
        assert earlier["job"]["truncated"] == ["stdout"] and len(earlier["stdout"]) < 1_100_000
