# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, pack
from ansible_collections.background.jobs.plugins.plugin_utils._core import program
from ansible_collections.background.jobs.tests.unit.helpers import (
    LIMIT,
    Batches,
    Gates,
    altered,
    eventually,
    python_job,
    runs,
)


def test_every_job_is_on_disk_before_a_launch_returns(batches: Batches, gates: Gates) -> None:
    jids = [f"j1.{number}" for number in range(5)]
    records = batches.launch(*(gates.job(jid) for jid in jids), concurrency="1")
    assert [record.jid for record in records] == jids
    assert {record.state for record in records} == {"queued"}
    assert [batches.look(jid).state for jid in jids[1:]] == ["queued"] * 4
    assert batches.look(jids[0]).state in ("queued", "running")


def test_a_supervisor_leaves_the_session_and_holds_nothing_of_ours(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"))
    supervisor = batches.supervisor("j1.0")
    assert os.getsid(supervisor) == supervisor
    assert {os.readlink(f"/proc/{supervisor}/fd/{handle}") for handle in range(3)} == {"/dev/null"}
    assert batches.store.is_locked("j1")


def test_a_supervisor_leaves_no_code_on_the_disk(batches: Batches, gates: Gates, tmp_path: Path) -> None:
    batches.launch(gates.job("j1.0"))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    open_files = [os.readlink(path) for path in Path(f"/proc/{supervisor}/fd").iterdir()]
    assert [name for name in open_files if name.endswith(".py")] == []
    assert sorted(os.listdir(batches.directory)) == [".j1.lock", ".j1.reserve", "j1.0", "j1.0.log"]


MAIN = "main.main(packed, records, store, go, ready, lock)"


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        ("raise OSError('boom')", "OSError: boom"),
        ("os.read(go, 9); raise SystemExit('bang\\nbang')", "SystemExit: bang bang"),
        ("os.read(go, 9); os._exit(1)", "it ended without a word"),
        ("os._exit(0)", "it ended without a word"),
    ],
)
def test_a_supervisor_that_does_not_come_up_leaves_nothing(batches: Batches, instead: str, message: str) -> None:
    said = f"the supervisor did not come up on {os.uname().nodename} with {sys.executable}: {message}"
    with pytest.raises(LaunchError, match=f"^{re.escape(said)}$"):
        batches.launch(python_job("j1.0", "print('{}')"), sources=altered("_launcher.start", (MAIN, instead)))
    assert os.listdir(batches.directory) == []


def test_a_supervisor_that_fails_at_its_end_writes_to_no_file_of_another(batches: Batches, tmp_path: Path) -> None:
    """Where it told that it stood, another file may have the number by then."""
    pid_file, other = tmp_path / "pid", tmp_path / "other"
    instead = (
        f"os.read(go, 9); open({str(pid_file)!r}, 'w').write(str(os.getpid())); os.write(ready, b'ready\\n'); "
        f"os.dup2(os.open({str(other)!r}, os.O_CREAT | os.O_WRONLY), ready); raise OSError('boom')"
    )
    batches.launch(python_job("j1.0", "print('{}')"), sources=altered("_launcher.start", (MAIN, instead)))
    eventually(lambda: not runs(int(pid_file.read_text(encoding="ascii"))))
    assert other.read_bytes() == b""


def test_a_supervisor_that_never_answers_is_ended(batches: Batches, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    hangs = f"open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    sources = altered("_launcher.start", (MAIN, hangs), ("_PATIENCE = 60.0", "_PATIENCE = 1.0"))
    with pytest.raises(LaunchError, match="no answer within 1 s"):
        batches.launch(python_job("j1.0", "print('{}')"), sources=sources)
    assert os.listdir(batches.directory) == []
    assert not runs(int(eventually(lambda: pid_file.exists() and pid_file.read_text(encoding="ascii"))))


def test_what_waits_for_the_end_of_our_output_does_not_wait_for_the_supervisor(batches: Batches, gates: Gates) -> None:
    """As ssh does, and everything else through which the program is run; nor for what else it has inherited."""
    batch = Batch("j1", [gates.job("j1.0")])
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, *program.OPTIONS, program.LINE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(write,),
    )
    os.close(write)
    out, err = process.communicate(program.payload(wire.Launch(batches.directory, batch=pack(batch))), LIMIT)
    assert (os.read(read, 1), err) == (b"", b"")
    os.close(read)
    assert wire.MARK in out.decode()
    assert not batches.look("j1.0").finished
    gates.open("j1.0")  # or it would go on for ever
    batches.end("j1.0")


def test_a_directory_that_cannot_be_written_starts_nothing(tmp_path: Path) -> None:
    batches = Batches(str(tmp_path / "missing"))
    sources = altered("_serve.launch", ("prepare_directory(request.async_dir)", "request.async_dir"))
    with pytest.raises(LaunchError, match=r"could not write under .*/missing: No such file or directory"):
        batches.launch(python_job("j1.0", "print('{}')"), sources=sources)


def test_what_went_wrong_halfway_is_undone(batches: Batches) -> None:
    """The status file of the third job cannot be put in its place: there is a directory."""
    reserve = "store.make_reserve(packed.batch.batch)"
    sources = altered("_launcher.start", (reserve, f"os.mkdir(store.path('j1.2')); {reserve}"))
    with pytest.raises(LaunchError, match="could not write under"):
        batches.launch(*(python_job(f"j1.{number}", "print('{}')") for number in range(3)), sources=sources)
    assert os.listdir(batches.directory) == ["j1.2"]
    os.rmdir(f"{batches.directory}/j1.2")


def test_a_batch_does_not_start_twice(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"))
    with pytest.raises(LaunchError, match=r"this launch \(j1\) was sent to .* before, and nothing of it is left"):
        batches.launch(gates.job("j1.1"))
    gates.open("j1.0")
    assert batches.end("j1.0").state == "succeeded"


def test_batches_run_side_by_side(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), batch="j1")
    batches.launch(gates.job("j2.0"), batch="j2")
    eventually(lambda: gates.is_reached("j1.0") and gates.is_reached("j2.0"))
    assert batches.supervisor("j1.0") != batches.supervisor("j2.0")
