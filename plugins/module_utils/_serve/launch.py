# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to start a batch: it is started, and its jobs are waited for if that was asked.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError, start_batch
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.Launch) -> tuple[wire.Answer, t.Sequence[str]]:
    """:returns: the answer, and the secrets that are in it."""
    try:
        directory = prepare_directory(request.async_dir)
        started = start_batch(request.batch, directory, _load)
    except (LaunchError, StoreError) as exc:
        return wire.Refusal(str(exc)), ()
    from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell_record, wait_and_tell

    store, records, news = Store(directory), started.records, started.news
    with contextlib.suppress(OSError):
        _tidy(store, records)
    answer = wire.Started([tell_record(record) for record in records], directory)
    secrets: t.Sequence[str] = ()
    if request.question is not None:
        jobs = [(store, record.jid) for record in records]
        fresh = records if news is not None else ()
        answer.statuses, secrets, dummy = wait_and_tell(jobs, request.question, started=fresh, news=news)
    if news is not None:
        news.close()
    return answer, secrets


def _load() -> None:
    """Load what is needed once the batch is started, while its supervisor gets ready beside us."""
    from ansible_collections.background.jobs.plugins.module_utils._reader import answer  # noqa: F401


def _tidy(store: Store, records: t.Sequence[Record]) -> None:
    """Remove what launches that were killed have left, where there is anything but what this one has made."""
    batches = {record.batch for record in records}
    if all(name.lstrip(".").partition(".")[0] in batches for name in os.listdir(store.directory)):
        return
    from ansible_collections.background.jobs.plugins.module_utils._cleanup.leftovers import YOUNG, remove_leftovers
    from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence

    remove_leftovers(store, YOUNG, Evidence(), dry=False, now=time.time())
