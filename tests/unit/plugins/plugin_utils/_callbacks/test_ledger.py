# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import (
    Ledger,
    StartedJob,
    Task,
    Told,
    place,
    report,
    standing_of,
)
from ansible_collections.background.jobs.tests.unit.helpers import entry

BACKUP = Task("Start backup", "site.yml:14")
CENSORED = {"censored": "the output has been hidden"}
STATUS = "ansible.builtin.async_status"
WAIT = "background.jobs.wait"


def running(jid: str) -> dict[str, t.Any]:
    """What builtin async returns of a job that it has started, up to 2.18 with numbers for booleans."""
    return {"ansible_job_id": jid, "started": 1, "finished": 0, "results_file": f"/a/{jid}"}


def handle(jid: str, **fields: t.Any) -> dict[str, t.Any]:
    """What launch returns of a job."""
    said = {key: fields.pop(key) for key in ("host", "no_log") if key in fields}
    return entry(fields.pop("name", "reports"), fields.pop("state", "queued"), said, ansible_job_id=jid, **fields)


def told(result: dict[str, t.Any], host: str = "web1", **fields: t.Any) -> Told:
    defaults = {"by": host, "task": BACKUP, "key": "uuid", "action": "ansible.builtin.command", "arguments": {}}
    return Told(**{**defaults, "host": host, "result": result, **fields})


def started(result: dict[str, t.Any], host: str = "web1", **fields: t.Any) -> Told:
    return told(result, host, starts=True, **fields)


def left(*events: Told) -> list[str]:
    """The ids of the jobs that are uncollected after `events`."""
    ledger = Ledger()
    for event in events:
        ledger.note(event)
    return [job.jid for job in ledger.unreaped()]


def test_a_job_is_known_by_its_host_and_its_task() -> None:
    ledger = Ledger()
    ledger.note(started(running("j1.2"), "db1", by="web1", at=5.0, origin="here"))
    assert ledger.unreaped() == [StartedJob("db1", "web1", BACKUP, "j1.2", started=5.0, origin="here")]


def test_each_item_of_a_loop_is_one_job_though_it_is_told_twice() -> None:
    first, second = started(running("j1"), part=True), started(running("j2"), part=True)
    whole = {"results": [running("j1"), running("j2"), {"skipped": True}, {"failed": True, "msg": "no"}]}
    assert left(first, second, started(whole)) == ["j1", "j2"]


def test_an_item_is_told_better_than_the_whole_loop() -> None:
    ledger = Ledger()
    ledger.note(started(running("j1"), "db1", by="web1", part=True))
    ledger.note(started({"results": [running("j1")]}, "{{ item }}", by="web1"))
    assert [job.host for job in ledger.unreaped()] == ["db1"]


def test_handles_of_launch_bring_the_names_and_hosts_of_their_jobs() -> None:
    ledger = Ledger()
    one = {"results": [handle("j1.0", host="db1")]}
    many = {"results": [handle("j2.0", host="web1"), handle("j2.1", host="web1", name="backup", no_log=True)]}
    ledger.note(started({"results": [one, many]}))
    assert [(job.host, job.jid, job.name, job.no_log) for job in ledger.unreaped()] == [
        ("db1", "j1.0", "reports", False),
        ("web1", "j2.0", "reports", False),
        ("web1", "j2.1", "backup", True),
    ]


def test_a_launch_of_one_job_tells_its_id_twice() -> None:
    ledger = Ledger()
    ledger.note(started({**running("j1.0"), "results": [handle("j1.0", host="web1")]}))
    assert [(job.jid, job.name) for job in ledger.unreaped()] == [("j1.0", "reports")]


def test_a_key_of_a_module_is_not_the_name_of_a_job() -> None:
    ledger = Ledger()
    ledger.note(started({**running("j1"), "name": "nginx", "host": "example.com"}))
    assert [(job.name, job.host) for job in ledger.unreaped()] == [("", "web1")]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({**running("j1"), "finished": 1}, id="poll: N"),
        pytest.param({"results": [handle("j1.0", state="skipped")]}, id="launch in check mode"),
        pytest.param({"failed": True, "msg": "could not create the directory"}, id="not started"),
        pytest.param({"skipped": True}, id="check mode"),
        pytest.param({"ansible_job_id": 12, "started": 1, "finished": 0}, id="no id"),
        pytest.param({"results": "no list", "rc": 0}, id="a result of its own"),
    ],
)
def test_what_was_not_started_or_is_over_is_no_job_to_collect(result: dict[str, t.Any]) -> None:
    assert left(started(result)) == []


@pytest.mark.parametrize(
    ("result", "is_left"),
    [
        pytest.param({"ansible_job_id": "j1", "started": 1, "finished": 1, "rc": 0}, False, id="finished"),
        pytest.param({"ansible_job_id": "j1", "finished": True, "failed": True, "rc": 2}, False, id="failed"),
        pytest.param({"ansible_job_id": "j1", "finished": 0, "erased": "/a/j1"}, False, id="builtin cleanup"),
        pytest.param({"results": [{"ansible_job_id": "j1", "finished": True}]}, False, id="wait, or a loop"),
        pytest.param({"results": [{"results": [{"ansible_job_id": "j1", "finished": 1}]}]}, False, id="loop over wait"),
        pytest.param(entry("a", "lost", {"reason": "reboot"}, ansible_job_id="j1"), False, id="lost"),
        pytest.param({"ansible_job_id": "j1", "started": 1, "finished": 0}, True, id="still running"),
        pytest.param({"results": [{"ansible_job_id": "j1", "finished": False}]}, True, id="waited in vain"),
        pytest.param({"ansible_job_id": "j1", "finished": 1, "msg": "could not find job"}, True, id="wrong user"),
        pytest.param(entry("a", "not_found", {"reason": "other_host"}, ansible_job_id="j1"), True, id="wrong host"),
        pytest.param(entry("a", "not_found", ansible_job_id="j1"), True, id="not there"),
        pytest.param(entry("a", "lost", {"reason": "status_unreadable"}, ansible_job_id="j1"), True, id="unreadable"),
        pytest.param({"ansible_job_id": "j1", "finished": True, "state": "not_found"}, False, id="a key of a module"),
        pytest.param({"ansible_job_id": "j2", "finished": True}, True, id="another job"),
    ],
)
def test_a_job_is_collected_once_its_end_was_seen(result: dict[str, t.Any], is_left: bool) -> None:
    assert left(started(running("j1")), told(result, "web2", action=STATUS)) == (["j1"] if is_left else [])


def test_a_hidden_result_leaves_a_job_without_id() -> None:
    ledger = Ledger()
    ledger.note(started(CENSORED))
    ledger.note(started(CENSORED, "web2", ok=False))
    assert [(job.host, job.jid, job.no_log) for job in ledger.unreaped()] == [("web1", "", True)]


def test_hidden_items_of_a_loop_are_counted_once() -> None:
    items = [started(CENSORED, part=True), started(CENSORED, part=True, ok=False), started(CENSORED, part=True)]
    assert left(*items, started({**CENSORED, "results": [CENSORED] * 3})) == ["", ""]


def test_what_is_read_later_names_the_hidden_jobs_each_with_its_host() -> None:
    ledger = Ledger()
    for host in ("db1", "db2"):
        ledger.note(started(CENSORED, host, by="web1", part=True, no_log=True))
    ledger.note(started(CENSORED, "{{ item }}", by="web1", read_later=True))
    ledger.note(started({"results": [running("j1"), {"skipped": True}, running("j2")]}, by="web1", no_log=True))
    assert [(job.host, job.jid, job.no_log) for job in ledger.unreaped()] == [("db1", "j1", True), ("db2", "j2", True)]


def test_one_hidden_launch_is_many_jobs() -> None:
    whole = {"results": [handle("j1.0"), handle("j1.1"), handle("j1.2")]}
    assert left(started(CENSORED, read_later=True), started(whole)) == ["j1.0", "j1.1", "j1.2"]


def test_a_hidden_task_that_started_nothing_after_all() -> None:
    assert left(started(CENSORED, read_later=True), started({"skipped": True})) == []


@pytest.mark.parametrize(
    ("fields", "is_left"),
    [
        ({"action": WAIT, "arguments": {"jobs": [running("j1")]}}, False),
        ({"action": WAIT, "arguments": {"jobs": {"results": [running("j1")]}}, "ok": False}, False),
        ({"action": WAIT, "arguments": {"jobs": "j1", "wait_timeout": "5"}, "ok": False}, True),
        ({"action": WAIT, "arguments": {"jobs": "j1"}, "ok": False, "read_later": True}, True),
        ({"action": WAIT, "arguments": {"jobs": 5}}, True),
        ({"action": "background.jobs.cancel", "arguments": {"jobs": ["j1"]}}, False),
        ({"action": "background.jobs.cancel", "arguments": {"jobs": ["j1"]}, "ok": False}, True),
        ({"action": STATUS, "arguments": {"jid": "j1"}, "until": True}, False),
        ({"action": STATUS, "arguments": {"jid": "j1"}, "until": True, "ok": False}, True),
        ({"action": STATUS, "arguments": {"jid": "j1"}}, True),
        ({"action": STATUS, "arguments": {"jid": "j1", "mode": "cleanup"}}, False),
        ({"action": "background.jobs.async_status", "arguments": {"jids": ["j0", "j1"], "mode": "cleanup"}}, False),
        ({"action": "ansible.builtin.command", "arguments": {"jobs": "j1"}}, True),
    ],
)
def test_a_hidden_task_collects_what_it_was_asked_for(fields: dict[str, t.Any], is_left: bool) -> None:
    assert left(started(running("j1")), told(CENSORED, **fields)) == (["j1"] if is_left else [])


def test_jobs_stand_in_the_order_of_their_start() -> None:
    assert left(started(running("j2"), at=2.0), started(CENSORED, at=1.0, key="other")) == ["", "j2"]


@pytest.mark.parametrize(
    ("path", "directory", "shown"),
    [
        ("/srv/site/site.yml:14", "/srv/site", "site.yml:14"),
        ("/srv/site/roles/r/tasks/main.yml:3", "/srv/site", "roles/r/tasks/main.yml:3"),
        ("/srv/site.yml:14", "/srv/site", "../site.yml:14"),
        ("/usr/share/role/main.yml:3", "/home/me/site/inventory", "/usr/share/role/main.yml:3"),
        ("", "/srv", ""),
    ],
)
def test_the_place_of_a_task_is_as_short_as_it_can_be(path: str, directory: str, shown: str) -> None:
    assert place(path, directory) == shown


@pytest.mark.parametrize(
    ("answer", "clause"),
    [
        (entry("a", "running"), "running"),
        (entry("a", "succeeded", rc=0), "finished, its result was not collected"),
        (entry("a", "failed", rc=2, msg="non-zero return code"), "failed: rc 2"),
        (entry("a", "failed", msg="no such unit\nsee journal"), "failed: no such unit"),
        (entry("a", "failed", {"reason": "module"}, msg="a secret", _ansible_no_log=True), "failed: module"),
        (entry("a", "timed_out", {"reason": "timeout"}), "timed out: timeout"),
        (entry("a", "lost", msg="the host was restarted"), "lost: the host was restarted"),
        (entry("a", "not_found", msg="there is none"), "not found: there is none"),
        (entry("a", "cancelled"), "cancelled"),
        ({"state": "running", "name": "of a module"}, "could not be asked for: no answer"),
        ({"unreachable": True, "msg": "Failed to connect\n"}, "could not be asked for: Failed to connect"),
        ({}, "could not be asked for: no answer"),
    ],
)
def test_how_a_job_stands(answer: dict[str, t.Any], clause: str) -> None:
    assert standing_of(StartedJob("web1", "web1", BACKUP, "j1"), answer) == clause


def test_nothing_of_a_job_with_no_log_is_told_but_its_end() -> None:
    job = StartedJob("web1", "web1", BACKUP, "j1", no_log=True)
    assert standing_of(job, entry("a", "failed", {"reason": "module"}, msg="a secret")) == "failed: module"
    assert standing_of(job, entry("a", "failed", rc=3, msg="a secret")) == "failed: rc 3"
    assert standing_of(StartedJob("web1", "web1", BACKUP), {}) == "could not be asked for: its id is hidden"


def test_the_report_names_every_job() -> None:
    jobs = [
        StartedJob("web1", "web1", BACKUP, "j123.4"),
        StartedJob("web1", "web1", Task("Both", "site.yml:20"), "j5.0", "reports"),
        StartedJob("db1", "web1", Task("Dump", "site.yml:30"), "j678.9"),
        StartedJob("web1", "web1", Task("Secret", "")),
    ]
    assert report(jobs, 0) == [
        "Jobs that nobody collected:",
        '  web1: j123.4, "Start backup", site.yml:14',
        '  web1: j5.0 (reports), "Both", site.yml:20',
        '  db1 (delegated by web1): j678.9, "Dump", site.yml:30',
        '  web1: a job of "Secret", whose id is hidden by no_log',
        "Wait for them with background.jobs.wait or the role background.jobs.reap, or end them with "
        "background.jobs.cancel. 'ansible-playbook background.jobs.list' shows what is left on the hosts.",
    ]


def test_many_jobs_of_one_task_share_a_line() -> None:
    jobs = [StartedJob(f"web{number}", f"web{number}", BACKUP, f"j{number}") for number in range(20)]
    assert report(jobs, 0)[1:-1] == [
        '  web0, web1, web2 and 17 more hosts: 20 jobs of "Start backup", site.yml:14: j0, j1, j2 and 17 more'
    ]
    assert len(report(jobs[:5], 0)[1:-1]) == 5
    assert len(report(jobs, 0, every=True)[1:-1]) == 20


def test_many_hidden_jobs_share_a_line() -> None:
    jobs = [StartedJob("web1", "web1", BACKUP) for dummy in range(6)]
    assert report(jobs, 0)[1:-1] == ['  web1: 6 jobs of "Start backup", site.yml:14, whose ids are hidden by no_log']


@pytest.mark.parametrize(
    ("seconds", "span"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2 h")]
)
def test_a_running_job_has_a_time(seconds: float, span: str) -> None:
    job = StartedJob("web1", "web1", BACKUP, "j1", started=100.0, standing="running")
    assert report([job], 100.0 + seconds)[1] == f'  web1: j1, "Start backup", site.yml:14: running, started {span} ago'


def test_jobs_that_stand_differently_have_lines_of_their_own() -> None:
    stands = ["running"] * 6 + ["failed: rc 2"]
    jobs = [
        StartedJob("web1", "web1", BACKUP, f"j{number}", started=number, standing=stand)
        for number, stand in enumerate(stands)
    ]
    assert report(jobs, 60)[1:-1] == [
        '  web1: 6 jobs of "Start backup", site.yml:14: j0, j1, j2 and 3 more: running, the first started 60 s ago',
        '  web1: j6, "Start backup", site.yml:14: failed: rc 2',
    ]
