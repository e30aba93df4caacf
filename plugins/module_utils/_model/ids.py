# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ids: the beginning of a job's id, and its number in the batch, as people copy them from a list.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import number_of

_LEAST = 6
"""Characters of a batch's name that a short id has at least: fewer could be a slip of the hand."""
_SHORT = re.compile(r"(?P<batch>j[0-9]{5,60})(?:\.(?P<number>[0-9]{1,20}))?")
_NAMED = 5
"""Jobs that a message about an ambiguous id names."""


class AmbiguousId(Exception):
    """A short id that several jobs have; the message is a sentence."""


def shorten(jids: t.Sequence[str]) -> dict[str, str]:
    """:returns: for each id a short one, that `find_jid` finds among `jids` without doubt."""
    batches = {jid.rpartition(".")[0] for jid in jids if "." in jid}
    length = next((size for size in range(_LEAST, 60) if len({batch[:size] for batch in batches}) == len(batches)), 60)
    return {jid: f"{jid.rpartition('.')[0][:length]}.{jid.rpartition('.')[2]}" if "." in jid else jid for jid in jids}


def find_jid(given: str, jids: t.Collection[str]) -> str:
    """Find a job by its id, or by the beginning of it, with or without the number behind the dot.

    :arg jids: the ids that there are.
    :returns: the whole id; `given` as it is where there is no such job.
    :raises AmbiguousId: there is more than one.
    """
    match = _SHORT.fullmatch(given)
    if given in jids or match is None:
        return given
    batch, number = match.group("batch"), match.group("number")
    found = [jid for jid in sorted(jids, key=_order) if _has(jid, batch, number)]
    if len(found) > 1:
        short = shorten(sorted(jids))
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise AmbiguousId(f"{given} could be {', '.join(short[jid] for jid in found[:_NAMED])}{more}; give more of it")
    return found[0] if found else given


def is_meant(given: str, jid: str) -> bool:
    """:returns: whether `given` is `jid`, or a short id of it."""
    match = _SHORT.fullmatch(given)
    return given == jid or (match is not None and _has(jid, match.group("batch"), match.group("number")))


def _has(jid: str, batch: str, number: str | None) -> bool:
    before, dot, after = jid.rpartition(".")
    return bool(dot) and before.startswith(batch) and number in (None, after)


def _order(jid: str) -> tuple[str, int]:
    return jid.rpartition(".")[0], number_of(jid)
