# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to tell which jobs there are.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import time

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.states import OTHER_HOST
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import plain
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence, Selection, find_jobs
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, expand, user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.List) -> wire.Answer:
    """:returns: the answer."""
    selection = Selection(request.group, request.names, request.states)
    directory = expand(request.async_dir)
    try:
        found = [info for dummy, info in find_jobs(Store(directory), Evidence(), time.time())]
    except StoreError as exc:
        return wire.Refusal(str(exc))
    except OSError as exc:
        return wire.Refusal(f"cannot look into the async directory {directory}: {exc.strerror}")
    here = [info for info in found if info.reason != OTHER_HOST]
    jobs = [plain(dataclasses.asdict(info)) for info in here if selection.has(info)]
    return wire.Listed(jobs, len(found) - len(here), user_name(os.geteuid()), directory)
