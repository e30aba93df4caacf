# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that tell how to wait, shared by run and wait.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments to be extended by name."""

    DOCUMENTATION = r"""
options:
  progress_interval:
    description:
      - How often to print a progress line while waiting, if something has changed. A job that does not succeed is
        reported at once. The end of a job is noticed at once in any case.
      - Seconds, or a duration such as V(5m). V(0) prints a line at every change.
      - Where the callback for standard output is not known to be for people, such as C(ansible.posix.json), the lines
        go into the log file only. In a task with C(no_log) they have numbers and no names.
    type: str
    default: "15"
  stream:
    description:
      - Whether to print the output of the jobs line by line, while they run, as C(host | job) and the line.
      - Nothing is printed of a job with C(no_log), nor in a task with C(no_log). If a job prints more than 64 KiB
        between two looks, the newest lines are printed, and how much was left out.
    type: bool
    default: false
  quiet:
    description: Whether to print no progress lines and no lines for jobs that have ended.
    type: bool
    default: false
  set_facts:
    description:
      - Whether the C(ansible_facts) of the job become facts of the host, as those of a task with the job's module do.
        It is for a task with one job. The facts of several jobs would overwrite each other, and are not set.
      - The facts are in the job's entry of C(results) in any case.
    type: bool
    default: false
  unreachable_grace:
    description:
      - How long the host may be out of reach while its jobs are waited for. The jobs run on, and the task connects
        again. It prints a line when the connection is lost and when it is back. After this time the host is
        unreachable, and its jobs keep their results for another P(background.jobs.wait#module).
      - Seconds, or a duration such as V(5m). V(0) gives up at once.
    type: str
    default: "60"
"""
