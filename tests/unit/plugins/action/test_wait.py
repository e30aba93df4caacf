# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a wait prints and says, looked at as text.

No job goes by the clock: each goes on when something was printed, or done, that its gate stands for.
"""

from __future__ import annotations

import getpass
import os
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.unit.helpers import eventually

Task = t.Dict[str, t.Any]


class Run(t.Protocol):
    """See the fixture `watch`."""

    results: dict[str, dict[str, t.Any]]
    lines: list[str]

    def task(self, name: str) -> list[str]:
        """The lines below the heading of a task."""


def run(*jobs: Task, **options: t.Any) -> Task:
    return {"background.jobs.run": {"jobs": list(jobs), "timeout": 60, **options}}


def launch(group: str, *jobs: Task, **options: t.Any) -> Task:
    return {"background.jobs.launch": {"group": group, "jobs": list(jobs), "timeout": 60, **options}}


def wait(**options: t.Any) -> Task:
    return {"background.jobs.wait": options}


def job(name: str, script: str, **keys: t.Any) -> Task:
    return {"name": name, "ansible.builtin.shell": script, **keys}


def reap(**variables: t.Any) -> Task:
    role = {"name": "background.jobs.reap", "apply": {"ignore_errors": True}}
    return {"ansible.builtin.include_role": role, "vars": variables}


class Gates:
    """Files that jobs wait for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> Path:
        return self._directory / name

    def behind(self, name: str) -> str:
        """A shell command that ends when the gate is open."""
        return f"until [ -e {self[name]} ]; do sleep 0.1; done"

    def open(self, name: str) -> Task:
        return {"ansible.builtin.file": {"path": str(self[name]), "state": "touch"}}


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Gates:
    return Gates(tmp_path_factory.mktemp("gates"))


# What is printed while jobs run


@pytest.fixture(scope="module")
def printed(watch: t.Callable[..., Run], gates: Gates) -> Run:
    """Jobs that go on when what stands in `opens` was printed."""
    talk = f"""
        printf 'first ä\\nhal'; {gates.behind("first")}
        printf 'f of it €\\n\\n'; for i in $(seq 300); do echo "€ $i"; done
        printf '\\342\\202'; {gates.behind("many")}; printf '\\254 without an end'
    """
    opens = {
        r": 0/2 done, 2 running": gates["bad"],
        r": 0/2 done, 1 running": gates["good"],
        r"\| talks: first": gates["first"],
        r"\| talks: € 300": gates["many"],
    }
    return watch(
        {
            "much": launch("much", job("prints", "seq --format=%09.0f 20000; printf end")),
            "progress": run(
                job("good", gates.behind("good")),
                job("bad", f"{gates.behind('bad')}; echo why >&2; exit 3"),
                progress_interval=1,
            ),
            "stream": run(
                job("talks", talk),
                job("secret", f"echo hunter2; {gates.behind('many')}; exit 5", no_log=True),
                job("other", f"echo one; {gates.behind('many')}; printf 'two\\nthree\\n' >&2"),
                progress_interval=0,
                stream=True,
                quiet=True,
            ),
            "late": wait(jobs="{{ the_much }}", stream=True),
        },
        gates=opens,
    )


def test_a_wait_says_how_the_jobs_stand(printed: Run) -> None:
    told = [line for line in printed.task("progress") if line.startswith("localhost: ") or "(job=" in line]
    lines = [re.sub(r"[\d.]+ s\b", "N s", line) for line in told]
    assert [line for line in lines if "queued" not in line] == [
        "localhost: 0/2 done, 2 running (good N s, bad N s)",
        "failed: [localhost] => (job=bad, N s): exit code 3",
        "localhost: 0/2 done, 1 running (good N s), 1 failed (bad)",
        "changed: [localhost] => (job=good, N s)",
    ]
    assert "RETRYING" not in str(printed.lines)


def test_its_end_is_the_result_of_the_task(printed: Run) -> None:
    (fatal,) = (line for line in printed.task("progress") if line.startswith("fatal: [localhost]: FAILED! => "))
    assert '"msg": "1 of 2 jobs did not succeed on localhost: bad failed: exit code 3: why"' in fatal


def test_quiet_waits_say_nothing_of_how_the_jobs_stand(printed: Run) -> None:
    assert not [line for line in printed.task("stream") if "/3 done" in line or "(job=" in line]


def test_all_lines_are_shown_once_and_in_order_while_the_job_runs(printed: Run) -> None:
    lines = [line for line in printed.task("stream") if line.startswith("localhost | talks: ")]
    numbered = [f"€ {number}" for number in range(1, 301)]
    assert [line.partition(": ")[2] for line in lines] == [
        "first ä",
        "half of it €",
        "",
        *numbered,
        "€ without an end",
    ]


def test_each_line_names_its_job(printed: Run) -> None:
    lines = [line for line in printed.task("stream") if not line.startswith("localhost | talks: ")]
    assert lines[:3] == ["localhost | other: one", "localhost | other: two", "localhost | other: three"]
    assert not [line for line in lines[3:] if line.startswith("localhost | ")]


def test_nothing_is_shown_of_a_job_with_no_log(printed: Run) -> None:
    assert "hunter2" not in str(printed.lines) and "| secret:" not in str(printed.lines)
    assert printed.results["stream"]["results"][1]["stdout"] == "hunter2"
    said = (
        "1 of 3 jobs did not succeed on localhost: secret failed (exit_code; its output is hidden, because of no_log)"
    )
    assert said in "\n".join(printed.task("stream"))


def test_of_very_much_output_the_end_is_shown_and_how_much_is_not(printed: Run) -> None:
    lines = [line for line in printed.task("late") if line.startswith("localhost | prints: ")]
    assert [line.partition(": ")[2] for line in lines] == [
        f"[{(20000 - 6553) * 10} bytes of output are not shown]",
        *(f"{number:09}" for number in range(20000 - 6553 + 1, 20001)),
        "end",
    ]
    assert printed.results["late"]["results"][0]["stdout"].startswith("000000001\n")


# What is said at the end


@pytest.fixture(scope="module")
def done(watch: t.Callable[..., Run], gates: Gates) -> Run:
    held = job("held", f"echo one; {gates.behind('held')}; echo two")
    stray = {"state": "running", "results_file": "/nowhere/j1.0", "ansible_job_id": "j1.0"}
    return watch(
        {
            "launched": launch(
                "nightly", job("one", "echo 1"), job("two", "echo 2"), job("three", "echo 3"), job("four", "exit 4")
            ),
            "started": launch("attach", held),
            "attached": launch("attach", job("new", "true"), held, if_running="attach"),
            "refused": launch("attach", job("never", "true"), held, if_running="fail"),
            "without group": run(held, if_running="attach"),
            "too short": wait(jobs="{{ the_started }}", wait_timeout=1),
            "astray": wait(jobs=[{**stray, "name": "a", "host": "web9"}, {**stray, "name": "b", "user": "alice"}]),
            "nothing": wait(jobs=[]),
            "old words": wait(jobs=[], timeout=1, poll=1),
            "old word of run": run(poll=1),
            "word of wait": run(wait_timeout=5),
            "group and name": wait(group="nightly", name=["three", "two"]),
            "group": wait(group="nightly"),
            "nobody": wait(group="nightly", name=["x", "y"]),
            "builtin": {"ansible.builtin.shell": "echo hi; exit 3", "async": 60, "poll": 0},
            "all": reap(reap_all=True, reap_wait_timeout="1m", reap_stream=True),
            "attached too": wait(jobs="{{ the_attached.results[1] }}"),
            "no jobs": reap(),
        },
        gates={r"TASK \[builtin\]": gates["held"]},
    )


def of(result: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    return [each.get(key) for each in result["results"]]


def said(result: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    return [each["job"].get(key) for each in result["results"]]


def test_a_group_is_waited_for_without_handles(done: Run) -> None:
    some, rest = (done.results[name] for name in ("group and name", "group"))
    assert (said(some, "name"), of(some, "stdout"), some["failed"]) == (["two", "three"], ["2", "3"], False)
    assert some["msg"] == "2 of 2 jobs succeeded"
    assert (said(rest, "name"), said(rest, "state")) == (["one", "four"], ["succeeded", "failed"])


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("group", "1 of 2 jobs did not succeed on localhost: four failed: exit code 4"),
        (
            "nobody",
            "there is no job named 'x' or 'y' of group 'nightly' on localhost for user {me}: it was collected already, "
            "was never started, or was started as another user or with another async_dir (see "
            "background.jobs.job_info)",
        ),
        (
            "too short",
            "timed out after 1 s; 1 job still running on localhost (held). To wait for what runs on, register this "
            "result and give it as 'jobs'",
        ),
        (
            "astray",
            "2 of 2 jobs were not found on localhost: a not found: it was started on web9 in /nowhere; this task "
            "runs on localhost: add 'delegate_to: web9'; b not found: it was started as alice in /nowhere; this task "
            "runs as {me}: add 'become_user: alice'",
        ),
        (
            "refused",
            "could not start jobs on localhost: job 'held' of group 'attach' is running already ({jid}, pid {pid}, "
            "user {me}); wait for it, cancel it, or set 'if_running'",
        ),
        (
            "old words",
            "'timeout' means the limit of a job; how long to wait is 'wait_timeout'; 'poll' is 'progress_interval' "
            "here: how often to print how the jobs stand; their end is noticed at once anyway",
        ),
        (
            "old word of run",
            "'poll' is 'progress_interval' here: how often to print how the jobs stand; their end is noticed at once "
            "anyway",
        ),
        (
            "word of wait",
            "'wait_timeout' is an option of background.jobs.wait; this waits until all jobs have ended: limit them "
            "with 'timeout', each, or with 'deadline', all together",
        ),
        (
            "without group",
            "'if_running: attach' needs a group: it is looked for among its jobs; nothing was started on localhost",
        ),
    ],
)
def test_a_failure_says_what_is_wrong_and_what_to_do(done: Run, task: str, message: str) -> None:
    (jid,) = of(done.results["started"], "ansible_job_id")
    pid = re.search(r"pid (\d+)", done.results[task]["msg"])
    message = message.format(jid=jid, me=getpass.getuser(), pid=pid and pid.group(1))
    assert (done.results[task]["failed"], done.results[task]["msg"]) == (True, message)
    (fatal,) = (line for line in done.task(task) if line.startswith("fatal: [localhost]: FAILED! => "))
    assert f'"msg": "{message}"' in fatal


def test_waiting_for_nothing_is_no_failure(done: Run) -> None:
    assert (done.results["nothing"]["failed"], done.results["nothing"]["msg"]) == (False, "no jobs")


def test_attaching_gives_the_handle_of_the_running_job(done: Run) -> None:
    (jid,) = of(done.results["started"], "ansible_job_id")
    new, attached = of(done.results["attached"], "ansible_job_id")
    assert (attached, said(done.results["attached"], "attached")) == (jid, [None, True])
    assert new != jid


def test_who_attached_gets_the_result_after_others_have_collected_it(done: Run) -> None:
    (result,) = done.results["attached too"]["results"]
    assert (result["job"]["name"], result["job"]["state"], result["stdout"]) == ("held", "succeeded", "one\ntwo")


def test_the_role_waits_for_all_jobs_of_both_kinds_and_shows_what_ours_print(done: Run) -> None:
    jid = done.results["builtin"]["ansible_job_id"]
    said = "\n".join(done.task("background.jobs.reap : Fail for jobs that did not succeed"))
    assert f'"msg": "1 of 3 jobs did not succeed on localhost: {jid} failed: exit code 3"' in said
    lines = [line for line in done.task("background.jobs.reap : Wait for the jobs") if line.startswith("localhost | ")]
    assert lines == ["localhost | held: one", "localhost | held: two"]


def test_the_role_without_jobs_says_what_to_give(done: Run) -> None:
    lines = done.task("background.jobs.reap : Wait for the jobs")
    assert len([line for line in lines if "fatal" in line and "give 'reap_jobs', or 'reap_all: true'" in line]) == 1


def test_nothing_is_left(done: Run, printed: Run) -> None:
    launches = (done.results["launched"], printed.results["much"])
    directories = [os.path.dirname(launched["results"][0]["results_file"]) for launched in launches]
    # a supervisor goes a moment after its last job
    eventually(lambda: not any(map(os.listdir, directories)))
