# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""A module as those of clouds are: it imports an SDK, which takes long, and asks a service, which takes a moment."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.bench_sdk import get


def main() -> None:
    module = AnsibleModule({"address": {"type": "str", "required": True}}, supports_check_mode=True)
    module.exit_json(status=get(module.params["address"]))


if __name__ == "__main__":
    main()
