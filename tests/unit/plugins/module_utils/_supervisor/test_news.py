# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading

from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import News, Teller
from ansible_collections.background.jobs.tests.unit.helpers import LIMIT, Batches, Gates, eventually, python_job


def pipe(jobs: int, told: bytes = b"") -> tuple[News, Teller]:
    reading, writing = os.pipe()
    return News(reading, jobs, told), Teller(writing)


def test_there_is_no_reason_to_look_before_all_have_ended_well() -> None:
    news, teller = pipe(3)
    assert not news.wait(0)
    teller.tell([True, True])
    assert not news.wait(0)
    assert not news.is_over
    teller.tell([True])
    assert news.wait(LIMIT)
    assert news.is_over


def test_what_was_read_along_with_the_first_word_counts() -> None:
    news, teller = pipe(2, b"+")
    teller.tell([True])
    assert news.wait(LIMIT) and news.is_over
    wrong, dummy = pipe(2, b"!")
    assert wrong.wait(LIMIT) and not wrong.is_over
    assert not wrong.wait(0)
    wrong.close()


def test_one_that_has_not_ended_well_is_a_reason_once() -> None:
    news, teller = pipe(3)
    teller.tell([True, False])
    assert news.wait(LIMIT)
    assert not news.wait(0)
    assert not news.is_over
    news.close()


def test_a_wait_goes_on_until_there_is_a_reason() -> None:
    news, teller = pipe(2)
    threading.Timer(0.01, teller.tell, [[True]]).start()
    threading.Timer(0.02, teller.tell, [[True]]).start()
    assert news.wait(LIMIT) and news.is_over


def test_a_supervisor_that_has_gone_is_a_reason() -> None:
    reading, writing = os.pipe()
    news = News(reading, 2)
    os.close(writing)
    assert news.wait(LIMIT)
    assert news.is_over


def test_nobody_has_to_hear() -> None:
    Teller().tell([True])
    news, teller = pipe(2)
    news.close()
    teller.tell([True])
    teller.tell([False])


def test_a_pipe_that_is_full_holds_up_nobody() -> None:
    news, teller = pipe(1)
    for dummy in range(40):
        teller.tell([True] * 4096)
    assert news.wait(LIMIT)


def test_a_supervisor_whose_launcher_has_gone_goes_on(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), python_job("j1.1", "print('{}')", after=["j1.0"]))
    eventually(lambda: gates.is_reached("j1.0"))
    gates.open("j1.0")
    assert [batches.end(jid).state for jid in ("j1.0", "j1.1")] == ["succeeded", "succeeded"]
    batches.supervisor_ends()
