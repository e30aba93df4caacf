# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to end jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._cleanup.cancel import cancel_jobs, cancellable
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import take_secrets, tell_status
from ansible_collections.background.jobs.plugins.module_utils._reader.status import locate
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, expand, user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.Cancel) -> tuple[wire.Answer, t.Sequence[str]]:
    """:returns: the answer, and the secrets that are in it."""
    if request.jobs is None and request.group is None and request.names is None and not request.everything:
        return wire.Refusal("no jobs were named"), ()
    directory = expand(request.async_dir)
    try:
        if request.jobs is None:
            jobs = list(cancellable(Store(directory), request.group, request.names))
        else:
            jobs = [locate(jid, request.results_files.get(jid), directory) for jid in request.jobs]
    except StoreError as exc:
        return wire.Refusal(str(exc)), ()
    cancelled = cancel_jobs(jobs, request.mode, request.dry)
    secrets = [secret for each in cancelled for secret in take_secrets(each.status)]
    told = [tell_status(each.status, changed=each.changed, survivors=each.survivors) for each in cancelled]
    return wire.Statuses(told, user_name(os.geteuid())), secrets
