# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""A module that is told a secret and a word, waits until a file is there, and says the secret."""

from __future__ import annotations

import os
import time

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "password": {"type": "str", "required": True, "no_log": True},
            "word": {"type": "str"},
            "path": {"type": "path", "required": True},
        }
    )
    module.log(f"the secret is {module.params['password']}")
    while not os.path.exists(module.params["path"]):
        time.sleep(0.1)
    module.exit_json(said=f"it is {module.params['password']}", length=len(module.params["password"]))


if __name__ == "__main__":
    main()
