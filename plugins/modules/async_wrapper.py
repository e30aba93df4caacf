#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: async_wrapper
short_description: Carry the program that serves the other actions to this host
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - The actions of this collection send a program to the host, with a request, on standard input of Python. Where the
    connection, C(become) or the settings do not permit that, this module carries both there, and runs the program just
    so.
  - Not meant to be used in a playbook. Use P(background.jobs.launch#module) or P(background.jobs.run#module).
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.posix
attributes:
  check_mode:
    support: full
    details: What the request says counts.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: What a call does is what the request says.
  async:
    support: none
options:
  options:
    description: How Python is started.
    type: list
    elements: str
    required: true
  line:
    description: What Python runs.
    type: str
    required: true
  payload:
    description: What that finds on its standard input, as base64.
    type: str
    required: true
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
code:
  description: The exit code of the program.
  returned: always
  type: int
stdout:
  description: What it printed, with its answer in it.
  returned: always
  type: str
stderr:
  description: What it printed as errors.
  returned: always
  type: str
"""

import base64
import json
import os
import subprocess
import sys

from ansible.module_utils.basic import AnsibleModule

_ENVIRONMENT = dict(os.environ)  # before AnsibleModule touches it: the jobs inherit the caller's


class _Here(AnsibleModule):
    """A module that stays where it was started: its temporary directory, to which it would else go from one that this
    user may not read, has gone when the jobs start."""

    def _set_cwd(self) -> None:
        return


def main() -> None:
    """Run the program, and hand on what it prints."""
    spec = {
        "options": {"type": "list", "elements": "str", "required": True},
        "line": {"type": "str", "required": True},
        "payload": {"type": "str", "required": True},
    }
    module = _Here(argument_spec=spec, supports_check_mode=True)
    # Not run_command: it does without the caller's environment, and takes texts apart. Not capture_output: Python 3.6.
    done = subprocess.run(  # noqa: UP022  pylint: disable=ansible-bad-function
        [sys.executable or "python3", *module.params["options"], module.params["line"]],
        input=base64.b64decode(module.params["payload"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        check=False,
    )
    stdout, stderr = (each.decode("utf-8", "replace") for each in (done.stdout, done.stderr))
    # Not exit_json: it would send the payload, which holds the jobs' arguments, back as the invocation.
    sys.stdout.write(f"\n{json.dumps({'code': done.returncode, 'stdout': stdout, 'stderr': stderr})}\n")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
