# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of a job, and the reasons that stand beside them: the words that files, answers and results have.

PRIVATE to the collection background.jobs. Do not use this from other collections.

No other unit has one of these words as a text of its own: `tests/unit/plugins/test_words.py` holds that.
"""

from __future__ import annotations

# States

QUEUED = "queued"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
TIMED_OUT = "timed_out"
CANCELLED = "cancelled"
SKIPPED = "skipped"
LOST = "lost"

STATES = (QUEUED, RUNNING, SUCCEEDED, FAILED, TIMED_OUT, CANCELLED, SKIPPED, LOST)
NOT_FOUND = "not_found"
"""What is told in place of a state where there is no such job: not here, not for this user, not in this directory."""
ANSWERS = (*STATES, NOT_FOUND)
"""All that can be told of a job."""
UNFINISHED = frozenset((QUEUED, RUNNING))
GOOD = frozenset((SUCCEEDED, SKIPPED))

# Reasons of jobs that are not finished

NO_ROOM = "no_room"
"""It waits until this user may have one more process."""
OPEN_FILES = "open_files"
"""It waits since this user may not have as many open files as more jobs at once would need."""
LOCKED = "lock"
"""It waits for the lock that it names, which somebody outside of its batch holds."""
STOPPED = "supervisor_stopped"
"""It cannot finish as long as nobody lets its supervisor go on."""

# Reasons of jobs that were ended from outside, or not started

TIMEOUT = "timeout"
DEADLINE = "deadline"
CANCEL = "cancelled"
HALT = "halted"
CAUSES = (TIMEOUT, DEADLINE, CANCEL, HALT)
"""Why a job that runs is ended from outside."""
DEPENDENCY = "dependency"
"""A job that it comes after did not succeed."""
NOT_ENDED = "not_ended"
"""It was to be ended, and processes of it run on that nobody could end."""

# Reasons of jobs that failed

EXIT_CODE = "exit_code"
"""Its module reported a return code other than 0."""
MODULE = "module"
"""Its module reported a failure, and no return code."""
SIGNAL = "signal"
NO_OUTPUT = "no_output"
OUTPUT_TOO_LONG = "output_too_long"
OUTPUT_UNPARSABLE = "output_unparsable"
SPAWN = "spawn"
"""Its process could not be started, or its lock could not be asked for."""
UNDECODABLE = "result_undecodable"
"""It has ended, and its result cannot be decoded, or is more than ansible-core can take."""
FAILED_WHEN, CONDITION = "failed_when", "condition"
"""Its `failed_when` says so; a condition of it cannot be evaluated."""

# Reasons of jobs that are lost or not found

REBOOT = "reboot"
SUPERVISOR_GONE = "supervisor_gone"
SUPERVISOR_FAILED = "supervisor_failed"
DISK_FULL = "disk_full"
NOT_WRITTEN = "not_written"
"""Its result could not be written, and the disk was not full."""
UNREADABLE = "status_unreadable"
NEWER = "newer_release"
"""A newer release of this collection wrote its status file."""
OTHER_USER = "other_user"
OTHER_HOST = "other_host"
NOT_A_JID = "not_a_jid"
UNREACHABLE = "unreachable"
"""Its host could not be reached when it was to be started."""
