# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several jobs have changed, as ansible-core shows it with --diff: it looks for that at the top of a result only.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import name_of, step_name, steps_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, visible_lines

_SIDES = ("before", "after")


def diffs(results: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """:returns: the `diff` of each job and step that changed something and may be shown, with its name above it.

    Empty for one job without steps: the result of its task has that already.
    """
    if len(results) == 1 and not steps_of(results[0]):
        return []
    found: list[dict[str, t.Any]] = []
    for result in results:
        if result.get("_ansible_no_log"):
            continue
        name = name_of(result)
        steps = [(f"{name}, {step_name(step)}", step) for step in steps_of(result)]
        for what, run in steps or [(name, result)]:
            if run.get("changed"):
                found += _named(one_line(what), run.get("diff"))
    return found


def _named(name: str, given: t.Any) -> list[dict[str, t.Any]]:
    """:arg given: one difference or a list of them, in which may stand anything: a host has sent it."""
    found = []
    for diff in given if isinstance(given, list) else [given]:
        if not isinstance(diff, t.Mapping) or not diff:
            continue
        if _SIDES[0] in diff and _SIDES[1] in diff:
            found.append(_compared(name, diff))
        elif isinstance(diff.get("prepared"), str):
            found.append({"prepared": f"{name}:\n{visible_lines(diff['prepared'])}"})
        else:
            said = {key: size for key, size in diff.items() if _is_why_not(key, size)}
            found += [{"prepared": f"{name}: "}, said] if said else []
    return found


def _compared(name: str, diff: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {}
    for side in _SIDES:
        header = diff.get(f"{side}_header")
        shown[f"{side}_header"] = f"{one_line(str(header))} ({name})" if header else name
        content = diff[side]
        mapping_or_nothing = content is None or isinstance(content, t.Mapping)
        shown[side] = content if mapping_or_nothing else visible_lines(str(content))
    return shown


def _is_why_not(key: str, size: t.Any) -> bool:
    if key in ("dst_larger", "src_larger"):
        return isinstance(size, int)
    return key in ("dst_binary", "src_binary")
