# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that somebody else wrote, such as a host or a job, made fit to be shown to a person.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t
import unicodedata

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat

_ESCAPED = frozenset(("Cc", "Cf", "Cn", "Cs", "Zl", "Zp"))
"""Categories of Unicode whose characters move the cursor, turn text around, end a line or show nothing."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that show nothing, too."""
_TRACEBACK = "Traceback (most recent call last):"
_PRINTED = ("warnings", "deprecations", "exception")
"""Keys of a result that ansible-core prints by themselves."""
_OF_LINES = ("exception", "formatted_source_context", "formatted_traceback", "help_text")
"""Keys, and fields of its objects, whose lines are to be seen as such."""
_LONG = 1000
"""Characters of a message that are shown in a sentence."""


def visible(text: str) -> str:
    r""":returns: `text` with an escape, such as `\n`, for each character that does not just show a sign."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_sign, text))


def is_visible(text: str) -> bool:
    """:returns: whether `text` is shown as it is."""
    return visible(text) == text


def visible_lines(text: str) -> str:
    """:returns: `text` with `visible` lines; their ends and tabs stay."""
    return "".join(letter if letter in "\n\t" else _sign(letter) for letter in text)


def one_line(message: str) -> str:
    """:returns: a message as it can be quoted in a sentence: its lines one after the other, of a traceback the last."""
    before, traceback, frames = message.partition(_TRACEBACK)
    said = before.splitlines()
    if traceback:
        said += [line for line in frames.splitlines() if line.strip()][-1:]
    text = " ".join(line.strip() for line in said if line.strip())
    return visible(text if len(text) <= _LONG else f"{text[:_LONG]}...")


def shown(result: t.Mapping[str, t.Any], message: bool = True) -> dict[str, t.Any]:
    """Make of the result of a task visible what ansible-core shows of it in any case, beside the result as a whole.

    Secrets that ansible-core knows are taken out before: it would not know them again.

    :arg message: whether that includes the message: one that is a sentence of ours, not that of a module.
    """
    told = dict(result)
    if message and isinstance(told.get("msg"), str):
        told["msg"] = visible(compat.mask_secrets(told["msg"]))
    for key in _PRINTED:
        if key in told:
            told[key] = _fit(told[key], key)
    return told


def _fit(value: t.Any, name: str) -> t.Any:
    """:returns: `value` with visible texts, in the objects of ansible-core 2.19, too.

    :arg name: that of the key, or of the field.
    """
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        text = compat.mask_secrets(value)
        return visible_lines(text) if name in _OF_LINES else one_line(text)
    if isinstance(value, (list, tuple)):
        return type(value)(_fit(item, name) for item in value)
    if isinstance(value, dict):
        return {key: _fit(item, key) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **{name: _fit(item, name) for name, item in fields.items()})
    return value


def _sign(letter: str) -> str:
    if unicodedata.category(letter) in _ESCAPED or letter in _BLANK:
        return letter.encode("unicode_escape").decode("ascii")
    return letter
