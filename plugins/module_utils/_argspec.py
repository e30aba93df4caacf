# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument specifications, each in this one place, shared by the action and the module of the same name.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

Spec = t.Dict[str, t.Dict[str, t.Any]]

_JOBS: Spec = {
    "jobs": {"type": "list", "elements": "dict"},
    "for_each": {"type": "list", "elements": "raw"},
    "job": {"type": "raw"},
    "loop_var": {"type": "str", "default": "item"},
    "index_var": {"type": "str"},
    "concurrency": {"type": "str", "default": "0"},
    "timeout": {"type": "str", "default": "3600"},
    "kill_after": {"type": "str", "default": "10"},
    "deadline": {"type": "str", "default": "0"},
    "halt": {"type": "str", "default": "never"},
    "group": {"type": "str"},
    "start_delay": {"type": "str", "default": "0"},
    "max_output": {"type": "str", "default": "0"},
    "leave_children": {"type": "bool", "default": False},
}

JOBS_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jobs", "for_each"), ("jobs", "job")],
    "required_one_of": [("jobs", "for_each")],
    "required_together": [("for_each", "job")],
}
"""What holds between the options of launch and run beside their types."""


def launch() -> Spec:
    """:returns: the options of C(background.jobs.launch)."""
    return dict(_JOBS)


def run() -> Spec:
    """:returns: the options of C(background.jobs.run): those of a launch and of a wait for it."""
    return {**_JOBS, "poll": wait()["poll"]}


def wait() -> Spec:
    """:returns: the options of C(background.jobs.wait)."""
    return {
        "jobs": {"type": "raw", "required": True},
        "timeout": {"type": "str", "default": "0"},
        "poll": {"type": "str", "default": "15"},
        "cleanup": {"type": "bool", "default": True},
    }


def async_status() -> Spec:
    """:returns: the options of C(background.jobs.async_status) that a user gives."""
    return {
        "jid": {"type": "str"},
        "jids": {"type": "list", "elements": "str"},
        "mode": {"type": "str", "choices": ["status", "cleanup"], "default": "status"},
    }


ASYNC_STATUS_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jid", "jids")],
    "required_one_of": [("jid", "jids")],
}


def async_status_module() -> Spec:
    """:returns: what the actions C(async_status) and C(wait) send to the module C(async_status)."""
    return {
        **async_status(),
        "_question": {"type": "dict", "default": {}},
    }


def cancel() -> Spec:
    """:returns: the options of C(background.jobs.cancel) that a user gives."""
    return {
        "jobs": {"type": "raw"},
        "group": {"type": "str"},
        "name": {"type": "list", "elements": "str"},
        "all": {"type": "bool"},
        "mode": {"type": "str", "choices": ["kill", "drain"], "default": "kill"},
    }


CANCEL_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("jobs", "group"), ("jobs", "name"), ("jobs", "all"), ("all", "group"), ("all", "name")],
    "required_one_of": [("jobs", "group", "name", "all")],
}


def cancel_module() -> Spec:
    """:returns: what the action C(cancel) sends to the module C(cancel), with the jids as O(jobs)."""
    return {
        **cancel(),
        "_question": {"type": "dict", "default": {}},
    }


def async_wrapper() -> Spec:
    """:returns: what the action C(launch) sends to the module C(async_wrapper)."""
    return {
        "async_dir": {"type": "str", "required": True},
        "batch": {"type": "str", "required": True},
    }
