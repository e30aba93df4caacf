# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of the program for the target: as they are written, and as they are sent.

PRIVATE to the collection background.jobs. Do not use this from other collections.

On the target nothing imports `typing` or `dataclasses`: that takes longer than most requests, and Python 3.6 has only
one of them. So what is sent has no types but in annotations, which nothing evaluates, and dataclasses of our own. The
rest of what Python 3.6 does not understand is done there: see `_serve.loader`.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from ansible_collections.background.jobs.plugins.module_utils._model import wire

PACKAGE = wire.__name__.rsplit(".", 2)[0]
"""The package that the names of parts are in."""
_PLACE = Path(wire.__file__).parents[1]
_QUOTES = '"""'
_COMMENT = re.compile(r"^ *#.*$|  #[^\n\"']*$", re.MULTILINE)
"""A comment that cannot be anything else: on a line of its own, or without quotes."""
_SIGNATURE = re.compile(r"^ *def \w+\(", re.MULTILINE)
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[\[\](){},:=]")
_IMPORTS = {
    "\nimport typing as t\n": "\n\n",
    "\nimport dataclasses\n": f"\nfrom {PACKAGE}._model import small_dataclasses as dataclasses\n",
}
"""What is sent in place of an import."""


@functools.lru_cache(maxsize=None)
def source(part: str) -> str:
    """:returns: the text of a part as it is written."""
    return _file(part).read_text(encoding="utf-8")


def is_part(name: str) -> bool:
    """:returns: whether a name in the package is that of a part, and not of a package of parts."""
    return _file(name).is_file()


@functools.lru_cache(maxsize=None)
def sent(text: str) -> str:
    """:returns: a source as it is sent, with the same lines."""
    text = _untyped(_bare(text))
    for written, instead in _IMPORTS.items():
        text = text.replace(written, instead)
    return text


def _bare(text: str) -> str:
    """:returns: a source with the same lines, but without comments, and with nothing between the quotes of its
        docstrings: a quarter of it.

    A text in three quotes that stands at the beginning of a line is one, by itself or behind what it describes.
    """
    pieces = text.split(_QUOTES)
    kept = [pieces[0]]
    for inside, after in zip(pieces[1::2], pieces[2::2]):
        if kept[-1].rpartition("\n")[2].strip():
            kept += [inside, after]
        else:
            rest, end, lines = after.partition("\n")
            kept += ["", rest + "\n" * inside.count("\n") + end + lines]
    return _COMMENT.sub("", _QUOTES.join(kept))


def _untyped(text: str) -> str:
    """:returns: a source with the same lines, and no types in the signatures of its functions: a quarter of the time
    that it takes to compile it.
    """
    kept, done = [], 0
    for found in _SIGNATURE.finditer(text):
        if found.start() < done:
            continue
        depth, start, end, has_default = 1, None, found.end(), False
        for token in _TOKEN.finditer(text, found.end()):
            mark, end = token.group(), token.end()
            if depth == 1 and start is not None and mark in (",", "=", ")"):
                kept += [text[done:start], "\n" * text.count("\n", start, token.start()), " " if mark == "=" else ""]
                start, done = None, token.start()
            if mark in "([{":
                depth += 1
            elif mark in ")]}":
                depth -= 1
            elif depth == 1 and mark == ":" and not has_default:
                start = token.start()
            elif depth == 1 and mark in ",=":
                has_default = mark == "="
            if depth == 0:
                break
        if text.startswith(" -> ", end):
            close = text.index(":\n", end)
            if "\n" not in text[end:close]:
                kept.append(text[done:end])
                done = close
    return "".join([*kept, text[done:]])


def _file(part: str) -> Path:
    return _PLACE.joinpath(*part.split(".")).with_suffix(".py")
