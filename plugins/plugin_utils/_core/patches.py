# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What callbacks of ours replace in ansible-core, which has no other way for it, in this one place.

PRIVATE to the collection background.jobs. Do not use this from other collections.

No ansible-core up to 2.22 has one. Each function says what would end it. What is replaced since older versions lack
something is in `_core.compat`. No worker needs this unit.
"""

from __future__ import annotations

import functools
import typing as t

from ansible.executor.task_queue_manager import AnsibleEndPlay, TaskQueueManager
from ansible.plugins.strategy import Debugger
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat


def watch_plays() -> None:
    """Let callbacks with a method `play_ended` see the end of each play of their run, and change its result.

    The result of the last play is the exit status. ansible-core has no other way for a callback to make a run fail:
    what it raises becomes a warning, and what it notes in the stats is shown but not counted. `sys.exit` in a callback
    would end the run before other callbacks have been told of its end, and hide the status that it would have had.
    This goes with the first ansible-core in which a callback can set the exit status.
    """
    manager: t.Any = TaskQueueManager
    original = manager.run
    if hasattr(original, "tells_callbacks"):
        return

    @functools.wraps(original)
    def run(self: TaskQueueManager, *args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            result = original(self, *args, **kwargs)
        except AnsibleEndPlay as exc:
            exc.result = _tell(self, exc.result)
            raise
        return _tell(self, result)

    run.tells_callbacks = True  # type: ignore[attr-defined]
    manager.run = run


def _tell(manager: TaskQueueManager, result: t.Any) -> t.Any:
    for callback in manager._callback_plugins:
        if hasattr(callback, "play_ended"):
            result = callback.play_ended(manager, result)
    return result


def wrap_dialogues(wrap: t.Callable[[t.Callable[..., t.Any]], t.Callable[..., t.Any]]) -> None:
    """Replace what talks to the user on the terminal: the prompts of `pause` and of connections, and the debugger.

    This goes with the first ansible-core that tells callbacks of prompts.

    :arg wrap: makes of each function the one that takes its place.
    """
    for owner, name in ((Display, "prompt_until"), (Debugger, "cmdloop")):
        setattr(owner, name, wrap(getattr(owner, name)))


def add_to_display(name: str, function: t.Callable[..., None]) -> None:
    """Let workers call a function in the process that has forked them, as a method of their `Display`.

    It takes ansible-core's own way for what workers display, so it is told in order with that. This goes with the first
    ansible-core that lets workers send something to callbacks before their task has ended.

    :arg name: the method; it is there from now on.
    :arg function: what is called, with the arguments of the method.
    """

    def told(display: Display, *arguments: t.Any) -> None:
        function(*arguments)

    told.__name__ = name
    setattr(Display, name, compat.told_by_parent(told))


def write_through(stream: t.TextIO, write: t.Callable[[t.Any], int]) -> None:
    """Let all that is printed on a stream go through a function: in the place where ansible-core puts its own lock
    around what is written (`Display.__init__`), so that it sees what plugins print without `Display`, too.

    This goes with the first ansible-core that has a place for lines that stay at the bottom of a terminal.

    :arg write: what takes the place of `stream.buffer.write`.
    """
    stream.buffer.write = write  # type: ignore[method-assign]
