# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of jobs by the names of their jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: by_name
author:
  - The background.jobs contributors (@background-jobs)
version_added: 1.0.0
short_description: Make a dictionary of results, by job name
description:
  - Makes a dictionary of results, with the names of the jobs as its keys.
  - It fails if two jobs have the same name, and says which. The jobs of one task have different names, but those of
    several tasks, or of builtin C(async), may not.
options:
  _input:
    description:
      - What P(background.jobs.run#module), P(background.jobs.wait#module), P(background.jobs.launch#module),
        P(background.jobs.cancel#module) or P(background.jobs.job_info#module) has registered, or a list of results in
        it, such as C(reap_results) of the role P(background.jobs.reap#role).
    type: raw
    required: true
seealso:
  - module: background.jobs.run
  - module: background.jobs.wait
"""

EXAMPLES = r"""
- name: Run two things at the same time
  background.jobs.run:
    jobs:
      - name: backup
        ansible.builtin.command: tar -czf /var/backups/etc.tar.gz /etc
      - name: disk usage
        ansible.builtin.command: du -sx /usr
  register: work

- name: Show what one of them has printed
  ansible.builtin.debug:
    msg: "{{ (work | background.jobs.by_name)['disk usage'].stdout }}"

- name: Show how long the other one took
  ansible.builtin.debug:
    msg: "{{ (work | background.jobs.by_name).backup.job.elapsed }} s"
"""

RETURN = r"""
_value:
  description: The results, each under the name of its job, in their order.
  type: dict
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.background.jobs.plugins.plugin_utils._results import by_name as _by_name


def by_name(given):
    """Do what `_results.by_name.by_name` does; the error is one that templates know."""
    try:
        return _by_name.by_name(given)
    except _by_name.NoNames as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """The filter of this file's name."""

    def filters(self):
        return {"by_name": by_name}
