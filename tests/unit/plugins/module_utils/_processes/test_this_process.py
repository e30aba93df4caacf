# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import (
    this_process,
)


def test_there_is_at_least_one_cpu() -> None:
    assert this_process.cpu_count() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("listed", [None, [], ["0", "1", "2"]], ids=["all", "nothing", "the first three"])
def test_nothing_inherited_stays_open_but_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, listed: list[str] | None
) -> None:
    if listed is not None:
        monkeypatch.setattr(os, "listdir", lambda path: listed)
    kept, others = os.pipe(), os.pipe()
    high = os.dup2(others[0], 200)
    pid = os.fork()
    if not pid:
        this_process.keep_open(kept)
        still = [handle for handle in (*kept, *others, high) if _is_open(handle)]
        os._exit(0 if still == list(kept) else 1)
    for handle in (*kept, *others, high):
        os.close(handle)
    assert os.waitpid(pid, 0)[1] == 0


def _is_open(handle: int) -> bool:
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True
