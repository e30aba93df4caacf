# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]


def run(*jobs: t.Any, **options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.run": {"jobs": list(jobs), **options}}


def probe(*jobs: t.Any, **options: t.Any) -> dict[str, t.Any]:
    return {"probe": {"jobs": list(jobs), **options}}


def shell(name: str, command: str, **keys: t.Any) -> dict[str, t.Any]:
    return {"name": name, "ansible.builtin.shell": command, **keys}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the jobs work on."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "tell.sh").write_text("#!/bin/sh\necho told\n", encoding="ascii")
    (directory / "source").write_text("content", encoding="ascii")
    return directory


@pytest.fixture(scope="session")
def done(play: t.Callable[..., Results], files: Path) -> Results:
    """Everything in one play, since starting Ansible is what takes the time."""
    finished = {"ansible.builtin.unarchive": {"src": "/x", "dest": "/y", "remote_src": True, "creates": "/"}}
    copy = {"ansible.builtin.copy": {"src": f"{files}/source", "dest": f"{files}/copied", "remote_src": True}}
    once = f"test -e {files}/tried || {{ touch {files}/tried; echo first try; exit 1; }}"
    return play(
        {
            "sent": probe(
                {
                    "name": "block",
                    "block": [
                        {"ansible.builtin.command": "echo alpha"},
                        {"name": "told", "ansible.builtin.script": f"{files}/tell.sh beta"},
                        {"ansible.builtin.shell": "echo gamma", "args": {"chdir": "/"}},
                    ],
                    "timeout": "1m",
                    "kill_after": 3,
                    "environment": {"A": "b"},
                    "retries": 2,
                    "delay": "1s",
                    "backoff": 3,
                    "retry_on": ["timed_out"],
                    "lock": "apt",
                    "failed_when": "rc > 1",
                    "ignore_errors": True,
                },
                {"name": "plain", "ansible.builtin.command": "echo beta", "after": ["block", "finished"]},
                {"name": "finished", **finished},
                {"name": "secret", "block": [finished, {"ansible.builtin.command": "true"}], "no_log": True},
                {
                    "name": "other limits",
                    "ansible.builtin.command": "true",
                    "leave_children": False,
                    "max_output": 0,
                    "after": "finished",
                },
                concurrency="3",
                deadline="1h",
                halt="now,fail=20%",
                group="nightly",
                start_delay="2s",
                max_output="64K",
                leave_children=True,
            ),
            "sent by default": probe({"ansible.builtin.command": "true"}),
            "block": run(
                {
                    "name": "steps",
                    "block": [
                        {"ansible.builtin.command": "echo one"},
                        {"name": "say", "ansible.builtin.script": f"{files}/tell.sh"},
                        copy,
                        {"name": "break", "ansible.builtin.shell": "echo two; echo bad >&2; exit 3"},
                        {"ansible.builtin.command": f"touch {files}/never"},
                    ],
                },
                {"name": "good", "block": [finished, {"ansible.builtin.command": "echo end"}]},
            ),
            "order": run(
                shell("last", f"cat {files}/order", after=["first", "nothing"]),
                shell("first", f"echo written > {files}/order"),
                {"name": "nothing", **finished},
            ),
            "broken order": run(
                shell("a", "exit 1"),
                shell("b", "true", after="a"),
                shell("c", "true", after=["b"]),
                shell("d", "true"),
            ),
            "retried": run(shell("again", once, retries=3, delay=0), shell("in vain", "exit 1", retries=1, delay=0)),
            "halted": run(shell("a", "exit 1"), shell("b", "true"), concurrency="1", halt="soon,fail=1"),
            "fails fast": run(shell("a", "exec sleep 600"), shell("b", "exit 1"), fail_fast=True),
            "first wins": run(shell("a", "true"), shell("b", "exec sleep 600"), halt="now,success=1"),
            "late": run(shell("a", "exec sleep 600"), deadline="1s"),
            "cut": run(shell("a", "seq 10000"), max_output="1K"),
            "locked": run(
                *(shell(name, f"mkdir {files}/held && rmdir {files}/held", lock="x") for name in ("a", "b", "c"))
            ),
            "unknown name": run(shell("a", "true", after="nobody")),
            "itself": run(shell("a", "true", after="a")),
            "ring": run(shell("a", f"touch {files}/ring", after="b"), shell("b", "true", after="a")),
            "bad halt": run(shell("a", "true"), halt="later"),
            "async": run(shell("a", "true")) | {"async": 60},
            "poll": run(shell("a", "true")) | {"poll": 0},
            "usual poll": run(shell("a", "true")) | {"poll": 15},
            "two words": run(shell("a", "true"), halt="soon,fail=1", fail_fast=True),
            "bad group": run(shell("a", "true"), group=""),
            "bad deadline": run(shell("a", "true"), deadline="soon"),
            "bad size": run(shell("a", "true"), max_output="much"),
            "bad pause": run(shell("a", "true"), start_delay="x"),
            "bad step": run({"name": "b", "block": [{"command": "true"}, {"name": "t", "ansible.builtin.raw": "x"}]}),
            "late creates": run({"name": "b", "block": [{"command": "true"}, {"name": "u", **finished}]}),
            "creates after": run(shell("a", "true"), {"name": "u", **finished, "after": "a"}),
            "each": {
                "background.jobs.run": {
                    "for_each": ["x", "y"],
                    "job": {
                        "name": "{{ item }}",
                        "block": [{"name": "say {{ item }}", "ansible.builtin.command": "echo {{ item }}"}],
                        "after": "{{ ['x'] if item == 'y' else [] }}",
                        "retries": "{{ 1 + 1 }}",
                    },
                }
            },
        }
    )


def by_name(result: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {each["job"]["name"]: each for each in result["results"]}


def sent(result: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The jobs that were sent, by name."""
    return {job["name"]: job for job in result["sent"]["jobs"]}


# -- what is sent


def test_the_options_are_sent_with_the_batch(done: Results) -> None:
    sent = done["sent"]["sent"]
    assert {key: sent[key] for key in ("concurrency", "deadline", "halt", "group", "start_delay")} == {
        "concurrency": "3",
        "deadline": 3600,
        "halt": "now,fail=20%",
        "group": "nightly",
        "start_delay": 2,
    }
    default = done["sent by default"]["sent"]
    assert {key: default[key] for key in ("concurrency", "deadline", "halt", "group", "start_delay")} == {
        "concurrency": "0",
        "deadline": 0,
        "halt": "never",
        "group": None,
        "start_delay": 0,
    }


def test_the_keys_of_a_job_are_sent_with_it(done: Results) -> None:
    jobs = sent(done["sent"])
    assert {key: value for key, value in jobs["block"].items() if key not in ("jid", "steps", "remove")} == {
        "name": "block",
        "block": True,
        "environment": {"A": "b"},
        "timeout": 60,
        "kill_after": 3,
        "leave_children": True,
        "retries": 2,
        "delay": 1,
        "backoff": 3,
        "retry_on": ["timed_out"],
        "after": [],
        "lock": "apt",
        "max_output": 65536,
        "no_log": False,
        "conditions": {"failed_when": ["rc > 1"], "ignore_errors": True},
    }
    (default,) = done["sent by default"]["sent"]["jobs"]
    assert {key: value for key, value in default.items() if key not in ("jid", "steps")} == {
        "name": "command-1",
        "block": False,
        "environment": {},
        "timeout": 3600,
        "kill_after": 10,
        "leave_children": False,
        "retries": 0,
        "delay": 5,
        "backoff": 1,
        "retry_on": ["failed", "timed_out"],
        "after": [],
        "lock": None,
        "max_output": 0,
        "no_log": False,
        "remove": [],
        "conditions": {},
    }


def test_a_job_says_otherwise_than_the_task(done: Results) -> None:
    job = sent(done["sent"])["other limits"]
    assert (job["leave_children"], job["max_output"]) == (False, 0)


def test_each_step_is_sent_with_its_own_module(done: Results) -> None:
    jobs = sent(done["sent"])
    steps = jobs["block"]["steps"]
    assert [step["name"] for step in steps] == ["command-1", "told", "shell-3"]
    assert [step["words"] for step in steps] == [["alpha"], ["beta"], ["gamma"]]
    assert [list(step["files"]) for step in steps] == [[], ["tell.sh"], []]
    assert [step["result"] for step in steps] == [None, None, None]
    (step,) = jobs["plain"]["steps"]
    assert (step["words"], jobs["plain"]["block"]) == (["beta"], False)


def test_a_step_that_ended_on_the_controller_is_sent_as_its_result(done: Results) -> None:
    job = sent(done["sent"])["secret"]
    assert [step["result"] and step["result"]["skipped"] for step in job["steps"]] == [True, None]
    assert job["no_log"] is True


def test_order_is_sent_by_jid_and_what_is_finished_is_left_out(done: Results) -> None:
    jobs = sent(done["sent"])
    assert jobs["plain"]["after"] == [jobs["block"]["jid"]]
    assert jobs["other limits"]["after"] == []
    assert "finished" not in jobs


def test_handles_name_their_group(done: Results) -> None:
    assert {each["job"]["group"] for each in done["sent"]["results"]} == {"nightly"}
    assert [each["job"]["state"] for each in done["sent"]["results"]] == [
        "queued",
        "queued",
        "skipped",
        "queued",
        "queued",
    ]
    assert done["sent"]["results"][0]["ansible_job_id"] == done["sent"]["sent"]["jobs"][0]["jid"]
    assert "group" not in done["sent by default"]["results"][0]["job"]


# -- what becomes of it


def test_a_block_stops_at_the_first_step_that_fails(done: Results, files: Path) -> None:
    result = by_name(done["block"])["steps"]
    assert (result["job"]["state"], result["rc"], result["stdout"]) == ("failed", 3, "two")
    assert [step["job"]["name"] for step in result["steps"]] == ["command-1", "say", "copy-3", "break"]
    assert [step.get("stdout_lines") for step in result["steps"]] == [["one"], ["told"], None, ["two"]]
    assert not (files / "never").exists()
    assert (files / "copied").exists()
    message = "1 of 2 jobs did not succeed on localhost: steps failed: step 4 of 5 (break) failed: exit code 3: bad"
    assert done["block"]["msg"] == message


def test_a_block_goes_on_after_a_step_that_had_nothing_to_do(done: Results) -> None:
    result = by_name(done["block"])["good"]
    assert (result["job"]["state"], result["stdout"], len(result["steps"])) == ("succeeded", "end", 2)
    assert result["steps"][0]["skipped"] is True


def test_a_job_runs_after_those_it_names(done: Results) -> None:
    assert by_name(done["order"])["last"]["stdout"] == "written"
    assert done["order"]["msg"] == "2 of 3 jobs succeeded, 1 skipped"


def test_what_comes_after_a_failed_job_is_skipped(done: Results) -> None:
    results = by_name(done["broken order"])
    assert [results[name]["job"]["state"] for name in "abcd"] == ["failed", "skipped", "skipped", "succeeded"]
    assert (results["b"]["job"]["reason"], results["b"]["skipped"], results["b"]["failed"]) == (
        "dependency",
        True,
        False,
    )
    assert done["broken order"]["msg"] == (
        "1 of 4 jobs did not succeed on localhost: a failed: exit code 1; 2 skipped (what they depend on did not "
        "succeed)"
    )


def test_a_job_is_retried_until_it_succeeds_or_no_more(done: Results) -> None:
    results = by_name(done["retried"])
    assert (results["again"]["job"]["state"], results["again"]["job"]["attempts"]) == ("succeeded", 2)
    (first,) = results["again"]["job"]["attempt_results"]
    assert (first["job"]["state"], first["rc"], first["stdout_lines"]) == ("failed", 1, ["first try"])
    assert (results["in vain"]["job"]["state"], results["in vain"]["job"]["attempts"]) == ("failed", 2)
    assert done["retried"]["msg"].endswith(": in vain failed after 2 attempts: exit code 1")


def test_a_halt_keeps_the_rest_from_being_started(done: Results) -> None:
    assert [each["job"]["state"] for each in done["halted"]["results"]] == ["failed", "skipped"]
    assert done["halted"]["failed"] is True
    assert done["halted"]["msg"] == (
        "1 of 2 jobs did not succeed on localhost: a failed: exit code 1; 1 skipped (halt soon,fail=1 was reached with "
        "job a)"
    )


def test_to_fail_fast_ends_what_runs(done: Results) -> None:
    states = [(each["job"]["state"], each["job"].get("reason")) for each in done["fails fast"]["results"]]
    assert states == [("cancelled", "halted"), ("failed", "exit_code")]
    assert done["fails fast"]["msg"] == (
        "1 of 2 jobs did not succeed on localhost: b failed: exit code 1; 1 ended by fail_fast"
    )
    message = by_name(done["fails fast"])["a"]["job"]["message"]
    assert message.startswith("job b failed (fail_fast); ended after ")


def test_a_halt_that_ends_what_runs_is_no_failure(done: Results) -> None:
    result = done["first wins"]
    said = by_name(result)["b"]["job"]
    assert (said["state"], said["reason"]) == ("cancelled", "halted")
    assert (result["failed"], by_name(result)["b"]["failed"]) == (False, False)
    assert result["msg"] == "1 of 2 jobs succeeded, 1 ended by halt"


def test_a_deadline_ends_what_runs(done: Results) -> None:
    (result,) = done["late"]["results"]
    assert (result["job"]["state"], result["job"]["reason"], done["late"]["failed"]) == ("timed_out", "deadline", True)


def test_long_output_is_cut(done: Results) -> None:
    (result,) = done["cut"]["results"]
    assert result["job"]["truncated"] == ["stdout"]
    assert len(result["stdout"]) < 2048
    assert "".join(result["stdout_lines"]) == result["stdout"].replace("\n", "")


def test_jobs_with_one_lock_never_meet(done: Results) -> None:
    assert done["locked"]["summary"]["succeeded"] == 3


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("unknown name", "job 'a' depends on 'nobody', which is no job of this task"),
        ("itself", "job 'a' depends on itself"),
        ("ring", "these jobs wait for each other, so that none of them could start: a -> b -> a"),
        ("bad halt", "halt is 'later': give 'never', or 'soon' or 'now'"),
        ("two words", "'fail_fast: true' means 'halt: now,fail=1', but halt is 'soon,fail=1': give one of them"),
        ("bad group", "group is '': give a name"),
        ("bad deadline", "deadline is 'soon': give seconds"),
        ("bad size", "max_output is 'much': give a number of bytes"),
        ("bad pause", "start_delay is 'x': give seconds"),
        ("bad step", "job 'b', step 't' (ansible.builtin.raw): the action ansible.builtin.raw cannot run detached"),
        ("late creates", "job 'b', step 'u' (ansible.builtin.unarchive): its 'creates' is looked for before anything"),
        ("creates after", "job 'u' (ansible.builtin.unarchive): its 'creates' is looked for before anything"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_started(
    done: Results, files: Path, task: str, message: str
) -> None:
    assert done[task]["failed"] is True
    assert done[task]["msg"].startswith(message)
    assert done[task]["msg"].endswith("; nothing was started on localhost")
    assert not (files / "ring").exists()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            "async",
            "'async: 60' cannot be used with background.jobs.run: its jobs are detached as it is; give their limit "
            "with its option 'timeout: 60'",
        ),
        (
            "poll",
            "'poll: 0' cannot be used with background.jobs.run: to go on without waiting, use background.jobs.launch "
            "in its place",
        ),
    ],
)
def test_keywords_that_detach_are_answered_with_what_to_write(done: Results, task: str, message: str) -> None:
    assert (done[task]["failed"], done[task]["msg"]) == (True, message)


def test_a_poll_that_is_the_default_is_no_mistake(done: Results) -> None:
    assert done["usual poll"]["failed"] is False


def test_the_keys_of_a_job_may_be_templates_of_the_item(done: Results) -> None:
    results = by_name(done["each"])
    assert [results[name]["stdout"] for name in "xy"] == ["x", "y"]
    assert [results[name]["steps"][0]["job"]["name"] for name in "xy"] == ["say x", "say y"]
