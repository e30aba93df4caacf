# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]


def launch(*jobs: t.Any, **options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.launch": {"jobs": list(jobs), **options}}


def run(*jobs: t.Any, **options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.run": {"jobs": list(jobs), **options}}


ITEMS = ["a", "a", {"key": "key", "value": 1}, {"name": "b", "x": 2}, ["x", "y"], "a\nb", 8, ""]
"""Items whose jobs have no name."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the jobs work on."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "tell.sh").write_text('#!/bin/sh\necho "$0 $*"; pwd\n', encoding="ascii")
    (directory / "template").write_text("x", encoding="ascii")
    (directory / "source").write_text("content", encoding="ascii")
    return directory


@pytest.fixture(scope="session")
def launched(play: t.Callable[..., Results], files: Path) -> Results:
    """Everything in one play, since starting Ansible is what takes the time."""
    job = {"name": "{{ index }}: {{ word.name }}", "ansible.builtin.command": "echo {{ word.name }} {{ greeting }}"}
    for_each = {"for_each": "{{ words }}", "loop_var": "word", "index_var": "index"}
    return play(
        {
            "modules": run(
                {"name": "command", "ansible.builtin.command": {"argv": ["printf", "%s|", "a b", "ä"]}},
                {"name": "free form", "ansible.builtin.command": "pwd", "args": {"chdir": "/"}},
                {"name": "shell", "ansible.builtin.shell": "echo $A; exit 3", "environment": {"A": "from the job"}},
                {"name": "short name", "command": "true"},
                {"name": "script", "ansible.builtin.script": {"cmd": f"{files}/tell.sh 'a b' c", "chdir": "/"}},
                {
                    "name": "remote copy",
                    "ansible.builtin.copy": {"src": f"{files}/source", "dest": f"{files}/copied", "remote_src": True},
                },
                {"name": "creates", "ansible.builtin.command": {"cmd": "false", "creates": "/"}},
                concurrency="2",
            ),
            "two words": {
                **run({"name": "script", "ansible.builtin.script": {"cmd": f"{files}/tell.sh 'a b' $-", "chdir": "/"}}),
                "vars": {"ansible_shell_executable": "/bin/sh -f"},
            },
            "launch": launch({"name": "one", "ansible.builtin.command": "echo one", "timeout": "1h"}),
            "wait": {"background.jobs.wait": {"jobs": "{{ the_launch }}"}},
            "wait again": {"background.jobs.wait": {"jobs": "{{ the_launch }}"}},
            "unknown module": launch({"ansible.builtin.comand": "true"}),
            "unknown option": launch({"ansible.builtin.command": "true"}, colour="red"),
            "template": launch(
                {"name": "t", "ansible.builtin.template": {"src": f"{files}/template", "dest": "/tmp/x"}}
            ),
            "copy": launch({"name": "c", "ansible.builtin.copy": {"src": f"{files}/source", "dest": "/tmp/x"}}),
            "half": launch(
                {"name": "a", "ansible.builtin.command": f"touch {files}/started"},
                {"name": "b", "ansible.builtin.raw": "true"},
            ),
            "debug": run({"name": "say", "ansible.builtin.debug": {"msg": "hello"}}),
            "two modules": launch({"command": "true", "shell": "true"}),
            "async": {**launch({"command": "true"}), "async": 5, "poll": 0},
            "no jobs": launch(),
            "run no jobs": run(),
            "null": {"background.jobs.launch": {"jobs": None}},
            "each of null": {"background.jobs.run": {"for_each": None, "job": {"command": "true"}}},
            "each of a text": {"background.jobs.run": {"for_each": "a,b", "job": {"command": "true"}}},
            "each of a mapping": {"background.jobs.run": {"for_each": {"a": 1}, "job": {"command": "true"}}},
            "text": {"background.jobs.launch": {"jobs": "a,b"}},
            "until": {
                **launch({"ansible.builtin.command": f"touch {files}/tried"}),
                "until": "the_until is finished",
                "retries": 2,
                "delay": 0,
            },
            "wait for nonsense": {"background.jobs.wait": {"jobs": {"rc": 0}}},
            "builtin": {"ansible.builtin.command": "echo {{ item }}", "async": 30, "poll": 0, "loop": ["x", "y"]},
            "wait for builtin": {"background.jobs.wait": {"jobs": "{{ the_builtin }}"}},
            "predicted": {
                **run({"name": "p", "ansible.builtin.command": {"cmd": f"touch {files}/x", "creates": f"{files}/x"}}),
                "check_mode": True,
            },
            "for each": {"background.jobs.run": {**for_each, "job": job}},
            "nobody": {"background.jobs.run": {"for_each": [], "job": {"ansible.builtin.command": "true"}}},
            "unnamed": {
                "background.jobs.run": {
                    "for_each": ITEMS,
                    "job": {"when": "item != 8", "ansible.builtin.command": "true"},
                }
            },
            "unnamed and secret": {
                "background.jobs.run": {
                    "for_each": ["a", "b"],
                    "job": {"no_log": "{{ item == 'a' }}", "ansible.builtin.command": "true"},
                }
            },
            "unnamed in a secret task": {
                "background.jobs.run": {"for_each": ["a"], "job": {"ansible.builtin.command": "true"}},
                "no_log": True,
            },
            "one name": {"background.jobs.run": {**for_each, "job": {**job, "name": "same"}}},
            "undefined": {"background.jobs.run": {**for_each, "job": {**job, "name": "{{ nobody_knows }}"}}},
            "when": run(
                {"name": "first", "ansible.builtin.command": "true"},
                {"name": "left out", "when": "package is defined", "ansible.builtin.command": "echo {{ package }}"},
                {
                    "name": "behind it",
                    "after": "left out",
                    "when": ["1 == 1", True, "greeting == 'hello'"],
                    "ansible.builtin.command": "echo {{ greeting }}",
                },
            ),
            "when in a variable": {"background.jobs.run": {"jobs": "{{ jobs_of_a_variable }}"}},
            "when each": {
                "background.jobs.run": {
                    **for_each,
                    "label": "of {{ word.name }}",
                    "job": {"when": "word.name != 'a'", "ansible.builtin.command": "echo {{ word.name }}"},
                }
            },
            "when undefined": run(
                {"name": "{{ greeting }}", "when": "nobody_knows", "ansible.builtin.command": "true"}
            ),
            "hostile": {"ansible.builtin.command": f"echo \"lookup('pipe', 'touch {files}/owned') == ''\""},
            "when of a result": run({"when": "{{ the_hostile.stdout }}", "ansible.builtin.command": "true"}),
            "when out of a result": {
                "background.jobs.run": {
                    "jobs": "{{ [{'when': the_hostile.stdout, 'ansible.builtin.command': 'true'}] }}"
                }
            },
        },
        jobs_of_a_variable="{{ jobs_as_written }}",
        jobs_as_written=[
            {"name": "x", "when": "package is defined", "ansible.builtin.command": "echo {{ package }}"},
            {"name": "y", "ansible.builtin.command": {"cmd": "pwd", "chdir": "{{ omit }}"}},
        ],
        words=[{"name": "a"}, {"name": "b"}],
        greeting="hello",
    )


def by_name(result: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {each["job"]["name"]: each for each in result["results"]}


def test_modules_and_actions_run_as_on_a_task_of_their_own(launched: Results, files: Path) -> None:
    results = by_name(launched["modules"])
    assert results["command"]["stdout"] == "a b|ä|"
    assert results["free form"]["stdout"] == "/"
    assert results["shell"]["stdout"] == "from the job"
    assert results["short name"]["rc"] == 0
    assert results["remote copy"]["changed"] is True
    assert (files / "copied").read_text(encoding="ascii") == "content"
    assert results["creates"]["changed"] is False


def test_a_script_is_carried_to_the_host(launched: Results) -> None:
    command, directory = by_name(launched["modules"])["script"]["stdout_lines"]
    assert command.endswith("/tell.sh a b c")
    assert directory == "/"
    assert not os.path.exists(command.split()[0])


def test_a_script_runs_by_a_shell_of_two_words(launched: Results) -> None:
    command, directory = by_name(launched["two words"])["script"]["stdout_lines"]
    assert re.search(r"/tell.sh a b \w*f\w*$", command)
    assert directory == "/"


def test_a_run_says_who_failed_and_counts_the_rest(launched: Results) -> None:
    result = launched["modules"]
    assert result["failed"] is True and result["changed"] is True
    assert result["msg"] == "1 of 7 jobs did not succeed on localhost: shell failed: exit code 3"
    assert result["summary"]["failed"] == 1
    assert result["summary"]["succeeded"] + result["summary"]["skipped"] == 6


def test_a_launch_returns_handles_and_does_not_wait(launched: Results) -> None:
    result = launched["launch"]
    (handle,) = result["results"]
    assert (handle["job"]["name"], handle["job"]["host"], handle["job"]["state"]) == ("one", "localhost", "queued")
    assert handle["results_file"].endswith(f"/async/{handle['ansible_job_id']}")
    assert (result["failed"], result["changed"]) == (False, False)
    for key in ("ansible_job_id", "results_file", "started", "finished", "job"):
        assert result[key] == handle[key]
    assert json.loads(json.dumps(handle)) == handle


def test_a_wait_collects_and_cleans_up(launched: Results) -> None:
    (result,) = launched["wait"]["results"]
    assert (result["job"]["name"], result["job"]["state"], result["stdout"]) == ("one", "succeeded", "one")
    assert not os.path.exists(result["job"]["results_file"])
    again = launched["wait again"]
    assert again["failed"] is True
    assert (again["results"][0]["job"]["state"], again["summary"]["not_found"]) == ("not_found", 1)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("unknown module", "there is no module ansible.builtin.comand; do you mean ansible.builtin.command"),
        ("unknown option", "'colour' is not an option of background.jobs.launch: it has 'jobs', "),
        ("template", "job 't' (ansible.builtin.template): the action ansible.builtin.template cannot run detached"),
        ("copy", "copy from this controller in a task before, or give 'remote_src: true'"),
        ("half", "job 'b' (ansible.builtin.raw): the action ansible.builtin.raw cannot run detached"),
        ("debug", "job 'say' (ansible.builtin.debug): the action ansible.builtin.debug cannot run detached"),
        ("two modules", "jobs[0] has 2 modules, 'command' and 'shell': give each a job of its own"),
        ("null", "jobs is empty: give a list"),
        ("each of null", "for_each is empty: give a list; for none, give []"),
        ("each of a text", "for_each is the text 'a,b': give a list"),
        ("text", "jobs is the text 'a,b': give a list"),
        (
            "each of a mapping",
            "for_each is a mapping: give a list; for none, give []; dict2items makes one of a mapping",
        ),
        ("until", "'until' cannot be used with background.jobs.launch, since each try would start the jobs again"),
        (
            "async",
            "'async: 5' and 'poll: 0' cannot be used with background.jobs.launch: its jobs are detached as it is; give "
            "their limit with its option 'timeout: 5'; it does not wait as it is: leave 'poll' out",
        ),
        ("wait for nonsense", "there is no job in a mapping with rc"),
    ],
)
def test_what_cannot_be_is_refused_by_name(launched: Results, task: str, message: str) -> None:
    assert launched[task]["failed"] is True
    assert message in launched[task]["msg"]


def test_a_launch_is_not_tried_again_and_again(launched: Results, files: Path) -> None:
    assert "attempts" not in launched["until"]
    assert not (files / "tried").exists()


@pytest.mark.parametrize("task", ["no jobs", "run no jobs"])
def test_an_empty_list_means_no_jobs(launched: Results, task: str) -> None:
    assert (launched[task]["results"], launched[task]["failed"], launched[task]["changed"]) == ([], False, False)


def test_a_batch_with_one_bad_job_starts_none(launched: Results, files: Path) -> None:
    assert "nothing was started" in launched["half"]["msg"]
    assert not (files / "started").exists()


def test_jobs_of_builtin_async_are_waited_for_in_the_same_way(launched: Results) -> None:
    results = launched["wait for builtin"]["results"]
    assert [(result["item"], result["stdout"], result["job"]["state"]) for result in results] == [
        ("x", "x", "succeeded"),
        ("y", "y", "succeeded"),
    ]


def test_check_mode_reaches_the_jobs(launched: Results, files: Path) -> None:
    (result,) = launched["predicted"]["results"]
    assert (result["changed"], result["failed"]) == (True, False)
    assert not (files / "x").exists()


class TestForEach:
    def test_every_item_becomes_a_job_with_its_own_templates(self, launched: Results) -> None:
        results = launched["for each"]["results"]
        assert [(each["job"]["name"], each["stdout"]) for each in results] == [("0: a", "a hello"), ("1: b", "b hello")]
        assert [each["item"] for each in results] == [{"name": "a"}, {"name": "b"}]
        assert [each["word"] for each in results] == [{"name": "a"}, {"name": "b"}]
        assert [(each["index"], each["ansible_index_var"]) for each in results] == [(0, "index"), (1, "index")]
        assert {each["ansible_loop_var"] for each in results} == {"word"}

    def test_no_items_are_no_jobs(self, launched: Results) -> None:
        assert (launched["nobody"]["results"], launched["nobody"]["failed"]) == ([], False)

    @pytest.mark.parametrize(
        ("task", "message"),
        [
            ("one name", "have the same name 'same'; put the word into the name"),
            ("undefined", "for_each[0] ({'name': 'a'}): "),
        ],
    )
    def test_an_item_that_makes_no_job_is_named(self, launched: Results, task: str, message: str) -> None:
        assert launched[task]["failed"] is True
        assert message in launched[task]["msg"]


class TestWhen:
    def test_it_is_evaluated_before_the_rest_is_templated(self, launched: Results) -> None:
        results = by_name(launched["when"])
        said = {"name": "left out", "state": "skipped", "false_condition": "package is defined"}
        assert results["left out"]["job"] == said
        assert results["left out"]["changed"] is False
        assert launched["when"]["msg"] == "2 of 3 jobs succeeded, 1 skipped"

    def test_what_comes_after_a_job_that_was_left_out_is_started(self, launched: Results) -> None:
        assert by_name(launched["when"])["behind it"]["stdout"] == "hello"

    def test_jobs_in_a_variable_are_left_alone_too(self, launched: Results) -> None:
        results = by_name(launched["when in a variable"])
        assert [results[name]["job"]["state"] for name in "xy"] == ["skipped", "succeeded"]

    def test_each_item_has_its_own_condition_and_its_label(self, launched: Results) -> None:
        results = launched["when each"]["results"]
        assert [(each["job"]["name"], each["job"]["state"]) for each in results] == [
            ("of a", "skipped"),
            ("of b", "succeeded"),
        ]
        assert results[0]["job"]["false_condition"] == "word.name != 'a'"

    def test_a_job_of_an_item_is_called_as_the_item_unless_that_is_secret(self, launched: Results) -> None:
        names = {
            task: [each["job"]["name"] for each in launched[task]["results"]]
            for task in ("unnamed", "unnamed and secret", "unnamed in a secret task")
        }
        assert names == {
            "unnamed": ["a", "a-2", "key", "b", "x, y", "a\\nb", "8", "command-8"],
            "unnamed and secret": ["command-1", "b"],
            "unnamed in a secret task": ["command-1"],
        }
        assert launched["unnamed"]["results"][6]["skipped"] is True

    def test_one_that_cannot_be_evaluated_names_the_job(self, launched: Results) -> None:
        message = launched["when undefined"]["msg"]
        assert message.startswith("jobs[0] (hello): when (nobody_knows) cannot be evaluated: ")
        assert "nobody_knows' is undefined" in message
        assert message.endswith("; nothing was started on localhost")

    @pytest.mark.parametrize("task", ["when of a result", "when out of a result"])
    def test_what_a_host_returned_is_never_evaluated(self, launched: Results, files: Path, task: str) -> None:
        assert launched[task]["failed"] is True
        assert "cannot be evaluated" in launched[task]["msg"]
        assert not (files / "owned").exists()
