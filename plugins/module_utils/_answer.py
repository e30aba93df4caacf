# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module of this collection answers about jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._status import Status

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
