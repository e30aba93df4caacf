# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ansible-playbook with the callback, on this host without a connection; what it prints is looked at as text."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.background.jobs.plugins.callback import unreaped
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import StartedJob, Task
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.tests.unit.controller import Controller, Run
from ansible_collections.background.jobs.tests.unit.helpers import eventually

Tasks = t.Sequence[t.Mapping[str, t.Any]]

ADVICE = (
    "Wait for them with background.jobs.wait or the role background.jobs.reap, or end them with "
    "background.jobs.cancel. 'ansible-playbook background.jobs.list' shows what is left on the hosts."
)
FAILS = "Therefore this run fails (option 'fail' of background.jobs.unreaped)."
SHORT = {"ansible.builtin.command": "true", "async": 60, "poll": 0}
"""A job that ends at once."""

WITNESS = """
    from ansible.plugins.callback import CallbackBase

    class CallbackModule(CallbackBase):
        CALLBACK_VERSION = 2.0
        CALLBACK_TYPE = "aggregate"
        CALLBACK_NAME = "other.one.witness"
        CALLBACK_NEEDS_ENABLED = True

        def v2_playbook_on_stats(self, stats):
            self._display.display("the witness was told")
"""
UNREACHABLE = """
    from ansible.plugins.action import ActionBase

    class ActionModule(ActionBase):
        def run(self, tmp=None, task_vars=None):
            return {"unreachable": True, "msg": "it is far away"}
"""


class Site(Controller):
    """With the callback, one that comes after it, and an action whose host is out of reach."""

    callbacks = "background.jobs.unreaped,other.one.witness"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.write("action_plugins/unreachable.py", UNREACHABLE)
        self.write("ansible_collections/other/one/plugins/callback/witness.py", WITNESS)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def report(run: Run) -> list[str]:
    """What the callback printed after the recap, with J for each id."""
    assert "PLAY RECAP" in run.output, run.output
    after = run.output.rpartition("PLAY RECAP")[2].partition("\n\n")[2]
    return [re.sub(r"\bj\d+\.\d+", "J", line) for line in after.splitlines()]


def told(*lines: str) -> list[str]:
    """What is printed where these jobs were not collected."""
    return ["Jobs that nobody collected:", *lines, ADVICE]


def test_the_jobs_of_a_run_are_named_with_host_task_and_place(site: Site) -> None:
    site.write("roles/dumps/tasks/main.yml", '- {name: Dump, ansible.builtin.command: "true", async: 60, poll: 0}\n')
    jobs = [
        {"name": "backup", "ansible.builtin.command": "true"},
        {"name": "report", "ansible.builtin.command": "true"},
    ]
    site.playbook(
        "site.yml",
        {"name": "Start backup", **SHORT},
        {**SHORT, "loop": [1, 2], "delegate_to": "{{ 'web2' if item == 2 else 'web1' }}"},
        {"name": "Both", "background.jobs.launch": {"jobs": jobs}},
        {"ansible.builtin.include_role": {"name": "dumps"}},
        {"name": "Handled", "ansible.builtin.command": "true", "notify": "restart"},
        {"ansible.builtin.meta": "flush_handlers"},
        {"ansible.builtin.command": "true", "async": 60, "poll": 1},
        handlers=[{"name": "restart", **SHORT}],
    )
    run = site.run("site.yml")
    assert report(run) == [
        *told(
            '  web1: J, "Start backup", site.yml:2',
            '  web1: J, "ansible.builtin.command", site.yml:3',
            '  web2 (delegated by web1): J, "ansible.builtin.command", site.yml:3',
            '  web1: J (backup), "Both", site.yml:4',
            '  web1: J (report), "Both", site.yml:4',
            '  web1: J, "dumps : Dump", roles/dumps/tasks/main.yml:1',
            '  web1: J, "restart", site.yml:11',
        ),
        "the witness was told",
    ]
    assert run.status == 0


def test_the_jobs_of_a_run_that_was_interrupted_are_named(site: Site) -> None:
    jobs = [{"name": "long", "ansible.builtin.command": "sleep 60"}]
    run = {"background.jobs.run": {"jobs": jobs}, "timeout": 6, "ignore_errors": True}
    site.playbook(
        "site.yml",
        {**run, "register": "it"},
        {"background.jobs.cancel": {"jobs": "{{ it }}"}},
        {"name": "Left", **run},
    )
    assert report(site.run("site.yml")) == [*told('  web1: J (long), "Left", site.yml:4'), "the witness was told"]


COLLECTED: Tasks = [
    {**SHORT, "register": "one"},
    {
        "ansible.builtin.async_status": {"jid": "{{ one.ansible_job_id }}"},
        "register": "status",
        "until": "status is finished",
        "retries": 300,
        "delay": 0,
    },
    {**SHORT, "register": "many", "loop": [1, 2]},
    {"background.jobs.wait": {"jobs": "{{ many }}"}},
    {"background.jobs.run": {"jobs": [{"ansible.builtin.command": "true"}]}},
    {**SHORT, "register": "secret", "no_log": True, "loop": [1, 2]},
    {
        "ansible.builtin.async_status": {"jid": "{{ item.ansible_job_id }}"},
        "loop": "{{ secret.results }}",
        "register": "status",
        "until": "status is finished",
        "retries": 300,
        "delay": 0,
        "no_log": True,
    },
    {**SHORT, "register": "secret", "no_log": True},
    {"background.jobs.wait": {"jobs": "{{ secret }}"}, "no_log": True},
    {**SHORT, "check_mode": True, "ignore_errors": True},  # ansible-core refuses it up to 2.16
]


def test_nothing_is_said_and_nothing_fails_if_all_were_collected(site: Site) -> None:
    run = site.run(site.playbook("site.yml", *COLLECTED), fail=True, check_on_end=True)
    assert (report(run), run.status) == (["the witness was told"], 0), run.output


def test_the_run_fails_after_all_callbacks_were_told(site: Site) -> None:
    site.playbook("site.yml", {"name": "Start", **SHORT}, {"ansible.builtin.meta": "end_play"})
    run = site.run("site.yml", fail=True)
    assert report(run) == [*told('  web1: J, "Start", site.yml:2'), FAILS, "the witness was told"]
    assert "failed=0" in run.output
    assert run.status == 2


def test_a_status_that_is_bad_already_stays(site: Site) -> None:
    site.playbook("site.yml", {"name": "Start", **SHORT}, {"name": "Try", "unreachable": {}})
    run = site.run("site.yml", fail=True)
    assert report(run)[-2:] == [FAILS, "the witness was told"]
    assert run.status == 4


def test_a_later_playbook_may_collect_the_jobs(site: Site) -> None:
    site.playbook("start.yml", {**SHORT, "register": "job"})
    site.playbook("collect.yml", {"background.jobs.wait": {"jobs": "{{ job }}"}})
    run = site.run("start.yml", "collect.yml", fail=True)
    assert "nobody" not in run.output
    assert run.status == 0


def test_a_playbook_that_fails_may_be_the_last(site: Site) -> None:
    site.playbook("start.yml", {"name": "Start", **SHORT}, {"ansible.builtin.fail": {}})
    run = site.run("start.yml", "start.yml", fail=True)
    assert report(run) == [*told('  web1: J, "Start", start.yml:2'), "the witness was told"]
    assert run.status == 2


def test_no_log_hides_secrets_but_no_jobs(site: Site) -> None:
    job = {"name": "quiet", "ansible.builtin.command": "echo swordfish", "no_log": True}
    secret = {"ansible.builtin.command": "echo swordfish", "async": 60, "poll": 0, "no_log": True}
    forgotten = '  web1: a job of "Forgotten", site.yml:2, whose id is hidden by no_log'
    site.playbook(
        "site.yml",
        {"name": "Forgotten", **secret, "loop": [1, 2]},
        {"name": "Kept", **secret, "register": "kept", "loop": [1, 2], "delegate_to": "web{{ item }}"},
        {"name": "Ours", "background.jobs.launch": {"jobs": [job]}, "register": "kept"},
    )
    run = site.run("site.yml", "-vvv")
    assert [line for line in report(run) if line.startswith("  ")] == [
        forgotten,
        forgotten,
        '  web1: J, "Kept", site.yml:3',
        '  web2 (delegated by web1): J, "Kept", site.yml:3',
        f'  web1: J{"" if compat.OVERRULES_NO_LOG else " (quiet)"}, "Ours", site.yml:4',
    ]
    assert "swordfish" not in run.output


def test_a_last_look_tells_how_the_jobs_stand(site: Site) -> None:
    """It finds them by the variables of their tasks, whatever conditions, batches and tags there were."""
    gate, elsewhere = site.directory / "gate", {"ansible_async_dir": str(site.directory / "elsewhere")}
    bad = {"name": "Bad", "background.jobs.launch": {"jobs": [{"name": "bad", "ansible.builtin.shell": "exit 3"}]}}
    ended = {"path": "{{ ansible_async_dir }}/{{ job.ansible_job_id }}", "search_regex": '"rc"', "timeout": 60}
    site.playbook(
        "site.yml",
        {"ansible.builtin.fail": {}},
        {"name": "Done", **SHORT, "register": "done", "tags": "never"},
        {"ansible.builtin.wait_for": ended, "vars": {"job": "{{ done }}"}, "tags": "never"},
        {"when": "bad is undefined", "tags": "never", "block": [{**bad, "register": "bad", "vars": elsewhere}]},
        {"ansible.builtin.wait_for": ended, "vars": {"job": "{{ bad }}", **elsewhere}, "tags": "never"},
        {
            "name": "Going on",
            "ansible.builtin.shell": f"while [ ! -e {gate} ]; do sleep 0.1; done",
            "async": 300,
            "poll": 0,
            "when": "inventory_hostname == 'web2'",
            "tags": "never",
        },
        hosts="all",
        serial=1,
    )
    try:
        run = site.run("site.yml", "--tags", "never", fail=True, check_on_end=True)
    finally:
        gate.touch()
    assert [re.sub(r"started \d+ s ago", "started N s ago", line) for line in report(run)] == [
        *told(
            '  web1: J, "Done", site.yml:3: finished, its result was not collected',
            '  web2: J, "Done", site.yml:3: finished, its result was not collected',
            '  web1: J (bad), "Bad", site.yml:5: failed: rc 3',
            '  web2: J (bad), "Bad", site.yml:5: failed: rc 3',
            '  web2: J, "Going on", site.yml:7: running, started N s ago',
        ),
        FAILS,
        "the witness was told",
    ]
    files = [path for path in (site.directory / "async").iterdir() if path.name.startswith("j")]
    assert len(files) == 3, "nothing is removed by looking"
    eventually(lambda: all('"rc"' in path.read_text(encoding="utf-8") for path in files))


def test_a_last_look_in_vain_does_no_harm(site: Site) -> None:
    far = {"ansible.builtin.add_host": {"name": "web1", "ansible_connection": "nonsense"}}
    run = site.run(site.playbook("site.yml", {"name": "Start", **SHORT}, far), check_on_end=True)
    (line,) = (line for line in report(run) if line.startswith("  "))
    assert line.startswith('  web1: J, "Start", site.yml:2: could not be asked for: ')
    assert "nonsense" in line
    assert run.status == 0


def test_a_last_look_that_breaks_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: t.Any) -> t.NoReturn:
        raise RuntimeError("no forks left")

    warnings: list[str] = []
    callback = unreaped.CallbackModule()
    monkeypatch.setattr(unreaped, "ask_hosts", broken)
    monkeypatch.setattr(callback, "_display", SimpleNamespace(warning=warnings.append))
    job = StartedJob("web1", "web1", Task("Start", "site.yml:2"), "j1", origin=SimpleNamespace(way=lambda: "ssh"))
    callback._look([job])
    assert job.standing == "could not be asked for: no answer"
    assert warnings == ["could not ask how the jobs stand that nobody collected: no forks left"]
