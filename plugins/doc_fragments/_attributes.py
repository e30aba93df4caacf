# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each attribute of a module or action means.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments to be extended by name."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried has not changed in a relevant way.
  async:
    description: Supports being used with the C(async) keyword.
"""

    ACTION = r"""
options: {}
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the
      controller.
  delegation:
    description: Can be used in conjunction with C(delegate_to) and related keywords.
  become:
    description: Is usable alongside C(become) keywords.
"""

    POSIX = r"""
options: {}
attributes:
  platform:
    description: Target OS families that can be operated against.
    platforms: posix
    support: full
    details: Targets need Python 3.6 or newer. Windows and network devices are refused.
"""

    GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/background.jobs.jobs) in C(module_defaults) to set defaults for this entry.
    support: full
    membership:
      - background.jobs.jobs
"""
