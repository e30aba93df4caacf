# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a timeline: the files beside this one and the data, in one; and how it is written.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible_lines

_UNSAFE = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}
"""What could end the element that the data is in."""


def page(document: t.Mapping[str, t.Any]) -> str:
    """:returns: HTML that needs no other file and no network, and that runs no script but its own.

    :arg document: the data, fit for JSON.
    """
    html, style, script = (_beside(ending) for ending in ("html", "css", "js"))
    parts = {
        "@STYLE_HASH@": _hash(style),
        "@SCRIPT_HASH@": _hash(script),
        "@STYLE@": style,
        "@SCRIPT@": script,
        "@DATA@": _json(document),  # the last: it may have marks
    }
    for mark, part in parts.items():
        html = html.replace(mark, part)
    return html


def write_page(path: str, text: str) -> None:
    """Write a file that only its owner can read, as a whole or not at all. A link in its place is replaced.

    :raises OSError: it cannot be written.
    """
    directory, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory or os.curdir)
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _json(document: t.Mapping[str, t.Any]) -> str:
    """:returns: data as ASCII, with nothing in it that could end its element."""
    return json.dumps(_visible(document), separators=(",", ":")).translate(_UNSAFE)


def _visible(value: t.Any) -> t.Any:
    """:returns: data with all its texts as people can be shown them."""
    if isinstance(value, str):
        return visible_lines(value)
    if isinstance(value, t.Mapping):
        return {key: _visible(each) for key, each in value.items()}
    return [_visible(each) for each in value] if isinstance(value, (list, tuple)) else value


def _beside(ending: str) -> str:
    return Path(__file__).with_suffix(f".{ending}").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """:returns: the hash of an element's content, as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
