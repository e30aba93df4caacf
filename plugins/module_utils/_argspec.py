# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument specifications, each in this one place, of the actions.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.batch import IF_RUNNING, START
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES, UNFINISHED

Spec: t.TypeAlias = "dict[str, dict[str, t.Any]]"

_JOBS: Spec = {
    "jobs": {"type": "list", "elements": "raw"},
    "for_each": {"type": "list", "elements": "raw"},
    "job": {"type": "raw"},
    "loop_var": {"type": "str", "default": "item"},
    "index_var": {"type": "str"},
    "label": {"type": "raw"},
    "concurrency": {"type": "str", "default": "0"},
    "timeout": {"type": "str", "default": "3600"},
    "kill_after": {"type": "str", "default": "10"},
    "deadline": {"type": "str", "default": "0"},
    "halt": {"type": "str"},
    "fail_fast": {"type": "bool", "default": False},
    "group": {"type": "str"},
    "if_running": {"type": "str", "choices": list(IF_RUNNING), "default": START},
    "start_delay": {"type": "str", "default": "0"},
    "max_output": {"type": "str", "default": "0"},
    "leave_children": {"type": "bool", "default": False},
    "trace": {"type": "bool"},
}

_WAIT: Spec = {
    "progress_interval": {"type": "str", "default": "15"},
    "stream": {"type": "bool", "default": False},
    "quiet": {"type": "bool", "default": False},
    "set_facts": {"type": "bool", "default": False},
    "unreachable_grace": {"type": "str", "default": "60"},
}

JOBS_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jobs", "for_each"), ("jobs", "job")],
    "required_one_of": [("jobs", "for_each")],
    "required_together": [("for_each", "job")],
}
"""What holds between the options of launch and run beside their types."""


def launch_options() -> Spec:
    """:returns: the options of `background.jobs.launch`."""
    return dict(_JOBS)


def run_options() -> Spec:
    """:returns: the options of `background.jobs.run`: those of a launch and of a wait for it."""
    return {**_JOBS, **_WAIT}


def wait_options() -> Spec:
    """:returns: the options of `background.jobs.wait`."""
    return {
        "jobs": {"type": "raw"},
        "group": {"type": "str"},
        "name": {"type": "list", "elements": "str"},
        "wait_timeout": {"type": "str", "default": "0"},
        "cleanup": {"type": "bool", "default": True},
        **_WAIT,
    }


WAIT_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jobs", "group"), ("jobs", "name")],
    "required_one_of": [("jobs", "group", "name")],
}
"""What holds between the options of wait beside their types."""


def async_status_options() -> Spec:
    """:returns: the options of `background.jobs.async_status` that a user gives."""
    return {
        "jid": {"type": "str"},
        "jids": {"type": "list", "elements": "str"},
        "mode": {"type": "str", "choices": ["status", "cleanup"], "default": "status"},
        "offset": {"type": "int"},
    }


ASYNC_STATUS_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jid", "jids"), ("jids", "offset")],
    "required_one_of": [("jid", "jids")],
}


def cancel_options() -> Spec:
    """:returns: the options of `background.jobs.cancel` that a user gives."""
    return {
        "jobs": {"type": "raw"},
        "group": {"type": "str"},
        "name": {"type": "list", "elements": "str"},
        "all": {"type": "bool"},
        "mode": {"type": "str", "choices": ["kill", "drain"], "default": "kill"},
        "cleanup": {"type": "bool", "default": False},
    }


CANCEL_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jobs", "group"), ("jobs", "name"), ("jobs", "all"), ("all", "group"), ("all", "name")],
    "required_one_of": [("jobs", "group", "name", "all")],
}


def job_info_options() -> Spec:
    """:returns: the options of `background.jobs.job_info` that a user gives."""
    return {
        "group": {"type": "str"},
        "name": {"type": "list", "elements": "str"},
        "state": {"type": "list", "elements": "str", "choices": list(STATES)},
    }


ENDED = [state for state in STATES if state not in UNFINISHED]
"""The states of jobs whose files can be removed."""


def prune_options() -> Spec:
    """:returns: the options of `background.jobs.prune` that a user gives."""
    return {
        "older_than": {"type": "str", "default": "7d"},
        "group": {"type": "str"},
        "name": {"type": "list", "elements": "str"},
        "state": {"type": "list", "elements": "str", "choices": ENDED, "default": ENDED},
    }
