# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that can no longer give their result: found out, told with the reason, and nothing half written."""

from __future__ import annotations

import json
import os
import re
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Gates,
    eventually,
    python_job,
    runs,
    script_job,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


def kill_supervisor(batches: Batches, jid: str = "j1.0") -> None:
    supervisor = batches.supervisor(jid)
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not runs(supervisor))


def assert_complete(directory: str) -> None:
    """Every status file is one whole JSON object."""
    for name in os.listdir(directory):
        if re.fullmatch(r"j[0-9]+\.[0-9]+", name):
            assert isinstance(json.loads(Path(directory, name).read_bytes()), dict)


# -- nobody works on it any more


def test_running_and_queued_jobs_of_a_killed_supervisor_are_lost_and_reaped(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), concurrency="1")
    eventually(lambda: gates.is_reached("j1.0"))
    pid = batches.pid("j1.0")
    kill_supervisor(batches)
    told = [(batches.look(jid).state, batches.look(jid).reason) for jid in ("j1.0", "j1.1")]
    assert told == [("lost", "supervisor_gone")] * 2
    remove_finished([batches.look("j1.0"), batches.look("j1.1")])
    assert os.listdir(batches.directory) == []
    assert not runs(pid), "a job without a supervisor runs on after its reap"


def test_a_supervisor_that_is_only_stopped_is_not_taken_for_dead(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"))
    supervisor = batches.supervisor("j1.0")
    os.kill(supervisor, signal.SIGSTOP)
    assert batches.look("j1.0").state == "running"
    gates.open("j1.0")
    os.kill(supervisor, signal.SIGCONT)
    assert batches.end("j1.0").state == "succeeded"


def test_a_restarted_host_is_told_by_its_boot(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), concurrency="1")
    kill_supervisor(batches)
    for jid in ("j1.0", "j1.1"):
        document = batches.store.read(jid)
        document["background_jobs"]["boot_id"] = "b00t"
        batches.store.write(jid, document)
        status = batches.look(jid)
        assert (status.state, status.reason) == ("lost", "reboot")
        assert status.message is not None and "the host was restarted while the job was" in status.message


def test_a_process_with_the_number_of_the_supervisor_is_not_the_supervisor(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"))
    kill_supervisor(batches)
    document = batches.store.read("j1.0")
    document["background_jobs"].update(supervisor_pid=os.getpid(), supervisor_start="1")
    batches.store.write("j1.0", document)
    assert batches.look("j1.0").state == "lost"


# -- its file is damaged


def spoil(path: str, how: str) -> None:
    data = Path(path).read_bytes()
    os.unlink(path)
    if how == "fifo":
        os.mkfifo(path)
    elif how == "link":
        Path(f"{path}.elsewhere").write_bytes(data)
        os.symlink(f"{path}.elsewhere", path)
    elif how == "directory":
        os.mkdir(path)
    elif how != "deleted":
        Path(path).write_bytes({"truncated": data[:-1], "empty": b"", "garbage": b"\xff\0{" * 99, "list": b"[]"}[how])


@pytest.mark.parametrize("how", ["truncated", "empty", "garbage", "list", "deleted", "fifo", "link", "directory"])
@pytest.mark.parametrize("finished", [True, False], ids=["finished", "running"])
def test_a_status_file_that_was_spoilt_is_final(batches: Batches, gates: Gates, how: str, finished: bool) -> None:
    """Unreadable is not "still running": nobody will ever make it readable."""
    batches.launch(gates.job("j1.0"))
    eventually(lambda: gates.is_reached("j1.0"))
    if finished:
        gates.open("j1.0")
        batches.end("j1.0")
    spoil(batches.store.path("j1.0"), how)
    status = batches.look("j1.0")
    assert status.finished
    gone, spoilt = ("not_found", None), ("lost", "status_unreadable")
    assert (status.state, status.reason) == (gone if how == "deleted" else spoilt)
    assert status.message is not None and batches.directory in status.message


@pytest.mark.parametrize("how", ["empty", "deleted", "fifo", "link"])
def test_the_end_of_a_job_puts_its_file_right_again(batches: Batches, gates: Gates, how: str) -> None:
    batches.launch(gates.job("j1.0"))
    eventually(lambda: gates.is_reached("j1.0"))
    path = batches.store.path("j1.0")
    spoil(path, how)
    gates.open("j1.0")
    assert eventually(lambda: batches.look("j1.0").state == "succeeded")
    if how == "link":
        assert json.loads(Path(f"{path}.elsewhere").read_bytes())["finished"] is False, "a link was followed"


# -- there is no room


def fill(directory: str) -> None:
    with Path(directory, "filler").open("wb", buffering=0) as stream:
        while True:
            try:
                stream.write(b"x" * 1024)
            except OSError:
                return


def talk(log: int, result: int) -> str:
    return f"""
    import subprocess
    subprocess.run(["head", "-c", "{log}", "/dev/zero"], stdout=subprocess.PIPE)
    print('{{"stdout": "' + "x" * {result} + '"}}')
    """


def test_a_log_gives_way_to_the_result(disk: t.Callable[[str], str]) -> None:
    batches = Batches(disk("size=64k"))
    batches.launch(python_job("j1.0", talk(log=24000, result=16000)))
    status = batches.end("j1.0")
    assert (status.state, len(status.result["stdout"])) == ("succeeded", 16000)
    batches.supervisor_ends()
    assert os.listdir(batches.directory) == ["j1.0"]


def test_a_result_without_room_is_lost_and_says_so(disk: t.Callable[[str], str]) -> None:
    batches = Batches(disk("size=64k"))
    batches.launch(
        *(python_job(f"j1.{number}", talk(log=20000, result=60000)) for number in range(3)),
        python_job("j1.3", "print('{}')"),
    )
    for number in range(3):
        status = batches.end(f"j1.{number}")
        assert (status.state, status.reason) == ("lost", "disk_full")
        assert status.message == (
            "the job ended as succeeded, but its result could not be written: No space left on device"
        )
    assert batches.end("j1.3").state == "succeeded"
    assert_complete(batches.directory)
    batches.supervisor_ends()
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1", "j1.2", "j1.3"]


def test_the_truth_is_told_of_every_job_on_a_disk_that_is_full_to_the_last_byte(
    disk: t.Callable[[str], str], gates: Gates
) -> None:
    batches = Batches(disk("size=128k"))
    jobs = [gates.job("j1.0", after="raise SystemExit(3)"), gates.job("j1.1", timeout=4, kill_after=0)]
    batches.launch(*jobs, gates.job("j1.2"), gates.job("j1.3"), concurrency="3")
    eventually(lambda: all(gates.is_reached(jid) for jid in ("j1.0", "j1.1", "j1.2")))
    fill(batches.directory)
    assert_complete(batches.directory)
    for jid in ("j1.0", "j1.2", "j1.3"):
        gates.open(jid)
    told = {}
    for jid in ("j1.0", "j1.1", "j1.2", "j1.3"):
        status = batches.end(jid)
        told[jid] = str(status.message) if status.state == "lost" else str(status.state)
    for jid, state in {"j1.0": "failed", "j1.1": "timed_out", "j1.2": "succeeded", "j1.3": "succeeded"}.items():
        assert state in told[jid], told
    assert_complete(batches.directory)
    batches.supervisor_ends()
    assert sorted(os.listdir(batches.directory)) == ["filler", "j1.0", "j1.1", "j1.2", "j1.3"]


def test_a_launch_without_room_leaves_nothing(disk: t.Callable[[str], str]) -> None:
    batches = Batches(disk("size=64k"))
    fill(batches.directory)
    with pytest.raises(LaunchError, match=f"could not write under {batches.directory}: No space left on device"):
        batches.launch(python_job("j1.0", "print('{}')"))
    assert os.listdir(batches.directory) == ["filler"]


def test_a_launch_without_inodes_leaves_nothing(disk: t.Callable[[str], str]) -> None:
    """One inode each for the disk, the directory, the lock, the reserve and the first two jobs."""
    batches = Batches(disk("size=1m,nr_inodes=6"))
    with pytest.raises(LaunchError, match=f"could not write under {batches.directory}: No space left on device"):
        batches.launch(*(python_job(f"j1.{number}", "print('{}')") for number in range(3)))
    assert os.listdir(batches.directory) == []
    assert not batches.store.is_locked("j1")


@pytest.mark.parametrize("no_log", [True, False], ids=["no log", "log"])
def test_a_job_ends_truthfully_when_all_inodes_are_used_up(disk: t.Callable[[str], str], no_log: bool) -> None:
    directory = disk("size=1m,nr_inodes=16")
    batches = Batches(directory)
    script = f"""
    import json, os
    try:
        for number in range(99):
            open("{directory}/file%d" % number, "w").close()
    except OSError as exc:
        print(json.dumps({{"errno": exc.errno}}))
    """
    batches.launch(python_job("j1.0", script, no_log=no_log))
    status = batches.end("j1.0")
    if status.state == "lost":
        assert status.reason == "disk_full"
        assert status.message is not None and "the job ended as succeeded" in status.message
    else:
        assert (status.state, status.result) == ("succeeded", {"errno": 28})
    batches.supervisor_ends()
    assert [name for name in os.listdir(directory) if not name.startswith("file")] == ["j1.0"]


def test_a_job_without_room_for_its_files_says_so_and_may_be_tried_again(disk: t.Callable[[str], str]) -> None:
    batches = Batches(disk("size=64k"))
    job = python_job("j1.0", "print('{}')", retries=2, delay=0, retry_on=["failed"])
    job.steps[0].files = {"big": b"x" * 100_000}
    batches.launch(job)
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("failed", "spawn")
    assert status.message is not None and "No space left on device" in status.message
    assert status.record is not None
    assert [attempt["job"]["reason"] for attempt in status.record.earlier] == ["spawn"] * 2
    assert all("No space left on device" in attempt["msg"] for attempt in status.record.earlier)
    batches.supervisor_ends()
    assert os.listdir(batches.directory) == ["j1.0"]


def test_a_directory_that_is_taken_away_ends_no_other_job_wrongly(batches: Batches, gates: Gates) -> None:
    """The supervisor cannot tell anything any more; it ends, and takes nothing with it."""
    batches.launch(gates.job("j1.0"), script_job("j1.1", "exit 0"))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    batches.end("j1.1")
    os.rename(batches.directory, f"{batches.directory}.away")
    gates.open("j1.0")
    eventually(lambda: not runs(supervisor))
    assert batches.look("j1.0").state == "not_found"
    assert procfs.is_alive(os.getpid(), procfs.start_time(os.getpid()))
