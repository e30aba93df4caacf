# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The same jobs, each alone in a Python of its own and twice as a fork, and what is different in their results."""

from __future__ import annotations

import re

COPIES = ("alone", "first", "second")
IGNORED = ("atime", "date", "delta", "elapsed", "end", "ended_at", "queued_at", "random", "start", "started_at")
"""Keys of a result that differ from one run to the next."""
MODULES = {"ansible.builtin.shell": "ansible.builtin.command"}
"""Actions that run the module of another."""
RANDOM = (
    (r"\bj\d+\.\d+\b", "<jid>"),
    (r"\bserver-\d+\b", "<server>"),
    (r"\b(pipe|socket):\[\d+\]", r"\1"),
    (r"\b(ansible_[\w.]+_payload)_\w{8}/", r"\1/"),
    (r"\bansible-moduletmp-[\d.]+-\w{8}\b", "<directory>"),
    (r"\btmp\w{8}\b", "<file>"),
    (r'(?m)(^  File ".*\n)(    .*\n)+', r"\1"),  # the lines of code in a traceback: a fork has them for longer
    (r'(?m)^  File "<string>", line \d+, in \S+\n', ""),  # our own functions in it
)
"""What is in texts and differs, and how it is written in place of that."""


def both_ways(cases):
    """Make the jobs of all copies, with `COPY` in all texts replaced by the copy's name.

    Jobs share a fork server if they have the same module and the same environment. So those that are to be alone have
    environments that differ.
    """
    jobs = []
    for copy in COPIES:
        for number, case in enumerate(cases, 1):
            job = _replace(case, lambda text, copy=copy: text.replace("COPY", copy))
            server = f"server-{number if copy == 'alone' else 0}"
            jobs.append(
                {
                    **job,
                    "name": f"{copy}: {case['name']}",
                    "environment": {**case.get("environment", {}), "APART": server},
                }
            )
    return jobs


def pythons(cases):
    """:returns: how many Pythons are started for all copies: one for each job that is alone, and the servers."""
    return len(cases) + len({(_module(case), str(case.get("environment"))) for case in cases})


def differences(results, cases):
    """:returns: sentences about what is different in a fork, and about jobs whose names do not say how they end."""
    found = []
    by_name = {result["job"]["name"]: result for result in results}
    for case in cases:
        title = f"{_module(case)}, {case['name']}"
        alone, *forked = (_comparable(by_name[f"{copy}: {case['name']}"], copy) for copy in COPIES)
        if alone["failed"] != case["name"].endswith(" fails"):
            found.append(f"{title}: it is {alone['job']['state']}: {alone.get('msg')}")
        for copy, fork in zip(COPIES[1:], forked):
            found += [
                f"{title}: {where} is {here!r} in the {copy} fork, {there!r} alone"
                for where, here, there in _compare("", fork, alone)
            ]
    return found


def _module(case):
    (module,) = set(case) - {"name", "args", "environment", "after"}
    return MODULES.get(module, module)


def _replace(value, change):
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_replace(key, change): _replace(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_replace(one, change) for one in value]
    return value


def _comparable(value, copy):
    def change(text):
        for pattern, instead in RANDOM:
            text = re.sub(pattern, instead, text)
        return text.replace(f"/{copy}", "/COPY").replace(f"{copy}: ", "COPY: ")

    return _replace(value, change)


def _compare(where, one, other):
    """:returns: the key of each difference, and what is there in the one and in the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other} - set(IGNORED)):
            yield from _compare(f"{where}.{key}", one.get(key, "<nothing>"), other.get(key, "<nothing>"))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other)):
            yield from _compare(f"{where}[{number}]", *pair)
    elif isinstance(one, str) and isinstance(other, str) and "\n" in one and one.count("\n") == other.count("\n"):
        yield from _compare(where, one.split("\n"), other.split("\n"))
    elif type(one) is not type(other) or one != other:
        yield where, one, other


class FilterModule:
    def filters(self):
        return {"both_ways": both_ways, "differences": differences, "pythons": pythons}
