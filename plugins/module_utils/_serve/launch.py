# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to start a batch: it is started, and its jobs are waited for if that was asked.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._cleanup.leftovers import YOUNG, remove_leftovers
from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError, start_batch
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell_record, wait_and_tell
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.Launch) -> tuple[wire.Answer, t.Sequence[str]]:
    """:returns: the answer, and the secrets that are in it."""
    try:
        directory = prepare_directory(request.async_dir)
        records = start_batch(request.batch, directory)
    except (LaunchError, StoreError) as exc:
        return wire.Refusal(str(exc)), ()
    store = Store(directory)
    with contextlib.suppress(OSError):
        remove_leftovers(store, YOUNG, Evidence(), dry=False, now=time.time())
    answer = wire.Started([tell_record(record) for record in records], directory)
    if request.question is None:
        return answer, ()
    answer.statuses, secrets, dummy = wait_and_tell([(store, record.jid) for record in records], request.question)
    return answer, secrets
