# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module of this collection answers about jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._status import Status
from ansible_collections.background.jobs.plugins.module_utils._store import user_name
from ansible_collections.background.jobs.plugins.module_utils._tail import Tails
from ansible_collections.background.jobs.plugins.module_utils._waiting import Job, Question, wait

_SECRETS = "_ansible_new_secrets"


def take_secrets(status: Status) -> list[str]:
    """Take out of a job's results what ansible-core 2.22 wants masked: it reads that at the top level of an answer.

    :returns: the secrets of the job's module, of the steps of a C(block) and of earlier attempts.
    """
    results = [status.result]
    if status.record is not None:
        results += status.record.earlier
    found: list[str] = []
    for result in results:
        steps = result.get("steps")
        for run in [result, *(steps if isinstance(steps, list) else [])]:
            if isinstance(run, dict):
                found += run.pop(_SECRETS, [])
    return found


def answer(secrets: t.Sequence[str], **fields: t.Any) -> dict[str, t.Any]:
    """:returns: the answer of a module with O(secrets) where ansible-core reads them."""
    return {**fields, _SECRETS: list(secrets)} if secrets else fields


def wait_and_tell(
    jobs: t.Sequence[Job], question: Question, results: bool = True
) -> tuple[dict[str, t.Any], list[Status]]:
    """Wait for jobs as O(question) says.

    :arg results: whether to tell the results of the jobs, once nobody will ask again.
    :returns: the answer, and what it says about the jobs. C(final) in it tells whether all are finished, or nobody will
        ask again.
    """
    start = time.monotonic()
    tails = None if question.offsets is None else Tails(jobs, question.offsets)
    statuses = wait(jobs, question.patience, question.report, question.known, tails)
    time_is_up = time.monotonic() - start >= question.patience
    final = all(status.finished for status in statuses) or (question.last and time_is_up)
    secrets: list[str] = []
    now = time.time()
    for status in statuses:
        if not (final and results):
            status.result = {}
            if status.record is not None:
                status.record.earlier = []
        secrets += take_secrets(status)
    told = answer(
        secrets,
        jobs=[{**dataclasses.asdict(status), "running_for": status.running_for(now)} for status in statuses],
        user=user_name(os.geteuid()),
        final=final,
    )
    if tails is not None:
        output = tails.read({status.jid for status in statuses if status.finished})
        told["output"] = {jid: dataclasses.asdict(each) for jid, each in output.items()}
    return told, statuses
