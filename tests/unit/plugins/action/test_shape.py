# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys results and handles have, in one real play: those of the module as an ordinary task returns them, those of
ansible-core, and `job`.
"""

from __future__ import annotations

import http.server
import os
import threading
import typing as t
from pathlib import Path

import pytest

from .conftest import Play, Results

Result = t.Dict[str, t.Any]

BESIDE = {"ansible_job_id", "started", "finished", "failed", "changed", "job"}
"""Keys of a result that are not its module's."""
LOOP = {"item", "word", "ansible_loop_var"}
OF_THE_TASK = {"results", "summary", "msg", "elapsed", "changed", "failed", "finished"}
TIMES = {"queued_at", "started_at", "ended_at"}
ENDED = {"name", "state", "elapsed", "attempts", *TIMES, "host", "user", "results_file"}
"""What is said of a job that has succeeded."""
HANDLE = {"name", "state", "host", "user", "interpreter", "conditions"}
NEVER_THE_SAME = {"start", "end", "delta"}
NOT_OF_A_JOB = {"invocation", "exception", "ansible_parsed"}
"""Keys of the result of a task that ansible-core puts there, and the arguments, which are not kept on a disk."""

OWN = {
    "name": "nginx",
    "state": "started",
    "reason": "why not",
    "message": "m",
    "host": "h",
    "user": "u",
    "group": "g",
    "results_file": "/r",
    "attempts": 7,
    "elapsed": 3.5,
    "ignored": ["a"],
    "truncated": True,
    "survivors": 3,
    "shadowed": {"x": 1},
    "conditions": {"failed_when": ["true"]},
    "failed_when": "never",
    "no_log": True,
    "output": "o",
    "steps": ["s"],
    "rc": 0,
    "stdout": "a\nb",
}
"""Names that we use, too, as keys of a module."""
TAKEN = {"job": {"name": "x", "state": "failed"}, "started": "12:00", "finished": "13:00", "ansible_job_id": 5}
"""Names that a result needs for itself."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "14")
        self.end_headers()
        self.wfile.write(b'{"state": "x"}')

    def log_message(self, *dummy: t.Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> t.Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shape")
    (directory / "it").mkdir(mode=0o700)
    return directory


def modules(files: Path, url: str) -> dict[str, Result]:
    return {
        "file": {"ansible.builtin.file": {"path": f"{files}/it", "state": "directory", "mode": "0700"}},
        "stat": {"ansible.builtin.stat": {"path": f"{files}/it"}},
        "user": {"ansible.builtin.user": {"name": "root", "state": "present"}},
        "wait_for": {"ansible.builtin.wait_for": {"path": f"{files}/it", "timeout": 20}},
        "uri": {"ansible.builtin.uri": {"url": url, "return_content": True}},
        "command": {"ansible.builtin.command": "echo one"},
        "answers": {"answers": {"answer": OWN}},
    }


@pytest.fixture(scope="module")
def seen(play: Play, files: Path, url: str) -> Results:
    tried = modules(files, url)
    jobs = [{"name": f"job {name}", **task} for name, task in tried.items()]
    echo = {"ansible.builtin.command": "echo one"}
    fails = {"ansible.builtin.shell": "echo broken >&2; exit 3"}
    tasks: dict[str, Result] = {
        **{f"task {name}": task for name, task in tried.items()},
        "several": {"background.jobs.run": {"jobs": jobs}},
        **{f"one {name}": {"background.jobs.run": {"jobs": [job]}} for name, job in zip(tried, jobs)},
        "taken": {"background.jobs.run": {"jobs": [{"name": "a", "answers": {"answer": TAKEN}}]}},
        "block": {
            "background.jobs.run": {
                "jobs": [{"name": "b", "retries": 1, "delay": 0, "block": [{"name": "one", **echo}, fails]}]
            }
        },
        "each": {
            "background.jobs.run": {
                "for_each": ["x", "y"],
                "loop_var": "word",
                "group": "g",
                "job": {"name": "{{ word }}", **echo},
            }
        },
        "skipped": {"background.jobs.run": {"jobs": [{"name": "s", "when": "false", **echo}, {"name": "o", **echo}]}},
        "failed": {
            "background.jobs.run": {
                "jobs": [
                    {"name": "fails", **fails},
                    {"name": "ignored", "ignore_errors": True, **fails},
                    {"name": "by condition", "failed_when": "job.name == 'by condition'", **echo},
                    {"name": "late", "ansible.builtin.command": "sleep 60", "timeout": 1, "kill_after": 1},
                ]
            }
        },
        "launch": {"background.jobs.launch": {"group": "g", "jobs": [{"name": "l", **echo}]}},
        "launch each": {
            "background.jobs.launch": {
                "for_each": ["x", "y"],
                "loop_var": "word",
                "job": {"name": "{{ word }}", **echo, "no_log": "{{ word == 'y' }}"},
            }
        },
        "read": {"ansible.builtin.async_status": {"jid": "{{ the_launch.ansible_job_id }}"}},
        "status": {"background.jobs.async_status": {"jid": "{{ the_launch.ansible_job_id }}"}},
        "wait": {"background.jobs.wait": {"jobs": "{{ the_launch }}"}},
        "wait again": {"background.jobs.wait": {"jobs": "{{ the_launch }}"}},
        "status again": {"background.jobs.async_status": {"jids": ["{{ the_launch.ansible_job_id }}"]}},
        "cleanup": {"background.jobs.async_status": {"jid": "{{ the_launch.ansible_job_id }}", "mode": "cleanup"}},
        "wait each": {"background.jobs.wait": {"jobs": "{{ the_launch_each }}"}},
        "known": {"background.jobs.wait": {"jobs": "{{ the_failed }}"}},
        "doomed": {"background.jobs.launch": {"jobs": [{"name": "d", "ansible.builtin.command": "sleep 60"}]}},
        "who": {
            "background.jobs.job_info": {"name": "d", "state": "running"},
            "until": "the_who.jobs | length > 0",
            "delay": 1,
        },
        "kill": {"ansible.builtin.command": "kill -9 {{ the_who.jobs[0].supervisor_pid }}"},
        "lost": {"background.jobs.wait": {"jobs": "{{ the_doomed }}"}},
        "long": {"background.jobs.launch": {"jobs": [{"name": "x", "ansible.builtin.command": "sleep 60"}]}},
        "in vain": {"background.jobs.wait": {"jobs": "{{ the_long }}", "wait_timeout": 1}},
        "cancel": {"background.jobs.cancel": {"jobs": "{{ the_long }}"}},
        "wait for cancelled": {"background.jobs.wait": {"jobs": "{{ the_cancel }}"}},
        "core": {**tried["answers"], "async": 60, "poll": 0, "loop": ["x", "y"]},
        "builtin": {"background.jobs.wait": {"jobs": "{{ the_core }}"}},
        "names": {
            "ansible.builtin.debug": {"msg": "{{ (the_several | background.jobs.by_name)['job answers'].name }}"}
        },
    }
    return play(tasks)


def only(result: Result) -> Result:
    (entry,) = result["results"]
    return t.cast("Result", entry)


def own(result: Result) -> Result:
    """What a module returned."""
    return {key: value for key, value in result.items() if key not in {*BESIDE, *NEVER_THE_SAME, *NOT_OF_A_JOB}}


NAMES = ("file", "stat", "user", "wait_for", "uri", "command", "answers")


@pytest.mark.parametrize("name", NAMES)
def test_the_result_of_a_job_is_that_of_the_module_key_by_key(seen: Results, name: str) -> None:
    task, job = seen[f"task {name}"], seen["several"]["results"][NAMES.index(name)]
    assert own(job) == own(task)
    assert (job["changed"], job["failed"]) == (task["changed"], task["failed"])
    assert set(job) - set(task) == BESIDE - {"changed", "failed"}
    assert set(task) - set(job) <= NOT_OF_A_JOB
    assert (job["job"]["name"], job["job"]["state"]) == (f"job {name}", "succeeded")


@pytest.mark.parametrize("name", NAMES)
def test_a_task_with_one_job_has_these_keys_too_but_for_its_own(seen: Results, name: str) -> None:
    task, run = seen[f"task {name}"], seen[f"one {name}"]
    assert own(only(run)) == own(task)
    theirs = {key: value for key, value in own(task).items() if key not in OF_THE_TASK}
    assert {key: run[key] for key in theirs} == theirs
    assert (run["msg"], run["job"]) == ("1 of 1 job succeeded", only(run)["job"])
    assert run["elapsed"] != only(run).get("elapsed"), "how long the task took is not what a module calls so"


def test_what_a_module_returns_under_a_name_that_is_taken_is_kept_apart(seen: Results) -> None:
    entry = only(seen["taken"])
    assert entry["job"]["shadowed"] == TAKEN
    assert set(entry) == BESIDE


def test_jobs_of_run_say_the_same_of_themselves_however_many_there_are(seen: Results) -> None:
    for task in ("several", *(f"one {name}" for name in NAMES)):
        for entry in seen[task]["results"]:
            assert set(entry["job"]) == ENDED
            assert (entry["job"]["host"], entry["started"], entry["finished"]) == ("localhost", True, True)
    assert all(set(entry["job"]) == {*ENDED, "group"} for entry in seen["each"]["results"])


def test_a_block_has_steps_and_attempts_in_the_same_shape(seen: Results) -> None:
    entry = only(seen["block"])
    assert set(entry["job"]) == {*ENDED, "reason", "message", "attempt_results"}
    assert (entry["rc"], entry["job"]["reason"], entry["job"]["attempts"]) == (3, "exit_code", 2)
    (attempt,) = entry["job"]["attempt_results"]
    assert set(attempt["job"]) == {"state", "reason", "message", "elapsed"}
    for result in (entry, attempt):
        first, second = result["steps"]
        assert first["job"] == {"name": "one", "state": "succeeded"}
        assert own(first) == own(seen["task command"])
        assert second["job"]["name"] == "shell-2"
        assert set(second["job"]) == {"name", "state", "reason", "message"}


def test_jobs_of_items_have_what_a_loop_has(seen: Results) -> None:
    for task in ("each", "launch each", "wait each"):
        entries = seen[task]["results"]
        assert [{key: entry[key] for key in LOOP} for entry in entries] == [
            {"item": word, "word": word, "ansible_loop_var": "word"} for word in "xy"
        ]
        assert [entry["job"]["name"] for entry in entries] == ["x", "y"]
    assert [entry["job"].get("no_log") for entry in seen["launch each"]["results"]] == [None, True]


def test_a_skipped_job_says_which_condition_was_false(seen: Results) -> None:
    skipped, other = seen["skipped"]["results"]
    said = {"name": "s", "state": "skipped", "false_condition": "false"}
    assert skipped == {
        "started": False,
        "finished": True,
        "failed": False,
        "changed": False,
        "skipped": True,
        "job": said,
    }
    assert other["job"]["state"] == "succeeded"
    assert seen["skipped"]["summary"]["skipped"] == 1


def test_a_failed_job_says_why(seen: Results) -> None:
    fails, ignored, condition, late = seen["failed"]["results"]
    assert set(fails["job"]) == {*ENDED, "reason", "message"}
    assert set(ignored["job"]) == {*ENDED, "reason", "message", "ignored"}
    assert set(condition["job"]) == {*ENDED, "reason", "failed_when"}
    assert set(late["job"]) == {*ENDED, "reason", "message"}
    assert [each["job"]["reason"] for each in (fails, ignored, condition, late)] == [
        "exit_code",
        "exit_code",
        "failed_when",
        "timeout",
    ]
    assert [each["failed"] for each in (fails, ignored, condition, late)] == [True] * 4
    assert condition["job"]["failed_when"] == "job.name == 'by condition'"


def test_a_handle_has_what_builtin_async_has_and_the_rest_in_job(seen: Results) -> None:
    handle = only(seen["launch"])
    assert set(handle) == {*BESIDE, "results_file"}
    assert set(handle["job"]) == {*HANDLE, "group"}
    assert (handle["started"], handle["finished"], handle["job"]["state"]) == (True, False, "queued")
    assert os.path.isabs(handle["job"]["interpreter"])
    assert {key: seen["launch"][key] for key in ("ansible_job_id", "results_file", "started", "job")} == {
        key: handle[key] for key in ("ansible_job_id", "results_file", "started", "job")
    }
    assert seen["read"]["ansible_job_id"] == handle["ansible_job_id"]


def test_a_wait_says_what_run_says(seen: Results) -> None:
    entry = only(seen["wait"])
    assert own(entry) == own(seen["task command"])
    assert set(entry["job"]) == {*ENDED, "group"}
    assert seen["status"]["job"]["name"] == "l"


def test_what_is_known_is_returned_as_it_is(seen: Results) -> None:
    assert seen["known"]["results"] == seen["failed"]["results"]


def test_a_job_that_was_collected_is_not_found_rather_than_lost(seen: Results) -> None:
    entry = only(seen["wait again"])
    assert set(entry) == {*BESIDE, "msg"}
    said = {"name", "state", "message", "host", "user", "group", "results_file", "conditions"}
    assert (set(entry["job"]), entry["job"]["state"]) == (said, "not_found")
    assert (entry["started"], entry["finished"], entry["failed"]) == (False, True, True)
    assert entry["msg"] == entry["job"]["message"]
    assert (seen["wait again"]["summary"]["not_found"], seen["wait again"]["summary"]["lost"]) == (1, 0)
    assert (only(seen["status again"])["job"]["state"], only(seen["status again"])["started"]) == ("not_found", False)
    assert (seen["cleanup"]["job"]["state"], seen["cleanup"]["failed"]) == ("not_found", True)
    assert seen["cleanup"]["started"] is False


def test_a_lost_job_says_so(seen: Results) -> None:
    entry = only(seen["lost"])
    assert set(entry) == {*BESIDE, "msg"}
    assert (entry["job"]["state"], entry["job"]["reason"]) == ("lost", "supervisor_gone")
    assert seen["lost"]["summary"]["lost"] == 1


def test_a_job_that_runs_on_is_a_handle_again(seen: Results) -> None:
    entry = only(seen["in vain"])
    assert set(entry) == {*BESIDE, "results_file"}
    assert (entry["job"]["state"], entry["results_file"]) == ("running", entry["job"]["results_file"])


def test_a_job_that_was_cancelled_is_collected_as_such(seen: Results) -> None:
    ended = only(seen["cancel"])
    assert (ended["job"]["state"], ended["changed"], ended["failed"]) == ("cancelled", True, False)
    collected = only(seen["wait for cancelled"])
    assert (collected["job"]["state"], collected["failed"]) == ("cancelled", True)


def test_jobs_of_builtin_async_have_the_same_shape(seen: Results) -> None:
    for entry, item in zip(seen["builtin"]["results"], "xy"):
        assert own(entry) == {**own(seen["task answers"]), "item": item, "ansible_loop_var": "item"}
        assert set(entry["job"]) == {"name", "state", "host", "results_file"}
        assert (entry["job"]["name"], entry["job"]["state"]) == (item, "succeeded")


def test_results_can_be_had_by_name(seen: Results) -> None:
    assert seen["names"]["msg"] == "nginx"
