# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to tell how jobs stand, to wait for them, or to remove their files.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._launcher.once import forestall
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import wait_and_tell
from ansible_collections.background.jobs.plugins.module_utils._reader.status import locate
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import LocatedJob, awaited
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    StoreError,
    expand,
    prepare_directory,
)
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.Ask) -> tuple[wire.Answer, t.Sequence[str]]:
    """:returns: the answer, and the secrets that are in it."""
    question = request.question
    try:
        jobs = _jobs(request.jids, question)
    except StoreError as exc:
        return wire.Refusal(str(exc)), ()
    answer, secrets, statuses = wait_and_tell(jobs, question, results=request.mode == "status")
    if request.mode == "cleanup" and not request.dry:
        survivors = remove_finished(statuses, question.sharers)
        for job in answer.jobs:
            job["survivors"] = survivors.get(job["jid"], [])
    return answer, secrets


def _jobs(jids: t.Sequence[str], question: wire.Question) -> list[LocatedJob]:
    """:raises StoreError: they cannot be looked for."""
    directory = expand(question.async_dir)
    if question.launch is not None:
        forestall(Store(prepare_directory(directory)), question.launch)
    if question.selection is not None:
        return awaited(Store(directory), **question.selection)
    jobs = [locate(jid, question.results_files.get(jid), directory) for jid in jids]
    if question.offsets is not None:  # by the ids as they were given, which may be short
        whole = dict(zip(jids, (jid for dummy, jid in jobs)))
        question.offsets = {whole.get(jid, jid): offset for jid, offset in question.offsets.items()}
    for store, jid in jobs:
        store.refresh(jid, question.sharers.get(jid, jid))
    return jobs
