# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of many hosts as one table, for people.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata

from ansible_collections.background.jobs.plugins.module_utils._model.ids import shorten
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import told
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import counted
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import summary

_DURATIONS = ("age", "elapsed")
_RIGHT = (*_DURATIONS, "pid", "rc")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_MESSAGE = 500
"""Characters of a message that are shown."""

Answer = t.Mapping[str, t.Any]


def report(answers: t.Mapping[str, Answer], columns: t.Sequence[str]) -> list[str]:
    """Put together what hosts have answered.

    :arg answers: by host, what `job_info`, `cancel` or `prune` has registered there, or nothing.
    :arg columns: the keys of a job to show; `host` is the host that has answered, `id` is a short id.
    :returns: lines: a table, sorted by host and then age, a line with the total, and one for each message of a host.
    """
    rows = [row for host in sorted(answers, key=_natural) for row in _rows(host, _jobs(answers[host]))]
    lines = [*table(rows, columns), ""] if rows else []
    return [*lines, _total(rows), *_empty(answers), *_messages(answers)]


def _rows(host: str, jobs: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """:returns: the jobs of a host by age, each with a short id that no other job there has."""
    short = shorten([str(job["ansible_job_id"]) for job in jobs if job.get("ansible_job_id")])
    by_age = sorted(jobs, key=lambda job: float(job.get("age") or 0))
    return [{**job, "host": host, "id": short.get(str(job.get("ansible_job_id")))} for job in by_age]


def table(rows: t.Sequence[t.Mapping[str, t.Any]], columns: t.Sequence[str]) -> list[str]:
    """:returns: a line with the names of the columns, a rule, and a line for each row."""
    cells = [[cell(row.get(column), column) for column in columns] for row in rows]
    widths = [max(map(_width, column)) for column in zip(columns, *cells)]
    lines = [list(columns), ["-" * width for width in widths], *cells]
    return ["  ".join(map(_pad, line, widths, columns)).rstrip() for line in lines]


def cell(value: t.Any, column: str) -> str:
    """:returns: what a table shows of one value."""
    if value is None or value == "":
        return "-"
    return short(float(value)) if column in _DURATIONS else visible(str(value))


def short(seconds: float) -> str:
    """:returns: a duration in its two largest units, such as `45s`, `3m7s` or `2d4h`."""
    rest = int(seconds)
    parts: list[tuple[int, str]] = []
    for unit, size in _UNITS:
        amount, rest = divmod(rest, size)
        if amount or parts:
            parts.append((amount, unit))
    return "".join(f"{amount}{unit}" for amount, unit in parts[:2] if amount) or "0s"


def _jobs(answer: Answer) -> t.Sequence[t.Mapping[str, t.Any]]:
    return [told(each) for each in answer.get("jobs") or answer.get("results") or []]


def _total(rows: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    if not rows:
        return "no jobs"
    hosts = len({row["host"] for row in rows})
    counts = summary(str(row["state"]) for row in rows)
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
    return f"{counted(len(rows), 'job')} on {counted(hosts, 'host')}: {states}"


def _empty(answers: t.Mapping[str, Answer]) -> list[str]:
    """:returns: where `job_info` has found nothing, and looked for what: the wrong user is soon asked as."""
    places: dict[str, list[str]] = {}
    for host in sorted(answers, key=_natural):
        answer = answers[host]
        if "async_dir" in answer and not answer.get("jobs"):
            places.setdefault(f"of {answer.get('user')} in {answer['async_dir']}", []).append(host)
    return [f"no jobs {place}: {', '.join(hosts)}" for place, hosts in places.items()]


def _messages(answers: t.Mapping[str, Answer]) -> list[str]:
    """:returns: what hosts have to say, each sentence once for all hosts that say it of themselves."""
    found: dict[str, list[str]] = {}
    for host in sorted(answers, key=_natural):
        answer = answers[host]
        message = one_line(str(answer.get("msg") or ""))
        message = message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}..."
        if not answer or answer.get("unreachable"):
            found[f"{host} could not be asked" + (f": {message}" if message else "")] = []
        elif message:
            words, dummy, rest = message.partition(host)
            found.setdefault(f"{words}\0{rest}" if dummy else f"\0: {message}", []).append(host)
        if answer.get("elsewhere"):
            more = counted(answer["elsewhere"], "job")
            found[f"{host}: {more} of other hosts that share {answer['async_dir']}; only they can tell more"] = []
    return [sentence.replace("\0", ", ".join(hosts)) for sentence, hosts in found.items()]


def _natural(host: str) -> list[tuple[int, str]]:
    """:returns: a key by which `web2` comes before `web10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", host)]


def _width(text: str) -> int:
    """:returns: how many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _pad(text: str, width: int, column: str) -> str:
    space = " " * (width - _width(text))
    return space + text if column in _RIGHT else text + space
