# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ansible-playbook with the callback, on this host without a connection; its JSON is looked at."""

from __future__ import annotations

import json
import stat
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.tests.unit.controller import Controller

PAGE, DATA = "background-jobs-timeline.html", "timeline.json"
STATUS = {"register": "status", "until": "status is finished", "retries": 300, "delay": 0}
SECRET = "swordfish"

Job = t.Dict[str, t.Any]


class Site(Controller):
    """With the callback, and what it has written."""

    callbacks = "background.jobs.timeline"
    output = ""

    def status(self, *playbooks: str, **options: t.Any) -> int:
        """Run playbooks; `options` are those of the callback.

        :returns: the exit status.
        """
        status, self.output = self.run(*playbooks, **{"json_path": DATA, **options})
        return status

    @property
    def page(self) -> str:
        return (self.directory / PAGE).read_text(encoding="utf-8")

    @property
    def data(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.directory / DATA).read_text(encoding="ascii")))

    def jobs(self) -> dict[str, Job]:
        """The jobs by their names."""
        return {job["name"]: job for job in self.data["jobs"]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_jobs_of_a_run(site: Site) -> None:
    """Ours and builtin's, one by one and in loops, good and bad, of two playbooks; some that nobody collects."""
    before = time.time()
    builtin: Job = {"ansible.builtin.command": "echo {{ item }}", "async": 60, "poll": 0, "loop": ["north", "south"]}
    ours = [
        {"name": "good", "ansible.builtin.shell": "seq 20; echo oops >&2"},
        {"name": "bad", "ansible.builtin.shell": "echo broken >&2; exit 3"},
        {"name": "never", "ansible.builtin.command": "true", "after": ["bad"]},
    ]
    later = [{"name": "kept", "ansible.builtin.command": "true"}, {"name": "left", "ansible.builtin.command": "true"}]
    site.playbook(
        "first.yml",
        {"name": "Ours", "background.jobs.run": {"jobs": ours, "group": "nightly"}, "ignore_errors": True},
        {"name": "Theirs", **builtin, "register": "theirs"},
        {"name": "See", "ansible.builtin.async_status": "jid={{ item.ansible_job_id }}", "loop": "{{ theirs.results }}"}
        | STATUS,
        {"name": "At once", "ansible.builtin.command": "true", "async": 60, "poll": 1, "delegate_to": "web2"},
        {"name": "Later", "background.jobs.launch": {"jobs": later}, "register": "launched"},
    )
    site.playbook("second.yml", {"name": "Wait", "background.jobs.wait": {"jobs": "{{ launched.results[0] }}"}})
    assert site.status("first.yml", "second.yml") == 0, site.output
    data, jobs = site.data, site.jobs()
    assert (data["format"], data["playbooks"], data["shifts"]) == (1, ["first.yml", "second.yml"], {})
    assert list(jobs) == ["good", "bad", "never", "north", "south", "At once", "kept", "left"]
    assert {name: (job["state"], job["collected"], job["rc"]) for name, job in jobs.items()} == {
        "good": ("succeeded", True, 0),
        "bad": ("failed", True, 3),
        "never": ("skipped", True, None),
        "north": ("succeeded", True, 0),
        "south": ("succeeded", True, 0),
        "At once": ("succeeded", True, 0),
        "kept": ("succeeded", True, 0),
        "left": ("queued", False, None),
    }
    good, bad = jobs["good"], jobs["bad"]
    assert (good["stdout"], good["stderr"]) == ([str(number) for number in range(11, 21)], ["oops"])
    assert (good["task"], good["place"], good["group"], good["attempts"]) == ("Ours", "first.yml:2", "nightly", 1)
    assert (bad["reason"], bad["stderr"]) == ("exit_code", ["broken"])
    assert "non-zero return code" in bad["msg"]
    assert (jobs["kept"]["task"], jobs["kept"]["place"]) == ("Later", "first.yml:6")
    assert [name for name, job in jobs.items() if job["builtin"]] == ["north", "south", "At once"]
    assert {job["host"] for name, job in jobs.items() if name != "At once"} == {"web1"}
    assert jobs["At once"]["host"] == "web2"
    never, left = jobs["never"], jobs["left"]
    assert never["started"] is None and never["queued"] <= never["ended"]
    assert left["queued"] is not None and left["ended"] is None
    finished = [job for name, job in jobs.items() if name not in ("never", "left")]
    for job in finished:
        assert before <= (job["queued"] or job["started"]) <= job["started"] <= job["ended"] <= time.time(), job
    assert data["started"] <= good["queued"] and max(job["ended"] for job in finished) <= data["ended"]
    assert site.output.count("Timeline of 8 jobs: ") == 1
    assert f"Timeline of 8 jobs: {site.directory / PAGE}\nThe same as JSON: {site.directory / DATA}\n" in site.output
    assert json.dumps(data, separators=(",", ":")) in site.page
    assert [stat.S_IMODE((site.directory / name).stat().st_mode) for name in (PAGE, DATA)] == [0o600, 0o600]


def test_no_log_leaves_nothing_but_names(site: Site) -> None:
    say: Job = {"ansible.builtin.shell": f"echo {SECRET}; exit 3"}
    ours = {"background.jobs.run": {"jobs": [{"name": "quiet", **say, "no_log": True}]}, "ignore_errors": True}
    theirs = {**say, "async": 60, "poll": 0, "no_log": True}
    site.playbook(
        "site.yml",
        {"name": "Unread", **ours},
        {"name": "Read", **ours, "register": "read"},
        {"name": "Theirs", **theirs, "register": "theirs"},
        {"name": "See", "background.jobs.wait": {"jobs": "{{ theirs }}"}, "no_log": True, "ignore_errors": True}
        | {"register": "seen"},
        {"name": "Lost", **theirs},
    )
    assert site.status("site.yml") == 0, site.output
    shown = ("name", "state", "rc", "collected", "msg", "stdout", "no_log")
    assert [[job[key] for key in shown] for job in site.data["jobs"]] == [
        ["Unread", "failed", None, True, None, [], True],
        ["Read" if compat.OVERRULES_NO_LOG else "quiet", "failed", 3, True, None, [], True],
        ["Theirs", "failed", 3, True, None, [], True],
        ["Lost", "running", None, False, None, [], True],
    ]
    assert SECRET not in site.page


def test_a_playbook_that_fails_may_be_the_last(site: Site) -> None:
    job = {"background.jobs.run": {"jobs": [{"name": "bad", "ansible.builtin.shell": "echo text; exit 3"}]}}
    (site.directory / "elsewhere").write_text("untouched", encoding="ascii")
    (site.directory / PAGE).symlink_to("elsewhere")
    assert site.status(site.playbook("site.yml", job), "site.yml", output_lines=0, json_path="missing/data.json") == 2
    assert '"name":"bad"' in site.page
    assert '"stdout":[]' in site.page
    assert not (site.directory / PAGE).is_symlink(), "a link is replaced"
    assert (site.directory / "elsewhere").read_text(encoding="ascii") == "untouched"
    warning = (
        f"[WARNING]: The same as JSON could not be written to {site.directory}/missing/data.json: No such file or "
        "directory. Set the option 'json_path' of background.jobs.timeline to a file in a directory that is there and "
        "writable."
    )
    assert "".join(warning.split()) in "".join(site.output.split()), "up to 2.18 it is wrapped anywhere"


def test_a_run_without_jobs_writes_nothing(site: Site) -> None:
    assert site.status(site.playbook("site.yml", {"ansible.builtin.debug": {"msg": "hello"}})) == 0
    assert "Timeline" not in site.output
    assert not (site.directory / PAGE).exists()
