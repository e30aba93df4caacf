# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an action may do on the target while a job is built out of it, and what it may not."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller

ACTION = """
    import os

    from ansible.plugins.action import ActionBase
    from ansible.plugins.action.raw import ActionModule as Raw
    from ansible.plugins.loader import action_loader, connection_loader

    DIRECTORY = os.path.dirname(os.path.dirname(__file__))


    class ActionModule(ActionBase):
        "Does one deed by itself; then detaches a command."

        TRANSFERS_FILES = True
        _supports_async = True

        def run(self, tmp=None, task_vars=None):
            result = super().run(tmp, task_vars)
            deed = self._task.args["deed"]
            mark = os.path.join(DIRECTORY, "done", deed)
            word = ""
            try:
                word = getattr(self, deed)(mark, task_vars)
            except Exception:
                if not self._task.args.get("swallow"):
                    raise
            command = {"_raw_params": f"echo {word}", "_uses_shell": True}
            return self.module("command", command, task_vars, wrap_async=self._task.async_val)

        def module(self, name, arguments, task_vars, **how):
            return self._execute_module(f"ansible.legacy.{name}", arguments, task_vars=task_vars, **how)

        def other(self, load, mark, task_vars):
            task = self._task.copy()
            task.async_val, task.action, task.args = 0, "ansible.builtin.command", {"_raw_params": f"touch {mark}"}
            load(
                task=task,
                connection=self._connection,
                play_context=self._play_context,
                loader=self._loader,
                templar=self._templar,
                shared_loader_obj=self._shared_loader_obj,
            ).run(task_vars=task_vars)

        # refused

        def command(self, mark, task_vars):
            self._low_level_execute_command(f"touch {mark}")

        def module_of_its_own(self, mark, task_vars):
            self.module("command", {"_raw_params": f"touch {mark}"}, task_vars)

        def all_facts(self, mark, task_vars):
            self.module("setup", {"gather_subset": "min"}, task_vars)

        def execute(self, mark, task_vars):
            self._connection.exec_command(f"touch {mark}")

        def put(self, mark, task_vars):
            self._connection.put_file(__file__, mark)

        def fetch(self, mark, task_vars):
            self._connection.fetch_file(__file__, mark)

        def reset(self, mark, task_vars):
            self._connection.reset()

        def transfer(self, mark, task_vars):
            self._transfer_file(__file__, mark)

        def transfer_data(self, mark, task_vars):
            self._transfer_data(mark, "data")

        def leave_directory(self, mark, task_vars):
            self._transfer_data(self._connection._shell.tmpdir + "/../" * 50 + mark, "data")

        def pretend_directory(self, mark, task_vars):
            self._connection._shell.tmpdir = os.path.dirname(mark)
            self._transfer_data(mark, "data")

        def mode(self, mark, task_vars):
            self._remote_chmod([DIRECTORY + "/precious-tmp-"], "0777")

        def remove(self, mark, task_vars):
            self._remove_tmp_path(DIRECTORY + "/precious-tmp-", force=True)

        def loaded(self, mark, task_vars):
            load = self._shared_loader_obj.action_loader.get
            self.other(lambda **given: load("ansible.legacy.command", **given), mark, task_vars)

        def imported(self, mark, task_vars):
            self.other(lambda **given: action_loader.get("ansible.legacy.command", **given), mark, task_vars)

        def by_class(self, mark, task_vars):
            self.other(Raw, mark, task_vars)

        def connect(self, mark, task_vars):
            connection_loader.get("local", self._play_context).exec_command(f"touch {mark}")

        def crash(self, mark, task_vars):
            raise KeyError("crashed")

        # let through

        def facts(self, mark, task_vars):
            return self.module("setup", {"filter": "ansible_pkg_mgr"}, task_vars)["ansible_facts"]["ansible_pkg_mgr"]

        def exists(self, mark, task_vars):
            return self._remote_file_exists(self._remote_expand_user("~"))

        def look(self, mark, task_vars):
            return self._execute_remote_stat(DIRECTORY, task_vars, follow=False)["isdir"]

        def send(self, mark, task_vars):
            path = self._connection._shell.join_path(self._connection._shell.tmpdir, "sent")
            self._transfer_data(path, "data")
            self._fixup_perms2((self._connection._shell.tmpdir, path))
            return f"; cat {path}; echo"

        def another_directory(self, mark, task_vars):
            path = self._make_tmp_path()
            self._remote_chmod([path], "0700")
            self._remove_tmp_path(path)
            return os.path.exists(path)
"""

REFUSED = {
    "command": "runs a command on the host",
    "module_of_its_own": "runs the module ansible.legacy.command",
    "all_facts": "runs the module ansible.legacy.setup",
    "execute": "runs a command on the host",
    "put": "sends a file to the host",
    "fetch": "fetches a file from the host",
    "reset": "resets the connection",
    "transfer": "outside of its temporary directory",
    "transfer_data": "outside of its temporary directory",
    "leave_directory": "outside of its temporary directory",
    "pretend_directory": "outside of its temporary directory",
    "mode": "outside of its temporary directory",
    "remove": "outside of its temporary directory",
    "loaded": "runs the module ansible.legacy.command",
    "imported": "runs the module ansible.legacy.command",
    "by_class": "runs a command on the host",
    "connect": "makes a connection of its own",
}
SWALLOWED = ("command", "module_of_its_own", "put", "connect")
LET_THROUGH = {"facts": "apt", "exists": "True", "look": "True", "send": "data", "another_directory": "False"}

Result = t.Dict[str, t.Any]


class Tried(t.NamedTuple):
    directory: Path
    results: dict[str, Result]


@pytest.fixture(scope="session")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """A task for each deed, and for each that is to be refused another in which the action takes it for a failure."""
    directory = tmp_path_factory.mktemp("built")
    controller = Controller(directory)
    controller.write("action_plugins/deed.py", ACTION)
    controller.write("library/deed.py", "#!/usr/bin/python\n")
    controller.write("done/.keep", "")
    controller.write("precious-tmp-", "")
    (directory / "precious-tmp-").chmod(0o600)
    options = [{"deed": deed} for deed in (*LET_THROUGH, *REFUSED, "crash")]
    options += [{"deed": deed, "swallow": True} for deed in SWALLOWED]
    first = {"name": "before", "ansible.builtin.command": f"touch {directory}/done/before"}
    unknown = {"name": "typo", "ansible.builtin.comand": "true"}
    tasks: list[dict[str, t.Any]] = [
        {
            "background.jobs.run": {
                "jobs": [*before, {"name": "it", "deed": each, "after": [job["name"] for job in before]}]
            },
            "ignore_errors": True,
            "register": f"tried_{index}",
        }
        for index, each in enumerate(options)
        for before in [[first] if each["deed"] in REFUSED else []]
    ]
    tasks.append(
        {
            "background.jobs.run": {"jobs": [{"deed": {"deed": "send"}}, unknown]},
            "ignore_errors": True,
            "register": "typo",
        }
    )
    names = [*(task["register"] for task in tasks)]
    content = "{{ [" + ", ".join(names) + "] | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": f"{directory}/results.json"}})
    run = controller.run(controller.playbook("play.yml", *tasks))
    assert run.status == 0, run.output
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    names = [each["deed"] + (" swallowed" if "swallow" in each else "") for each in options]
    return Tried(directory, dict(zip([*names, "typo"], results)))


@pytest.mark.parametrize("deed", [*REFUSED, *(f"{deed} swallowed" for deed in SWALLOWED)])
def test_what_an_action_does_by_itself_is_refused_by_name(tried: Tried, deed: str) -> None:
    result = tried.results[deed]
    assert result["failed"] is True
    assert result["msg"].startswith("job 'it' (deed): its action ")
    assert REFUSED[deed.split()[0]] in result["msg"]
    assert result["msg"].endswith("use it as a task of its own; nothing was started on web1")


def test_nothing_of_what_was_refused_has_happened(tried: Tried) -> None:
    assert [path.name for path in (tried.directory / "done").iterdir()] == [".keep"]
    assert (tried.directory / "precious-tmp-").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("deed", LET_THROUGH)
def test_what_the_actions_of_core_do_is_let_through(tried: Tried, deed: str) -> None:
    result = tried.results[deed]
    assert result["failed"] is False, result["msg"]
    assert result["stdout"].strip() == LET_THROUGH[deed]


def test_an_action_that_crashes_is_named(tried: Tried) -> None:
    assert tried.results["crash"]["msg"].startswith("job 'it' (deed): its action failed: KeyError: 'crashed'")


def test_the_modules_of_all_jobs_are_looked_for_before_the_first_action_is_run(tried: Tried) -> None:
    assert "job 'typo': there is no module ansible.builtin.comand" in tried.results["typo"]["msg"]
