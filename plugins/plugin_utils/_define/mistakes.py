# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes in several jobs, told together, so that they cost one look.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import plural
from ansible_collections.background.jobs.plugins.plugin_utils._define.capture import CaptureError
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError

_MOST = 5
"""Mistakes that are told of one task; equal ones count once."""


@contextlib.contextmanager
def placed(place: str, name: t.Callable[[], str], hidden: bool) -> t.Iterator[None]:
    """Let a mistake name the job in which it is.

    :arg place: where that stands, with which messages begin.
    :arg name: its name, empty where it has none.
    :arg hidden: whether its lines in the playbook are not to be shown.
    """
    try:
        yield
    except DefinitionError as exc:
        rest = str(exc).removeprefix(place)
        called = name()
        where = f"{place} ({called})" if called and not place.endswith(")") else place
        error = DefinitionError(f"{where}{rest}", exc.example, None if hidden else exc.at)
        error.kind = rest
        raise error from exc


def wrong(error: Exception, end: str) -> DefinitionError:
    """:returns: the error for the task: what is wrong, and `end`."""
    if not isinstance(error, DefinitionError):
        return DefinitionError(f"{error}{end}")
    told = DefinitionError(f"{error}{end}", error.example, error.at)
    told.headline = error.headline and f"{error.headline}{end}"
    return told


class Mistakes:
    """What is wrong with the jobs of a task."""

    def __init__(self, total: int) -> None:
        """:arg total: how many jobs there are."""
        self._total = total
        self._count = 0
        self._first: dict[str, DefinitionError] = {}
        self._more: dict[str, int] = {}

    @contextlib.contextmanager
    def noting(self) -> t.Iterator[None]:
        """Note what is wrong with a job."""
        try:
            yield
        except (DefinitionError, CaptureError) as exc:
            error = exc if isinstance(exc, DefinitionError) else DefinitionError(str(exc))
            key = error.kind or str(error)
            self._count += 1
            self._more[key] = self._more.get(key, -1) + 1
            self._first.setdefault(key, error)

    @property
    def enough(self) -> bool:
        """Whether no more would be told."""
        return len(self._first) > _MOST

    def check(self) -> None:
        """:raises DefinitionError: there are mistakes; it tells of all of them, equal ones once."""
        if not self._first:
            return
        told = [(error, self._text(key, error)) for key, error in list(self._first.items())[:_MOST]]
        left = self._count - sum(self._more[key] + 1 for key in list(self._first)[:_MOST])
        (first, text), *others = told
        if not others:
            raise DefinitionError(text, first.example, first.at)
        headline = f"{self._count} of {plural(self._total, 'job')} have mistakes"
        rest = [f"and {left} more"] if left else []
        error = DefinitionError(f"{headline}: {'; '.join([*(text for dummy, text in told), *rest])}", "", first.at)
        error.headline = headline
        error.example = "\n".join([*(_with_example(text, each.example) for each, text in told), *rest])
        raise error

    def _text(self, key: str, error: DefinitionError) -> str:
        more = self._more[key]
        return f"{error} (and {plural(more, 'other job')} like it)" if more else str(error)


def _with_example(text: str, example: str) -> str:
    return "\n".join([text, *(f"    {line}" for line in example.split("\n") if line)])
