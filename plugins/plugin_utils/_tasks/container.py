# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether jobs would run in the controller's own container, such as an execution environment, and end with it.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction

_FILES = (".dockerenv", "run/.containerenv")
"""What Docker and Podman put into the root of a container."""
_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST")
"""What Podman and systemd, and Kubernetes, put into the environment of a container's first process."""


def is_container(root: str = "/", environment: t.Mapping[str, str] | None = None) -> bool:
    """:returns: whether this process runs in a container, as far as its files and its environment tell."""
    variables = os.environ if environment is None else environment
    return any(os.path.exists(os.path.join(root, name)) for name in _FILES) or any(map(variables.get, _VARIABLES))


def short_lived(action: JobAction) -> str | None:
    """:returns: a warning that jobs which nobody waits for end with the playbook, `None` if they do not."""
    if action._connection.transport != "local" or not is_container():
        return None
    return (
        f"the jobs on {action.host} run in the same container as Ansible. If it ends with the playbook, as an "
        "execution environment does, so do the jobs: use background.jobs.run, wait for them in this playbook, or "
        "launch them on a host that stays"
    )
