# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that this collection prints: the one place that hands anything to the display of ansible-core.

What is printed is made visible, and nothing of it is on standard output where that is for a program.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible import constants as _constants
from ansible.errors import AnsibleError

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible

constants: t.Any = _constants

_FOR_PEOPLE = frozenset(
    (
        "actionable",
        "awx_display",  # AWX and ansible-runner: made for lines between its events
        "beautiful_output",
        "counter_enabled",
        "debug",
        "default",
        "default_without_diff",
        "dense",
        "diy",
        "full_skip",
        "human_log",
        "minimal",
        "oneline",
        "print_task",
        "selective",
        "skippy",
        "stderr",
        "tasks_only",
        "timestamp",
        "unixy",
        "yaml",
    )
)
"""Callbacks for standard output that people read, without their collections. Of no other that is known."""


def is_for_people() -> bool:
    """:returns: whether people read the standard output of this run; a program does where it is JSON, for example."""
    return str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] in _FOR_PEOPLE


def say(display: t.Any, text: str, color: str | None = None) -> None:
    """Print a line; on standard error where standard output is for a program."""
    options: dict[str, t.Any] = {} if color is None else {"color": color}
    if not is_for_people():
        options["stderr"] = True
    display.display(_fit(text), **options)


def is_wanted(outcome: str) -> bool:
    """:returns: whether somebody wants to see lines on what is `ok`, or `skipped`, as options of ansible-core say."""
    option = {"ok": "display_ok_hosts", "skipped": "display_skipped_hosts"}.get(outcome)
    if option is None:
        return True
    try:
        return bool(constants.config.get_config_value(option, plugin_type="callback", plugin_name="default"))
    except AnsibleError:  # the callback with these options is not there
        return True


def mention(display: t.Any, text: str, color: str | None = None) -> None:
    """Print a line that nobody has asked for: where standard output is for a program, only into the log file."""
    if is_for_people():
        say(display, text, color)
    else:
        note(display, text)


def note(display: t.Any, text: str) -> None:
    """Write a line into the log file of ansible-core, if there is one."""
    display.display(_fit(text), log_only=True)


def warn(display: t.Any, text: str) -> None:
    """Print a warning."""
    display.warning(_fit(text))


def detail(display: t.Any, text: str, host: str | None = None) -> None:
    """Print what is of interest to those who look for the cause of something, with `-vvv`."""
    display.vvv(_fit(text), host=host)


def _fit(text: str) -> str:
    return visible(compat.mask_secrets(text))
