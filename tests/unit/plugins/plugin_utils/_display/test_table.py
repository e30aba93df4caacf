# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._display.table import cell, report, short, table

COLUMNS = ["host", "name", "group", "state", "age", "elapsed", "pid", "user"]


def job(name: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"name": name, "group": None, "state": "running", "age": 1.0, "elapsed": None, "pid": None, **fields}


def info(*jobs: dict[str, t.Any], **fields: t.Any) -> dict[str, t.Any]:
    """What job_info registers."""
    return {"jobs": list(jobs), "user": "root", "async_dir": "/a", "elsewhere": 0, **fields}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.999, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (187, "3m7s"),
        (3599, "59m59s"),
        (3600, "1h"),
        (3660, "1h1m"),
        (86400, "1d"),
        (86400 * 2 + 3600 * 4 + 59, "2d4h"),
        (86400 * 400, "400d"),
    ],
)
def test_a_duration_is_short(seconds: float, text: str) -> None:
    assert short(seconds) == text


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (None, "pid", "-"),
        (None, "age", "-"),
        ("", "group", "-"),
        (0, "pid", "0"),
        (61, "age", "1m1s"),
        (61, "pid", "61"),
    ],
)
def test_a_cell(value: t.Any, column: str, text: str) -> None:
    assert cell(value, column) == text


def test_columns_are_aligned_and_numbers_to_the_right() -> None:
    rows = [
        {"host": "web1", "name": "backup", "state": "running", "age": 7200, "pid": 12, "user": "root"},
        {"host": "web10", "name": "x", "state": "lost", "age": 5, "pid": None, "user": None},
    ]
    assert table(rows, ["host", "name", "state", "age", "pid", "user"]) == [
        "host   name    state    age  pid  user",
        "-----  ------  -------  ---  ---  ----",
        "web1   backup  running   2h   12  root",
        "web10  x       lost      5s    -  -",
    ]


def test_wide_and_combining_characters_keep_the_columns_straight() -> None:
    names = ["日本", "e\u0301té", "abcd"]
    lines = table([{"name": name, "state": "lost"} for name in names], ["name", "state"])[2:]
    assert lines == ["日本  lost", "e\u0301té   lost", "abcd  lost"]


def test_jobs_are_sorted_by_host_and_then_by_age() -> None:
    answers = {
        "web10": info(job("c")),
        "web2": info(job("b", age=9.0), job("a", age=2.0)),
        "db": info(job("d")),
    }
    lines = report(answers, ["host", "name"])
    assert [line.split() for line in lines[2:6]] == [["db", "d"], ["web2", "a"], ["web2", "b"], ["web10", "c"]]
    assert lines[6:] == ["", "4 jobs on 3 hosts: 4 running"]


def test_all_columns_that_were_asked_for_are_there() -> None:
    fields = {"group": "nightly", "age": 100, "elapsed": 61, "pid": 4711, "user": "root", "state": "timed_out"}
    assert report({"web1": info(job("backup", **fields))}, COLUMNS) == [
        "host  name    group    state        age  elapsed   pid  user",
        "----  ------  -------  ---------  -----  -------  ----  ----",
        "web1  backup  nightly  timed_out  1m40s     1m1s  4711  root",
        "",
        "1 job on 1 host: 1 timed out",
    ]


def test_no_host_is_lost() -> None:
    unreachable = {"unreachable": True, "msg": "Failed to connect:\n  Connection refused\r\n", "changed": False}
    failed = {"failed": True, "msg": "could not look for jobs on web3: there is no Python at /usr/bin/python3"}
    answers = {"web4": unreachable, "web1": info(job("a")), "web3": failed, "web2": {}, "web5": info()}
    assert report(answers, ["host", "name"])[4:] == [
        "1 job on 1 host: 1 running",
        "no jobs of root in /a: web5",
        "web2 could not be asked",
        "could not look for jobs on web3: there is no Python at /usr/bin/python3",
        "web4 could not be asked: Failed to connect: Connection refused",
    ]


def test_hosts_without_jobs_are_named_together_with_where_was_looked() -> None:
    answers = {"web2": info(), "web10": info(), "db": info(user="admin", async_dir="/home/admin/.ansible_async")}
    assert report(answers, COLUMNS) == [
        "no jobs",
        "no jobs of admin in /home/admin/.ansible_async: db",
        "no jobs of root in /a: web2, web10",
    ]


def test_jobs_of_hosts_that_share_the_directory_are_counted() -> None:
    assert report({"web1": info(elsewhere=1)}, COLUMNS)[-1] == (
        "web1: 1 job of other hosts that share /a; only they can tell more"
    )


def test_what_cancel_and_prune_say_follows_their_jobs() -> None:
    results = [{"name": "a", "state": "cancelled", "elapsed": 5.2}, {"name": "b", "state": "failed"}]
    cancelled = {"results": results, "msg": "1 job cancelled on web1, 1 had finished already"}
    nothing = {"results": [], "msg": "nothing to cancel"}
    assert report({"web1": cancelled, "web2": nothing}, ["host", "name", "state", "elapsed"]) == [
        "host  name  state      elapsed",
        "----  ----  ---------  -------",
        "web1  a     cancelled       5s",
        "web1  b     failed           -",
        "",
        "2 jobs on 1 host: 1 failed, 1 cancelled",
        "1 job cancelled on web1, 1 had finished already",
        "web2: nothing to cancel",
    ]


def test_a_long_message_is_cut() -> None:
    line = report({"web1": {"failed": True, "msg": "x" * 9999}}, COLUMNS)[-1]
    assert line == f"web1: {'x' * 500}..."


def test_jobs_have_short_ids_that_are_their_own_on_a_host() -> None:
    jobs = [job("a", ansible_job_id="j28105123456.0"), job("b", ansible_job_id="j28106123456.12", age=2.0)]
    lines = report({"web1": info(*jobs)}, ["host", "id", "name"])
    assert lines[2:4] == ["web1  j28105.0   a", "web1  j28106.12  b"]


def test_hosts_with_the_same_to_say_share_a_line() -> None:
    answers = {host: {"results": [], "msg": f"nothing to cancel on {host}: there is no job"} for host in ("b2", "b10")}
    assert report(answers, COLUMNS) == ["no jobs", "nothing to cancel on b2, b10: there is no job"]
