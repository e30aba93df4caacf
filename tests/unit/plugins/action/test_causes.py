# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-core shows of a failed module, is shown of a failed job."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller

MODULE = """
    #!/usr/bin/python
    import traceback

    from ansible.module_utils.basic import AnsibleModule


    def main():
        module = AnsibleModule({"how": {}})
        how = module.params["how"]
        try:
            try:
                open("/no/such/file")
            except OSError as exc:
                raise RuntimeError("outer words.") from exc
        except RuntimeError as exc:
            if how == "raise":
                raise
            if how == "exception":
                module.fail_json("could not do it.", exception=exc)
            if how == "said twice":
                module.fail_json("could not do it: %s" % exc, exception=exc)
            if how == "traceback":
                module.fail_json("could not do it", exception=traceback.format_exc())
            module.fail_json("could not do it")


    main()
"""
CASES: dict[str, dict[str, t.Any]] = {
    "command": {"ansible.builtin.command": "pg_dumpp"},
    "argv": {"ansible.builtin.command": {"argv": ["/no/such/program", "a b"]}},
    "shell": {"ansible.builtin.shell": "echo last words >&2; exit 3"},
    "uri": {"ansible.builtin.uri": {"url": "http://127.0.0.1:9/"}},
    "get_url": {"ansible.builtin.get_url": {"url": "http://127.0.0.1:9/x", "dest": "/tmp/never"}},
    "options": {"ansible.builtin.file": {"path": "/tmp", "state": "nonsense"}},
    **{how: {"failing": {"how": how}} for how in ("raise", "exception", "said twice", "traceback", "plain")},
}
NO_TRACEBACK = "(traceback unavailable)"
NOT_A_CAUSE = ("non-zero return code", "The command exited with a non-zero return code.", "MODULE FAILURE")


class Shown(t.NamedTuple):
    """What core showed of the modules as tasks; and what our tasks say, for several jobs, for one, for builtin's."""

    core: dict[str, set[str]]
    together: str
    alone: dict[str, str]
    builtin: str
    results: dict[str, dict[str, t.Any]]
    tasks: dict[str, dict[str, t.Any]]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    directory = tmp_path_factory.mktemp("causes")
    controller = Controller(directory)
    controller.write("library/failing.py", MODULE)
    names = list(CASES)
    some = ("command", "exception")
    tasks = [{"name": f"core {name}", **CASES[name], "register": f"core_{number}"} for number, name in enumerate(names)]
    ours = [
        {"background.jobs.run": {"jobs": [{"name": name, **CASES[name]} for name in names[start : start + 5]]}}
        for start in range(0, len(names), 5)  # a message names five
    ]
    ours += [{"background.jobs.run": {"jobs": [{"name": name, **CASES[name]}]}} for name in some]
    tasks += [{"name": "ours", **task, "register": f"ours_{number}"} for number, task in enumerate(ours)]
    tasks.append({"name": "builtin", **CASES["command"], "async": 60, "poll": 0, "register": "started"})
    tasks.append({"name": "ours", "background.jobs.wait": {"jobs": "{{ started }}"}, "register": "waited"})
    words = [*(f"ours_{number}" for number in range(len(ours))), "waited", *(f"core_{i}" for i in range(len(names)))]
    content = "{{ [" + ", ".join(words) + "] | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": f"{directory}/results.json"}})
    run = controller.run(controller.playbook("play.yml", *tasks, ignore_errors=True))
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    several, rest = results[: len(ours) - len(some)], results[len(ours) - len(some) :]
    return Shown(
        core={name: _what_core_shows(run.output, f"core {name}") for name in names},
        together=" ".join(result["msg"] for result in several),
        alone=dict(zip(some, (result["msg"] for result in rest))),
        builtin=rest[len(some)]["msg"],
        results={each["job"]["name"]: each for result in several for each in result["results"]},
        tasks=dict(zip(names, rest[len(some) + 1 :])),
    )


def _what_core_shows(output: str, task: str) -> set[str]:
    part = output.partition(f"TASK [{task}]")[2].partition("\nTASK [")[0]
    found = set(re.findall(r"\[ERROR\]: .*Module failed: (.*)", part)) | set(re.findall(r"The error was: (.*)", part))
    for result in re.findall(r"FAILED! => (\{.*)", part):
        found.add(str(json.loads(result).get("msg", "")).splitlines()[0].replace("Task failed: Module failed: ", ""))
    assert found, part
    return {text for text in found if not text.startswith(NOT_A_CAUSE)}


@pytest.mark.parametrize("case", CASES)
def test_what_core_shows_of_a_failed_module_is_shown_of_a_failed_job(shown: Shown, case: str) -> None:
    for text in shown.core[case]:
        assert text.rstrip(". ") in shown.together


@pytest.mark.parametrize("case", ["command", "exception"])
def test_a_job_alone_has_its_cause_too(shown: Shown, case: str) -> None:
    for text in shown.core[case]:
        assert text.rstrip(". ") in shown.alone[case]


def test_a_job_of_builtin_async_has_its_cause_too(shown: Shown) -> None:
    for text in shown.core["command"]:
        assert text.rstrip(". ") in shown.builtin
    assert "No such file or directory: b'pg_dumpp'" in shown.builtin


@pytest.mark.parametrize("case", sorted(set(CASES) - {"raise"}))
def test_the_result_is_that_of_a_task(shown: Shown, case: str) -> None:
    ours, theirs = shown.results[case], shown.tasks[case]
    if theirs["msg"].startswith("MODULE FAILURE"):  # up to 2.18, no module can give it an exception
        return
    assert (ours["msg"], ours.get("rc")) == (theirs["msg"], theirs.get("rc"))
    if theirs.get("exception", NO_TRACEBACK) != NO_TRACEBACK:  # else core has put it there, if the module has not
        assert ours["exception"].splitlines()[-1] == theirs["exception"].splitlines()[-1]
    else:
        assert ours.get("exception", NO_TRACEBACK) == NO_TRACEBACK
