# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request to remove the files of jobs that have ended.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import time

from ansible_collections.background.jobs.plugins.module_utils._cleanup.prune import prune_files
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import plain
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Selection
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    StoreError,
    check_directory,
    expand,
)
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def serve(request: wire.Prune) -> wire.Answer:
    """:returns: the answer."""
    directory = expand(request.async_dir)
    selection = Selection(request.group, request.names, request.states)
    try:
        check_directory(directory)
        pruned = prune_files(Store(directory), selection, request.older_than, request.dry, now=time.time())
    except FileNotFoundError:
        return wire.Pruned([], [], [], None)
    except StoreError as exc:
        return wire.Refusal(str(exc))
    except OSError as exc:
        return wire.Refusal(f"cannot look into the async directory {directory}: {exc.strerror}")
    return wire.Pruned(**plain(dataclasses.asdict(pruned)))
