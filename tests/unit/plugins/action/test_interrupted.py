# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are interrupted while jobs run: by the keyword `timeout` of the task, and by Ctrl-C on a terminal."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller

Tasks = t.Mapping[str, t.Mapping[str, t.Any]]
Results = t.Dict[str, t.Dict[str, t.Any]]
JOBS = [{"name": "quick", "ansible.builtin.command": "true"}, {"name": "long", "ansible.builtin.command": "sleep 120"}]


@pytest.fixture(scope="module")
def done(play: t.Callable[..., Results]) -> Results:
    return play(
        {
            "run": {"background.jobs.run": {"jobs": JOBS}, "timeout": 8},
            "wait": {"background.jobs.wait": {"jobs": "{{ the_run }}"}, "timeout": 4},
            "cancel": {"background.jobs.cancel": {"jobs": "{{ the_wait }}"}},
            "collect": {"background.jobs.wait": {"jobs": "{{ the_wait }}"}},
        }
    )


@pytest.mark.parametrize("task", ["run", "wait"])
def test_a_task_that_ran_out_of_time_names_the_jobs_that_run(done: Results, task: str) -> None:
    result = done[task]
    assert result["failed"]
    assert not result["finished"]
    assert result["timedout"]["period"] == {"run": 8, "wait": 4}[task]
    assert [each["job"]["name"] for each in result["results"]] == ["quick", "long"]
    assert result["results"][1]["job"]["state"] == "running"
    assert "1 job still runs on localhost (long), 1 job ended, its result waits to be collected" in result["msg"]


def test_what_it_returned_is_ended_and_collected(done: Results) -> None:
    assert done["cancel"]["msg"] == "1 job cancelled on localhost, 1 had finished already"
    assert done["collect"]["summary"]["succeeded"] == done["collect"]["summary"]["cancelled"] == 1


def interrupt(command: dict[str, t.Any], when: str) -> str:
    """Run a command on a terminal, and press Ctrl-C once it has printed `when`."""
    master, slave = os.openpty()

    def take_terminal() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it, as would this
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    streams: dict[str, t.Any] = {"stdin": slave, "stdout": slave, "stderr": slave}
    with subprocess.Popen(**command, **streams, start_new_session=True, preexec_fn=take_terminal) as process:
        os.close(slave)
        told, pressed = b"", False
        while True:
            try:
                told += os.read(master, 65536)
            except OSError:  # all of them have closed it
                break
            if not pressed and re.search(when.encode(), told):
                time.sleep(1)  # a worker that ends while it prints keeps ansible-core from ending
                os.write(master, b"\3")
                pressed = True
    os.close(master)
    assert process.returncode == 99
    return told.decode().replace("\r", "")


def test_ctrl_c_tells_what_runs_and_how_to_end_it(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    play = controller.playbook(
        "play.yml", {"name": "Run", "background.jobs.run": {"jobs": JOBS, "progress_interval": 1}}, hosts="web1:web2"
    )
    quick = {"ANSIBLE_PIPELINING": "true", "COLUMNS": "1000", "PYTHONUNBUFFERED": "1"}
    told = interrupt(controller.command(play, **quick), r"(?s)web1: 1/2 done.*web2: 1/2 done|web2: 1/2.*web1: 1/2 done")
    for host in ("web1", "web2"):
        assert f"\n1 job still runs on {host} (long), 1 job ended, its result waits to be collected\n" in told
        line = re.search(rf"to end them: +(ansible {host} .*)", told)
        assert line is not None, told
        end = controller.command(**quick)
        end["args"] = [sys.executable, "-m", "ansible", "adhoc", *shlex.split(line.group(1))[1:]]
        ended = subprocess.run(**end, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert f"1 job cancelled on {host}, 1 had finished already" in ended.stdout.decode()
