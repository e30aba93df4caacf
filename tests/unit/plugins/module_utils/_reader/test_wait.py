# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._reader import wait as _waiting
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._reader.tail import Tails
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import awaited, jobs_of_group, wait_for_jobs
from ansible_collections.background.jobs.plugins.module_utils._store.directory import prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import record

DONE = {"rc": 0}


def running(jid: str) -> dict[str, t.Any]:
    """What ansible-core writes first for a job of builtin async, which needs no supervisor to count as running."""
    return {"started": 1, "finished": 0, "ansible_job_id": jid}


class Clock:
    """A clock that only moves while somebody sleeps, and on which things can be planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._plan: list[tuple[float, t.Callable[[], t.Any]]] = []

    def at(self, moment: float, action: t.Callable[[], t.Any]) -> None:
        self._plan.append((moment, action))

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        for entry in [entry for entry in self._plan if entry[0] <= self.now]:
            self._plan.remove(entry)
            entry[1]()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def somebody_works_on_builtin_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin.Wrappers, "has", lambda wrappers, jid: True)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the jobs whose files were read, as often as they were."""
    seen: list[str] = []

    def counted(store: Store, jid: str, wrappers: builtin.Wrappers | None = None) -> Status:
        seen.append(jid)
        return read_status(store, jid, wrappers)

    monkeypatch.setattr(_waiting, "read_status", counted)
    return seen


def test_a_job_that_goes_wrong_is_reported_soon(store: Store, clock: Clock) -> None:
    for jid in ("j7.0", "j7.1"):
        store.write(jid, running(jid))
    clock.at(3, lambda: store.write("j7.0", {"rc": 1, "failed": True}))
    assert states(store, clock, ["j7.0", "j7.1"]) == ["failed", "running"]
    assert 3 <= clock.now < 4
    assert states(store, clock, ["j7.0", "j7.1"], known={"j7.0": "failed", "j7.1": "running"}) == ["failed", "running"]
    assert clock.now > 100


def test_another_line_of_output_is_reported_soon(store: Store, clock: Clock) -> None:
    store.write("j7.0", running("j7.0"))
    handle = store.open_log("j7.0")
    clock.at(3, lambda: os.write(handle, b"one\n"))
    assert states(store, clock, ["j7.0"], known={"j7.0": "running"}, tails=Tails([(store, "j7.0")], {})) == ["running"]
    assert 3 <= clock.now < 4
    assert states(store, clock, ["j7.0"], known={"j7.0": "running"}, tails=Tails([(store, "j7.0")], {"j7.0": 4})) == [
        "running"
    ]
    assert clock.now > 100
    os.close(handle)


def test_a_group_is_found_whole_and_in_the_order_of_its_launch(store: Store) -> None:
    for jid, group, queued, state in (
        ("j2.10", "night", 5.0, "queued"),
        ("j2.9", "night", 5.0, "succeeded"),
        ("j9.0", "night", 1.0, "failed"),
        ("j3.0", "day", 2.0, "running"),
    ):
        job = record(jid, batch=jid.rpartition(".")[0], name=f"job {jid}", group=group, queued_at=queued, state=state)
        store.write(jid, encode_record(job))
    store.write("j5.0", DONE)
    assert [jid for dummy, jid in jobs_of_group(store, "night", None)] == ["j9.0", "j2.9", "j2.10"]
    assert [jid for dummy, jid in jobs_of_group(store, None, ["job j3.0", "job j9.0"])] == ["j9.0", "j3.0"]
    assert jobs_of_group(store, "night", ["job j3.0"]) == []


@pytest.mark.parametrize(
    ("message", "again", "group", "left"),
    [
        ("it was cancelled; ended after 1.0 s", ("job", 30.0), "night", ["j2.0"]),
        ("it was cancelled", ("job", 15.0), "night", ["j1.0", "j2.0"]),  # the other one of two that ran side by side
        ("it was cancelled", ("other", 30.0), "night", ["j1.0", "j2.0"]),
        ("it was cancelled", ("job", 30.0), None, ["j1.0", "j2.0"]),
        ("the supervisor was told to end (SIGTERM)", ("job", 30.0), "night", ["j1.0", "j2.0"]),
    ],
)
def test_a_wait_for_a_group_is_not_for_what_was_cancelled_and_launched_again(
    store: Store, message: str, again: tuple[str, float], group: str | None, left: list[str]
) -> None:
    ended = record("j1.0", batch="j1", name="job", group="night", queued_at=10.0, ended_at=20.0, state="cancelled")
    ended.reason, ended.message = "cancelled", message
    store.write("j1.0", encode_record(ended))
    name, queued = again
    store.write(
        "j2.0", encode_record(record("j2.0", batch="j2", name=name, group="night", queued_at=queued, state="running"))
    )
    assert [jid for dummy, jid in awaited(store, group, None if group else ["job", "other"])] == left


def states(store: Store, clock: Clock, jids: t.Sequence[str], **options: t.Any) -> list[str]:
    options = {"patience": 100.0, "report": 100.0, "known": {}, **options}
    return [
        s.state for s in wait_for_jobs([(store, jid) for jid in jids], clock=clock.time, sleep=clock.sleep, **options)
    ]


def test_finished_jobs_are_answered_at_once(store: Store, clock: Clock) -> None:
    store.write("j7.0", DONE)
    assert states(store, clock, ["j7.0", "missing"]) == ["succeeded", "not_found"]
    assert clock.now == 0


def test_no_jobs_are_answered_at_once(store: Store, clock: Clock) -> None:
    assert states(store, clock, []) == []
    assert clock.now == 0


def test_no_patience_means_to_ask_without_waiting(store: Store, clock: Clock) -> None:
    store.write("j7.0", running("j7.0"))
    assert states(store, clock, ["j7.0"], patience=0) == ["running"]
    assert clock.now == 0


def test_the_end_of_the_last_job_is_noticed_within_a_tenth_of_a_second(store: Store, clock: Clock) -> None:
    for jid in ("j7.0", "j7.1"):
        store.write(jid, running(jid))
    clock.at(20, lambda: store.write("j7.0", DONE))
    clock.at(30, lambda: store.write("j7.1", DONE))
    assert states(store, clock, ["j7.0", "j7.1"]) == ["succeeded", "succeeded"]
    assert 30 <= clock.now < 30.1


def test_patience_ends_a_wait_in_which_nothing_happened(store: Store, clock: Clock) -> None:
    store.write("j7.0", running("j7.0"))
    assert states(store, clock, ["j7.0"], patience=50, report=5, known={"j7.0": "running"}) == ["running"]
    assert 50 <= clock.now < 50.1


@pytest.mark.parametrize(
    ("changed_at", "known", "answered_at"),
    [(3, {"j7.0": "running", "j7.1": "running"}, 15), (40, {"j7.0": "running", "j7.1": "running"}, 40), (40, {}, 15)],
    ids=["a change before the report", "a change after it", "news to the asker"],
)
def test_a_change_is_reported_but_not_too_often(
    store: Store, clock: Clock, changed_at: float, known: dict[str, str], answered_at: float
) -> None:
    for jid in ("j7.0", "j7.1"):
        store.write(jid, running(jid))
    clock.at(changed_at, lambda: store.write("j7.0", DONE))
    states(store, clock, ["j7.0", "j7.1"], report=15, known=known)
    assert answered_at <= clock.now < answered_at + 0.1


def test_nothing_is_read_while_the_directory_stands_still(
    store: Store, clock: Clock, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jids = [f"j8.{number}" for number in range(50)]
    for jid in jids:
        store.write(jid, running(jid))
    glances: list[str] = []
    lstat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **options: (glances.append(str(path)), lstat(path, **options))[1])
    states(store, clock, jids, patience=60)
    assert looks == jids
    assert len([path for path in glances if path.startswith(f"{store.directory}/j8.")]) <= 2 * len(jids)


def test_only_what_changed_is_read_again(store: Store, clock: Clock, looks: list[str]) -> None:
    for jid in ("j7.0", "j7.1", "j7.2"):
        store.write(jid, running(jid))
    clock.at(10, lambda: store.write("j7.1", DONE))
    clock.at(20, lambda: store.write("j9.9", DONE))
    states(store, clock, ["j7.0", "j7.1", "j7.2"], patience=60)
    assert looks == ["j7.0", "j7.1", "j7.2", "j7.1"]


def test_two_changes_within_one_tick_are_both_seen(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory's time stamp is frozen after the first change."""
    for jid in ("j7.0", "j7.1"):
        store.write(jid, running(jid))
    stamps = {"now": 1}
    monkeypatch.setattr(_waiting, "_stamp", lambda directory: stamps["now"])

    def first() -> None:
        store.write("j7.0", DONE)
        stamps["now"] = 2

    clock.at(10, first)
    clock.at(10.05, lambda: store.write("j7.1", DONE))
    assert states(store, clock, ["j7.0", "j7.1"], patience=60) == ["succeeded", "succeeded"]
    assert clock.now < 11


def test_a_supervisor_that_goes_without_a_trace_is_missed_within_seconds(store: Store, clock: Clock) -> None:
    lock = store.make_lock("j1")
    for jid in ("j1.0", "j1.1"):
        store.write(jid, encode_record(record(jid, state="running", node=os.uname().nodename)))
    clock.at(10, lambda: os.close(lock))
    assert states(store, clock, ["j1.0", "j1.1"]) == ["lost", "lost"]
    assert 10 <= clock.now < 11.5


def test_a_living_supervisor_costs_no_reading(store: Store, clock: Clock, looks: list[str]) -> None:
    lock = store.make_lock("j1")
    try:
        store.write("j1.0", encode_record(record("j1.0", state="running")))
        states(store, clock, ["j1.0"], patience=60)
    finally:
        os.close(lock)
    assert looks == ["j1.0"]


def test_jobs_of_several_directories_are_waited_for_together(store: Store, clock: Clock, tmp_path: t.Any) -> None:
    other = Store(prepare_directory(str(tmp_path / "other")))
    store.write("j7.0", running("j7.0"))
    other.write("j7.1", running("j7.1"))
    clock.at(5, lambda: store.write("j7.0", DONE))
    clock.at(9, lambda: other.write("j7.1", DONE))
    found = wait_for_jobs([(other, "j7.1"), (store, "j7.0")], 100, 100, {}, clock=clock.time, sleep=clock.sleep)
    assert [(status.jid, status.state) for status in found] == [("j7.1", "succeeded"), ("j7.0", "succeeded")]
    assert clock.now < 9.1


def test_a_file_that_is_removed_meanwhile_is_noticed(store: Store, clock: Clock) -> None:
    store.write("j7.0", running("j7.0"))
    clock.at(5, lambda: store.remove("j7.0"))
    assert states(store, clock, ["j7.0"]) == ["not_found"]
    assert clock.now < 5.2


def test_a_job_that_ends_between_the_look_and_the_next_is_not_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("j1.0", running("j1.0"))
    clock = Clock()

    def look_and_end(where: Store, jid: str, wrappers: builtin.Wrappers) -> Status:
        status = read_status(where, jid)
        if status.state == "running":
            where.write(jid, DONE)
        return status

    monkeypatch.setattr(_waiting, "read_status", look_and_end)
    statuses = wait_for_jobs([(store, "j1.0")], 60, 60, {}, clock=clock.time, sleep=clock.sleep)
    assert [status.state for status in statuses] == ["succeeded"]
    assert clock.now < 1


# -- with news of the supervisor


class FakeNews:
    """News on a clock, that come at planned moments; each is whether it is the last."""

    def __init__(self, clock: Clock, *moments: float, last: float = 1000.0) -> None:
        self._clock = clock
        self._moments = sorted((*moments, last))
        self._last = last
        self.is_over = False

    def wait(self, seconds: float) -> bool:
        until = self._clock.now + seconds
        if self._moments and self._moments[0] <= until:
            moment = self._moments.pop(0)
            self.is_over = moment == self._last
            self._clock.sleep(max(moment - self._clock.now, 1e-9))
            return True
        self._clock.sleep(seconds)
        return False


def started(store: Store, *jids: str) -> list[t.Any]:
    """Records of jobs that a supervisor works on, as far as can be seen."""
    records = [record(jid, node=os.uname().nodename, boot_id=procfs.boot_id()) for jid in jids]
    for each in records:
        store.write(each.jid, encode_record(each))
    return records


def change(store: Store, jid: str, state: str) -> None:
    store.write(jid, encode_record(record(jid, state=state), DONE))


def test_with_news_no_file_is_read_before_all_have_ended(store: Store, clock: Clock, looks: list[str]) -> None:
    lock = store.make_lock("j1")
    records = started(store, "j1.0", "j1.1")
    clock.at(2, lambda: change(store, "j1.0", "succeeded"))
    clock.at(5, lambda: change(store, "j1.1", "succeeded"))
    news: t.Any = FakeNews(clock, last=5.5)
    assert states(store, clock, ["j1.0", "j1.1"], started=records, news=news) == ["succeeded", "succeeded"]
    assert 5.5 <= clock.now < 5.6
    assert looks == ["j1.0", "j1.1"]
    os.close(lock)


def test_with_news_a_report_tells_how_the_jobs_stand_then(store: Store, clock: Clock) -> None:
    lock = store.make_lock("j1")
    records = started(store, "j1.0", "j1.1")
    clock.at(2, lambda: change(store, "j1.0", "succeeded"))
    known = {"j1.0": "queued", "j1.1": "queued"}
    for options in ({"report": 7.0}, {"patience": 7.0}):
        clock.now = 0.0
        news: t.Any = FakeNews(clock)
        told = states(store, clock, ["j1.0", "j1.1"], started=records, news=news, known=known, **options)
        assert told == ["succeeded", "queued"]
        assert 7 <= clock.now <= 8
    os.close(lock)


def test_with_news_a_job_that_goes_wrong_is_reported_soon(store: Store, clock: Clock) -> None:
    lock = store.make_lock("j1")
    for moment, told in ((0.1, 1.0), (3.0, 3.0)):
        clock.now = 0.0
        records = started(store, "j1.0", "j1.1")
        clock.at(moment, lambda: change(store, "j1.0", "failed"))
        news: t.Any = FakeNews(clock, moment + 0.01)
        assert states(store, clock, ["j1.0", "j1.1"], started=records, news=news) == ["failed", "queued"]
        assert told <= clock.now < told + 0.2
    os.close(lock)


def test_with_news_a_supervisor_that_goes_is_noticed(store: Store, clock: Clock) -> None:
    lock = store.make_lock("j1")
    records = started(store, "j1.0")

    def go() -> None:
        os.close(lock)
        store.remove_lock("j1")

    clock.at(3, go)
    news: t.Any = FakeNews(clock, last=3.0)
    assert states(store, clock, ["j1.0"], started=records, news=news) == ["lost"]
    assert 3 <= clock.now < 5


def test_news_that_do_not_come_keep_nobody_waiting_for_ever(store: Store, clock: Clock) -> None:
    lock = store.make_lock("j1")
    records = started(store, "j1.0")
    clock.at(2, lambda: change(store, "j1.0", "succeeded"))
    news: t.Any = FakeNews(clock)
    assert states(store, clock, ["j1.0"], started=records, news=news, report=15.0) == ["succeeded"]
    assert clock.now <= 16
    os.close(lock)
