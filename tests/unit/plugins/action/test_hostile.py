# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host answers reaches a play as the result of its own task, and nothing in it makes ansible-core do something.

A real ansible-playbook runs here, with a module whose result has every key that a version of ansible-core acts on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.tests.unit.controller import Controller, Run

Task = t.Dict[str, t.Any]

MODULE = """
    import json, sys

    ACTS = {
        "add_host": {
            "host_name": "other",
            "groups": ["evil"],
            "host_vars": {"ansible_ssh_common_args": "-o ProxyCommand='touch owned'", "owned_variable": 1},
        },
        "add_group": "evil",
        "parent_groups": ["all"],
        "ansible_stats": {"data": {"owned_statistic": 1}, "aggregate": True, "per_host": False},
        "_ansible_notify": ["evil"],
        "_ansible_no_log": False,
        "_ansible_verbose_always": True,
        "_ansible_delegated_vars": {"ansible_delegated_host": "other", "ansible_host": "203.0.113.7"},
        "_ansible_item_result": True,
        "_ansible_ignore_errors": True,
        "_ansible_ignore_unreachable": True,
        "_ansible_facts_cacheable": True,
        "_ansible_suppress_tmpdir_delete": True,
        "_ansible_new_secrets": 5,
        "failed_when_result": False,
        "changed_when_result": False,
        "unreachable": True,
        "skipped": False,
        "ignored": True,
        "ansible_loop_var": [],
        "ansible_index_var": {},
        "ansible_facts": {"owned_fact": 1, "discovered_interpreter_python": "/owned", "_ansible_owned": 1},
    }
    ODD = {
        "results": [5, {"failed_when_result": False}, {"unreachable": True}, {"skipped": True}],
        "exception": 5,
        "warnings": {"a": 1},
        "deprecations": [5, {"msg": []}, {"msg": "old", "version": 5}],
        "stdout": 5,
        "stderr": ["a"],
        "rc": "0",
        "diff": 5,
        "invocation": 5,
        "ansible_job_id": 5,
        "started": {},
        "finished": [],
        "msg": {"a": 1},
        "steps": [5, {"name": "one", **ACTS}],
        "attempt_results": [5, {**ACTS}],
        "shadowed": 5,
    }
    arguments = json.load(open(sys.argv[1]))
    result = {"changed": True, **ACTS, **ODD, **arguments["result"]}
    print(json.dumps({key: value for key, value in result.items() if key not in arguments["without"]}))
"""
"""A module in its oldest form, whose arguments are in a file. Its result has `result` in it, and not `without`."""

ACTS = ("add_host", "add_group", "ansible_stats", "failed_when_result", "changed_when_result", "unreachable")
"""Keys that must be nowhere at the top of a result."""


def hostile(*without: str, **result: t.Any) -> Task:
    """A task whose module succeeds: ansible-core acts on no other. It looks at add_group where there is no add_host."""
    return {"hostile": {"without": list(without), "result": result}}


def launch(*jobs: Task) -> Task:
    return {"background.jobs.launch": {"jobs": list(jobs), "timeout": 60}, "register": "work"}


def until_done(task: Task) -> Task:
    return {**task, "until": "finished is finished", "retries": 600, "delay": 0.1, "register": "finished"}


ONE = [hostile()]
GROUP = [hostile("add_host")]
TWO = [hostile(), hostile("add_host")]
BLOCK = [{"name": "block", "block": [hostile(), hostile()]}]
AGAIN = [{"name": "again", **hostile(failed=True), "retries": 1, "delay": 0}]
BUILTIN = {**hostile(), "async": 60, "poll": 0, "register": "work"}
WAIT = {"background.jobs.wait": {"jobs": "{{ work }}"}, "register": "waited"}
JIDS = "{{ work.results | map(attribute='ansible_job_id') | list }}"
STATUS = until_done({"background.jobs.async_status": {"jid": "{{ work.ansible_job_id }}"}})
ROLE = {"name": "background.jobs.reap", "apply": {"ignore_errors": True}}

ENTRIES: dict[str, list[Task]] = {
    "run": [{"background.jobs.run": {"jobs": ONE}, "register": "ran"}],
    "run_group": [{"background.jobs.run": {"jobs": GROUP}, "register": "ran"}],
    "run_two": [{"background.jobs.run": {"jobs": TWO}, "register": "work"}, WAIT],
    "run_block": [{"background.jobs.run": {"jobs": BLOCK}, "register": "ran"}],
    "run_again": [{"background.jobs.run": {"jobs": AGAIN}, "register": "ran"}],
    "run_loop": [{"background.jobs.run": {"jobs": ONE}, "register": "ran", "loop": [1]}],
    "one": [launch(*ONE), WAIT],
    "status": [launch(*ONE), STATUS],
    "status_group": [launch(*GROUP), STATUS],
    "status_builtin": [BUILTIN, STATUS, WAIT],
    "reap": [BUILTIN, {"ansible.builtin.include_role": ROLE, "vars": {"reap_jobs": "{{ work }}"}}],
    "two": [
        launch(*TWO),
        until_done({"background.jobs.async_status": {"jids": JIDS}}),
        {"background.jobs.job_info": {}, "register": "listed"},
        {"background.jobs.cancel": {"jobs": "{{ work }}"}, "register": "cancelled"},
        {"background.jobs.wait": {"jobs": "{{ work }}", "cleanup": False}, "register": "waited"},
        {"background.jobs.prune": {"older_than": 0}, "register": "pruned"},
    ],
}
"""The ways in which the result of a job comes back, by the host that goes them."""

REGISTERED = ("ran", "waited", "finished", "listed", "cancelled", "pruned", "reap_results")


class Played(t.NamedTuple):
    """A run of `ENTRIES`, with what their tasks registered, and what hosts know after it."""

    run: Run
    results: dict[str, t.Any]
    hosts: dict[str, dict[str, t.Any]]
    groups: list[str]
    directory: Path


def write(controller: Controller) -> None:
    controller.write("library/hostile.py", f"#!/usr/bin/python\n# WANT_JSON\n{_dedented(MODULE)}")


def play(controller: Controller, *arguments: str) -> Run:
    command = controller.command("play.yml", *arguments, ANSIBLE_NOCOLOR="true", ANSIBLE_SHOW_CUSTOM_STATS="true")
    done = subprocess.run(**command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return Run(done.returncode, done.stdout.decode())


def _dedented(text: str) -> str:
    return "\n".join(line[4:] for line in text.split("\n"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    directory = tmp_path_factory.mktemp("hostile")
    controller = Controller(directory, *ENTRIES, "other")
    write(controller)
    plays = []
    for host, tasks in ENTRIES.items():
        plays.append(
            {
                "hosts": host,
                "gather_facts": False,
                "vars": {"ansible_async_dir": str(directory / "async" / host)},
                "tasks": [{"ignore_errors": True, **task} for task in tasks],
                "handlers": [
                    {"name": "evil", "ansible.builtin.file": {"path": f"{directory}/notified", "state": "touch"}}
                ],
            }
        )
    known = ("owned_fact", "owned_variable")
    look = {
        "results": {
            host: {name: f"{{{{ hostvars.{host}.{name} | default({{}}) }}}}" for name in REGISTERED} for host in ENTRIES
        },
        "groups": "{{ groups | list }}",
        "hosts": {
            host: {name: f"{{{{ hostvars.{host}.{name} is defined }}}}" for name in known}
            for host in (*ENTRIES, "other")
        },
    }
    plays.append(
        {
            "hosts": "other",
            "gather_facts": False,
            "tasks": [
                {"ansible.builtin.copy": {"dest": f"{directory}/seen.json", "content": "{{ look | to_json }}"}},
            ],
            "vars": {"look": look},
        }
    )
    controller.write("play.yml", json.dumps(plays))
    run = play(controller, "-vv")
    assert run.status == 0, run.output
    seen = json.loads((directory / "seen.json").read_text(encoding="utf-8"))
    return Played(run, seen["results"], seen["hosts"], seen["groups"], directory)


def entries(result: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every result in a result that could be taken for a task's, a job's, a step's or an attempt's."""
    if isinstance(result, list):
        if all(isinstance(item, dict) for item in result):  # others are data of the module
            for item in result:
                yield from entries(item)
    elif isinstance(result, dict):
        yield result
        for key in ("results", "jobs", "kept"):
            yield from entries(result.get(key))
        for key in ("steps", "attempt_results"):
            inside = result.get(key)
            if isinstance(inside, list):
                yield from (item for item in inside if isinstance(item, dict))


def test_nothing_happens_on_the_controller(played: Played) -> None:
    assert "evil" not in played.groups
    assert [host for host, known in played.hosts.items() if known["owned_variable"] not in (False, "False")] == []
    assert not (played.directory / "seen").exists()
    assert "owned_statistic" not in played.run.output.split("PLAY RECAP")[1]
    for sign in ("Unexpected Exception", "Traceback", "UNREACHABLE", "203.0.113.7", "RUNNING HANDLER"):
        assert sign not in played.run.output, sign


def test_facts_are_set_by_async_status_of_one_job_only(played: Played) -> None:
    """As ansible.builtin.async_status sets them, and no others."""
    assert sorted(host for host, known in played.hosts.items() if known["owned_fact"] in (True, "True")) == [
        "status",
        "status_builtin",
        "status_group",
    ]
    assert "/owned" not in played.run.output


@pytest.mark.parametrize("host", sorted(ENTRIES))
def test_no_key_that_acts_or_judges_comes_back(played: Played, host: str) -> None:
    result = played.results[host]
    found = [entry for told in result.values() for entry in entries(told)]
    assert [entry for entry in found if entry.get("parent_groups") == ["all"]], "no result of the module is there"
    for entry in found:
        assert [key for key in entry if key in ACTS or key.startswith("_ansible_")] == []
        assert entry.get("ansible_loop_var") != [] and entry.get("ansible_index_var") != {}
        assert not isinstance(entry.get("ansible_job_id"), str) or entry.get("job", {}).get("ignored") is not True


# A task that failed stops the play

JUDGED: dict[str, Task] = {
    # what the module of the job that does not fail returns beside
    "good_says_failed_when": hostile(failed_when_result=False),
    "good_says_all_is_well": hostile(failed=False, results=[{"failed_when_result": False, "skipped": True}]),
    "good_has_condition": {**hostile(), "failed_when": False},
}
STOPS: dict[str, list[Task]] = {
    **{
        name: [{"background.jobs.run": {"jobs": [good, hostile(failed=True, skipped=True)]}}]
        for name, good in JUDGED.items()
    },
    "alone": [{"background.jobs.run": {"jobs": [hostile(failed=True)]}}],
    "alone_says_skipped": [{"background.jobs.run": {"jobs": [hostile(failed=True, skipped=True)]}}],
    "alone_has_results": [
        {"background.jobs.run": {"jobs": [hostile(failed=True, results=[{"failed_when_result": False}])]}}
    ],
    "status": [
        launch(hostile(failed=True, results=[{"failed_when_result": False, "skipped": True}])),
        until_done({**STATUS, "failed_when": "finished is finished and finished is failed"}),
    ],
    "known_before": [
        {
            "background.jobs.run": {"jobs": [{**hostile(), "failed_when": False}, hostile(failed=True)]},
            "register": "work",
            "ignore_errors": True,
        },
        WAIT,
    ],
}
"""Tasks by host, the last of which fails in ansible-core's eyes too, whatever its jobs returned."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    directory = tmp_path_factory.mktemp("stops")
    controller = Controller(directory, *STOPS)
    write(controller)
    tasks = [
        {**task, "name": f"task {host} {number}", "when": f"inventory_hostname == '{host}'"}
        for host, tasks in STOPS.items()
        for number, task in enumerate(tasks)
    ]
    after = {"ansible.builtin.file": {"path": f"{directory}/{{{{ inventory_hostname }}}}.went_on", "state": "touch"}}
    controller.write("play.yml", json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [*tasks, after]}]))
    return play(controller), directory


@pytest.mark.parametrize("host", sorted(STOPS))
def test_a_play_stops_where_a_job_has_failed(stopped: tuple[Run, Path], host: str) -> None:
    run, directory = stopped
    assert run.status == 2
    assert not (directory / f"{host}.went_on").exists()
    assert f"fatal: [{host}]: FAILED!" in run.output and "UNREACHABLE" not in run.output


# A result that cannot be taken costs its own job

ODD_MODULE = """
    #!/usr/bin/python
    # WANT_JSON
    import json, sys
    levels, text = json.load(open(sys.argv[1]))["levels"], "1"
    if levels < 0:
        text = '{"__ansible_type": "nonsense"}'
    print('{"changed": true, "data": ' + '{"a":' * levels + text + "}" * levels + "}")
"""
EMPTY = """
    from ansible.plugins.action import ActionBase

    class ActionModule(ActionBase):
        _supports_async = True

        def run(self, tmp=None, task_vars=None):
            return {} if self._task.args["what"] == "nothing" else None
"""
LEVELS = {"flat": 1, "near": 97, "over": 120, "far": 270, "farther": 900, "typed": -1}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, t.Any], Path]:
    directory = tmp_path_factory.mktemp("odd")
    controller = Controller(directory, "web1")
    controller.write("library/odd.py", ODD_MODULE.lstrip("\n"))
    controller.write("library/empty.py", "#!/usr/bin/python\n")
    controller.write("action_plugins/empty.py", EMPTY)
    latin = {"ansible.builtin.command": r"printf 'caf\351'", "async": 60, "poll": 0}
    jobs = [{"name": name, "odd": {"levels": levels}} for name, levels in LEVELS.items()]
    minimal = {"ansible.builtin.setup": {"gather_subset": "!all"}}
    tasks = {
        "latin": latin,
        "run": {"background.jobs.run": {"jobs": jobs}},
        "alone": {"background.jobs.run": {"jobs": [jobs[1]]}},
        "wait": {"background.jobs.wait": {"jobs": "{{ the_latin }}"}},
        "empty": {"background.jobs.run": {"jobs": [jobs[0], {"empty": {"what": "nothing"}}]}},
        "none": {"background.jobs.run": {"jobs": [jobs[0], {"empty": {"what": "none"}}]}},
        "unset": {"background.jobs.run": {"jobs": [minimal]}},
        "before": {"ansible.builtin.debug": {"msg": "{{ ansible_facts.system | default('unknown') }}"}},
        "set": {"background.jobs.run": {"jobs": [minimal], "set_facts": True}},
        "after": {"ansible.builtin.debug": {"msg": "{{ ansible_facts.system | default('unknown') }}"}},
    }
    named = [{**task, "register": f"the_{name}", "ignore_errors": True} for name, task in tasks.items()]
    content = "{{ {" + ", ".join(f"'{name}': the_{name}" for name in tasks) + "} | to_json }}"
    save = {"ansible.builtin.copy": {"dest": f"{directory}/seen.json", "content": content}}
    controller.write("play.yml", json.dumps([{"hosts": "web1", "gather_facts": False, "tasks": [*named, save]}]))
    run = play(controller, "-vvv")
    assert run.status == 0, run.output
    return json.loads((directory / "seen.json").read_text(encoding="utf-8")), directory / "async"


def test_what_ansible_core_cannot_take_costs_that_one_job(odd: tuple[dict[str, t.Any], Path]) -> None:
    seen, directory = odd
    results = {result["job"]["name"]: result for result in seen["run"]["results"]}
    assert list(results) == list(LEVELS)
    bad = {name: result for name, result in results.items() if result["job"].get("reason") == "result_undecodable"}
    # The type is unknown since 2.19, and 900 levels are more than some Pythons can take already on the host.
    assert set(bad) - {"typed", "farther"} == {"over", "far"}
    assert [results[name]["job"]["state"] for name in ("flat", "near", "farther")] == [
        "succeeded",
        "succeeded",
        "failed",
    ]
    assert "data" in results["near"] and "data" in seen["alone"]
    assert "over failed: its result cannot be taken: it is nested 121 levels deep" in seen["run"]["msg"]
    kept = {path.name for path in directory.iterdir() if path.name.startswith("j") and not path.name.endswith(".log")}
    assert kept == {result["ansible_job_id"] for result in bad.values()}


def test_bytes_that_are_no_text_are_a_character_that_says_so(odd: tuple[dict[str, t.Any], Path]) -> None:
    waited = odd[0]["wait"]
    assert (waited["stdout"], waited["results"][0]["job"]["state"]) == ("caf\ufffd", "succeeded")


@pytest.mark.parametrize("case", ["empty", "none"])
def test_an_action_that_returns_nothing_has_failed(odd: tuple[dict[str, t.Any], Path], case: str) -> None:
    told = odd[0][case]
    assert told["failed"] is True
    assert "its action ended without starting a module, and returned no result; nothing was started" in told["msg"]


def test_facts_of_a_job_are_set_where_that_was_asked_for(odd: tuple[dict[str, t.Any], Path]) -> None:
    seen = odd[0]
    assert "ansible_system" not in seen["unset"].get("ansible_facts", {})
    assert seen["unset"]["results"][0]["ansible_facts"]["ansible_system"] == "Linux"
    assert (seen["before"]["msg"], seen["after"]["msg"]) == ("unknown", "Linux")


# A host that lies about what it has started

LIAR = """
    #!{python}
    import json, os, subprocess, sys
    command = ["{python}", *sys.argv[1:]]
    if "-S" not in command:
        os.execv(command[0], command)
    said = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode()
    noise, mark, told = said.partition({mark!r})
    document = json.loads(told)
    if "records" in document["answer"]:
        document["answer"]["records"].pop(0)
    sys.stdout.write(noise + mark + json.dumps(document))
"""


def test_what_may_have_been_started_is_named_although_the_answer_makes_no_sense(
    play: t.Callable[..., dict[str, dict[str, t.Any]]], tmp_path: Path
) -> None:
    liar = tmp_path / "liar"
    liar.write_text(_dedented(LIAR).strip().format(python=sys.executable, mark=wire.MARK), encoding="utf-8")
    liar.chmod(0o755)
    jobs = [{"name": name, "ansible.builtin.command": "sleep 100"} for name in "ab"]
    done = play(
        {
            "launch": {"background.jobs.launch": {"jobs": jobs}, "vars": {"ansible_python_interpreter": str(liar)}},
            "cancel": {"background.jobs.cancel": {"jobs": "{{ the_launch }}", "cleanup": True}},
        }
    )
    assert (
        "makes no sense: it tells of 1 jobs, and 2 were sent. It is not known whether 2 jobs of this task started on "
        "localhost (a, b)"
    ) in done["launch"]["msg"]
    assert done["launch"]["failed"] and [each["finished"] for each in done["launch"]["results"]] == [False, False]
    assert done["cancel"]["msg"] == "2 jobs cancelled on localhost"
