#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: async_wrapper
short_description: Start a batch of detached jobs on this host
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - The remote side of P(background.jobs.launch#module). It writes the status file of every job, starts one supervisor
    process that outlives the connection, waits for its word that it stands, and answers with the jobs' records. With a
    question it then waits for the jobs, and answers that as M(background.jobs.async_status) does.
  - Beside that it removes what killed launches, and jobs that M(ansible.builtin.async_status) has cleaned up, have left
    in the directory more than an hour ago.
  - Not meant to be used in a playbook. Use P(background.jobs.launch#module) or P(background.jobs.run#module).
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.posix
attributes:
  check_mode:
    support: full
    details: The jobs are started, and run their modules in check mode.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Every call starts its jobs.
  async:
    support: none
options:
  async_dir:
    description: The directory of the status files. V(~) and variables are expanded on the target.
    type: str
    required: true
  batch:
    description: The jobs, as the controller packed them.
    type: str
    required: true
  program:
    description: The supervisor's program, as the controller packed it.
    type: str
    required: true
  _question:
    description: What the action P(background.jobs.run#module) asks of the jobs beside.
    type: dict
"""

EXAMPLES = r"""
# There is no use of this module in a playbook; this is what starts jobs:
- name: Start two things
  background.jobs.launch:
    jobs:
      - ansible.builtin.command: sleep 1
      - ansible.builtin.command: sleep 2
"""

RETURN = r"""
records:
  description: The records of the jobs as they were started, each as JSON, in the order of the batch.
  returned: success
  type: list
  elements: str
jobs:
  description: How the jobs stand, in the same order, as M(background.jobs.async_status) tells it.
  returned: success, with a question
  type: list
  elements: dict
async_dir:
  description: The absolute path of the directory of the status files.
  returned: success
  type: str
"""

import contextlib
import json
import os
import sys
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.background.jobs.plugins.module_utils._argspec import async_wrapper
from ansible_collections.background.jobs.plugins.module_utils._cleanup.leftovers import YOUNG, remove
from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError, launch
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell_record, wait_and_tell
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import Question
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, prepare
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_ENVIRONMENT = dict(os.environ)  # before AnsibleModule touches it: the jobs inherit the caller's


def main() -> None:
    """Start the batch, wait for its jobs if that was asked, and answer."""
    module = AnsibleModule(argument_spec=async_wrapper(), supports_check_mode=True)
    question = module.params["_question"]
    try:
        directory = prepare(module.params["async_dir"])
        records = launch(module.params["batch"], module.params["program"], directory, _ENVIRONMENT)
    except (LaunchError, StoreError) as exc:
        answer = {"failed": True, "msg": str(exc)}
    else:
        store = Store(directory)
        with contextlib.suppress(OSError):
            remove(store, YOUNG, Evidence(), dry=False, now=time.time())
        answer = {
            "changed": True,
            "async_dir": directory,
            "records": [tell_record(record) for record in records],
        }
        if question is not None:
            answer.update(wait_and_tell([(store, record.jid) for record in records], Question(**question))[0])
    # Not exit_json: it would send the batch, which holds the jobs' arguments, back as the invocation.
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    raise SystemExit(1 if answer.get("failed") else 0)


if __name__ == "__main__":
    main()
