# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ps(1) and top(1) show of our processes, so that an operator sees what they are.

PRIVATE to the collection background.jobs. Do not use this from other collections.

On Linux the command line of a process is memory of its own (proc(5)), and may be written over.
"""

import contextlib

_COMMAND = "background.jobs"
"""What stands before the rest, and is the name of the process where only that is shown: it has 15 characters there."""


def title(name: "str | None", jid: str) -> str:
    """:returns: what to show of a process.

    :arg name: the job's name, or what else the process is; `None` for a job whose name is not to be shown.
    """
    return f"{_COMMAND}: {jid}" if name is None else f"{_COMMAND}: {name} ({jid})"


def show(text: str) -> None:
    """Let the process list show `text` for this process, as much of it as there is room for; nothing elsewhere."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
        start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, fields 48 and 49 of the line
        room = end - start - 1  # the last byte stays zero: another would let the kernel read on behind it
        if start and room > 0:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(start)
                memory.write(text.encode("utf-8", "replace")[:room].ljust(room, b"\0"))
        with open("/proc/self/comm", "wb", buffering=0) as name:
            name.write(_COMMAND.encode("ascii"))
