# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import threading
import time
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core.alarm import TooLate, within


class OfTheTask(BaseException):
    """What the alarm of the keyword `timeout` raises."""


@pytest.fixture
def of_the_task() -> t.Iterator[t.Callable[[float], None]]:
    """Sets the alarm of the task."""

    def ring(*dummy: t.Any) -> t.NoReturn:
        raise OfTheTask

    handler = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)  # type: ignore[func-returns-value]
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, handler)


def test_what_takes_too_long_is_given_up() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TooLate), within(0.05):
        time.sleep(60)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_what_is_in_time_is_left_alone() -> None:
    with within(0.05):
        pass
    time.sleep(0.1)


def test_the_alarm_of_the_task_rings_when_its_time_has_come(of_the_task: t.Callable[[float], None]) -> None:
    of_the_task(0.2)
    with pytest.raises(TooLate), within(0.05):
        time.sleep(60)
    with pytest.raises(OfTheTask):
        time.sleep(60)
    of_the_task(0.05)
    with pytest.raises(OfTheTask), within(60):
        time.sleep(60)


def test_in_another_thread_there_is_no_limit() -> None:
    ended: list[bool] = []

    def work() -> None:
        with within(0.01):
            time.sleep(0.05)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
