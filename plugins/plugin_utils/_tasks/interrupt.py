# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task that is interrupted says about the jobs that it leaves running on its host.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import signal
import typing as t

from ansible import constants as C
from ansible import context

from ansible_collections.background.jobs.plugins.module_utils._model.states import UNFINISHED
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY, entry, job_of, name_of, state_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible, visible_lines
from ansible_collections.background.jobs.plugins.plugin_utils._core.relay import last_words
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import counted
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import summary

WAIT = "background.jobs.wait"
CANCEL = "background.jobs.cancel"
STARTED, STAND = "started", "stand"
_NAMED = 5
"""Names that a sentence shows."""
_LISTED = 20
"""Ids that a command shows, where there is a group to name in their place."""
_DEFAULT_DIRECTORY = "~/.ansible_async"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TOP_LEVEL = ("ansible_job_id", "results_file", "started", KEY)


@dataclasses.dataclass
class Left:
    """The jobs that a task leaves on its host if it is interrupted now.

    `handles` are theirs, in the form of what `launch` returns, with the state that was last told. `doubt` is what
    the host has not told yet: `STARTED`, whether they were started, or `STAND`, how they stand. `result` is that of
    the task once it stands: then only the removal of files is left to do.
    """

    handles: list[dict[str, t.Any]]
    doubt: str | None = None
    group: str | None = None
    result: dict[str, t.Any] | None = None

    @classmethod
    def of(
        cls, handles: t.Iterable[t.Mapping[str, t.Any]], doubt: str | None = None, group: str | None = None
    ) -> Left | None:
        """:returns: those of `handles` that have been started, `None` if there are none."""
        started = [dict(handle) for handle in handles if handle.get("ansible_job_id") and not handle["finished"]]
        return cls(started, doubt, group) if started else None

    def note(self, states: t.Mapping[str, str]) -> None:
        """Take down how the jobs stand: states by jid."""
        self.doubt = None
        for handle in self.handles:
            _say(handle, state=states.get(handle["ansible_job_id"], state_of(handle)))

    def find(self, statuses: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Take down what the host says of jobs that are in doubt."""
        found = [status for status in statuses if status["record"] is not None]
        for handle, status in zip(self.handles, statuses):
            if status["record"] is not None:
                handle["results_file"] = status["results_file"]
                _say(handle, state=status["state"], user=status["record"]["user"])
        if len(found) == len(self.handles):
            self.doubt = None

    @property
    def unfinished(self) -> list[dict[str, t.Any]]:
        """The handles of those that have not ended, as far as is known."""
        return [handle for handle in self.handles if state_of(handle) in UNFINISHED]


def open_handle(
    jid: str,
    name: str,
    state: str,
    results_file: str | None = None,
    origin: t.Mapping[str, t.Any] | None = None,
    **said: t.Any,
) -> dict[str, t.Any]:
    """:arg results_file: absolute path of its status file, if it is known.
    :arg origin: the keys that tell which item it was made for.
    :arg said: what else there is to say of the job; what is `None` is left out.
    :returns: the handle of a job that is not known to be finished.
    """
    beside = {
        "ansible_job_id": jid,
        **({"results_file": results_file} if results_file is not None else {}),
        "started": True,
        "finished": False,
        "failed": False,
        "changed": False,
    }
    return entry(origin or {}, beside, {"name": name, "state": state, **said})


def _say(handle: dict[str, t.Any], **said: t.Any) -> None:
    handle[KEY] = {**job_of(handle), **said}


def interrupted_result(left: Left, cause: str, action: t.Any) -> dict[str, t.Any]:
    """:returns: the result of a task that has ended before its jobs have, whose handles are in `results`.

    :arg cause: why, as a clause.
    """
    result: dict[str, t.Any] = {"results": left.handles}
    if len(left.handles) == 1:
        result.update({key: left.handles[0][key] for key in _TOP_LEVEL if key in left.handles[0]})
    if any(job_of(each).get("no_log") for each in left.handles):
        result["_ansible_no_log"] = True
    standing = stands(left, action.host, hidden=action.hidden)
    return {
        **result,
        "summary": summary(map(state_of, left.handles)),
        "failed": True,
        "changed": False,
        "finished": False,
        "msg": f"{cause}. {standing}. To wait for them, give what this task registers to {WAIT}, or type: "
        f"{command(WAIT, left, Way.of(action))} . To end them, do the same with {CANCEL}",
    }


def notice(left: Left, action: t.Any) -> str:
    """:returns: the lines for somebody who has interrupted the run."""
    way = Way.of(action)
    standing = stands(left, action.host, hidden=action.hidden)
    lines = (
        f"{standing}\n  to wait for them: {command(WAIT, left, way)}\n  to end them:      {command(CANCEL, left, way)}"
    )
    return f"\n{visible_lines(compat.mask_secrets(lines))}\n"


def stands(left: Left, host: str, hidden: bool = False) -> str:
    """:returns: a sentence about the jobs that are left, without its full stop.

    :arg hidden: their names are not to be shown.
    """
    names = _names(left.handles, hidden)
    if left.doubt == STAND:
        verb = "stands" if len(left.handles) == 1 else "stand"
        return (
            f"It is not known how {_jobs(len(left.handles))} {verb} on {host}{names}: the host was not able to say so "
            "in time"
        )
    if left.doubt == STARTED:
        return (
            f"It is not known whether {_jobs(len(left.handles))} of this task started on {host}"
            f"{names}: the host was not able to say so in time; background.jobs.job_info "
            f"shows them, if they did, with ids that begin with {_batch(left.handles)}"
        )
    running = left.unfinished
    ended = len(left.handles) - len(running)
    verb = "still runs" if len(running) == 1 else "still run"
    clauses = []
    if running:
        clauses.append(f"{_jobs(len(running))} {verb} on {host}{_names(running, hidden)}")
    if ended:
        where = "" if running else f" on {host}"
        whose = "its result waits" if ended == 1 else "their results wait"
        clauses.append(f"{_jobs(ended)} ended{where}, {whose} to be collected")
    return ", ".join(clauses)


def _jobs(count: int) -> str:
    return counted(count, "job")


def _names(handles: t.Sequence[t.Mapping[str, t.Any]], hidden: bool) -> str:
    if hidden:
        return ""
    names = [visible(name_of(handle)) for handle in handles]
    return f" ({', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''})"


def _batch(handles: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    return str(handles[0]["ansible_job_id"]).rpartition(".")[0]


@dataclasses.dataclass(frozen=True)
class Way:
    """How a command line reaches the host of a task as the task does: `host`, and the `options` of `ansible`."""

    host: str
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, action: t.Any) -> Way:
        """:returns: that of an action: the inventory and the keys of this run, the user of the task, its `become`.

        What else a play sets in its `vars` is not in it.
        """
        given: t.Mapping[str, t.Any] = context.CLIARGS
        options: list[str] = []
        hosts = given.get("inventory")
        if hosts and list(hosts) != list(C.DEFAULT_HOST_LIST):  # type: ignore[attr-defined]
            options += [word for source in hosts for word in ("-i", str(source))]
        task = action._task
        if task.delegate_to and task.delegate_to not in action.inventory_hosts:
            options += ["-i", f"{task.delegate_to},"]
        transport = str(action._connection.transport)
        if transport not in ("ssh", "smart"):
            options += ["-c", str(getattr(action._connection, "_load_name", transport))]
        for key, option in (("remote_user", "-u"), ("private_key_file", "--private-key")):
            value = given.get(key) or (task.remote_user if key == "remote_user" else None)
            if value:
                options += [option, str(value)]
        if task.become:
            options.append("-b")
            options += ["--become-method", str(task.become_method)] if task.become_method not in (None, "sudo") else []
            options += ["--become-user", str(task.become_user)] if task.become_user not in (None, "root") else []
        options += [flag for key, flag in (("ask_pass", "-k"), ("become_ask_pass", "-K")) if given.get(key)]
        if action._async_dir != _DEFAULT_DIRECTORY:
            options += ["-e", f"ansible_async_dir={action._async_dir}"]
        return cls(action.host, tuple(options))


def command(module: str, left: Left, way: Way) -> str:
    """:returns: what to type to have a module work on these jobs."""
    if left.group is not None and len(left.handles) > _LISTED:
        arguments: dict[str, t.Any] = {"group": left.group}
    else:
        arguments = {"jobs": [each["ansible_job_id"] for each in left.handles]}
    text = json.dumps(arguments)  # in ASCII: nothing in it moves the cursor
    return shlex.join(["ansible", way.host, *way.options, "-m", module, "-a", text])


@contextlib.contextmanager
def noticing(notice: t.Callable[[], str | None]) -> t.Iterator[None]:
    """Let this process say something before a signal ends it, as it does when somebody presses Ctrl-C.

    :arg notice: what to say; `None` for nothing.
    """
    before: dict[int, t.Any] = {}
    heard_before: list[int] = []
    meanwhile: set[int] = set()

    def heard(number: int, frame: t.Any) -> None:
        if heard_before:  # the process over this one is in a hurry
            meanwhile.update({number} - {heard_before[0]})
            return
        heard_before.append(number)
        with contextlib.suppress(Exception):  # it is ended in any case
            text = notice()
            if text is not None:
                last_words(text)
        signal.raise_signal(number)  # so that another is seen that came together with this one
        _restore(before)
        for each in meanwhile:
            os.kill(os.getpid(), each)
        if callable(before[number]):
            before[number](number, frame)
        else:
            os.kill(os.getpid(), number)

    try:
        for each in _SIGNALS:
            handler = signal.getsignal(each)
            if handler not in (signal.SIG_IGN, None):
                before[each] = handler
                signal.signal(each, heard)
    except ValueError:  # not the main thread of its process, as with strategies of others
        before.clear()
    try:
        yield
    finally:
        _restore(before)


def _restore(handlers: t.Mapping[int, t.Any]) -> None:
    """Put handlers of signals back. None comes meanwhile: Python would complain on the terminal that it is lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
