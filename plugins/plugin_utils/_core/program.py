# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program for the target, as it travels: the sources of what a request needs, and the request behind them.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The target's Python runs `LINE`, which reads all of it from standard input: a line with a number, so many bytes, and so
on: the text of `_serve.loader`; a table of sources, both compressed; the request; the batch of a launch, or nothing.
"""

from __future__ import annotations

import functools
import json
import re
import typing as t
import zlib

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import START
from ansible_collections.background.jobs.plugins.plugin_utils._core.sources import PACKAGE, is_part, sent, source

LINE = (
    'import sys;sys.path[:]=[p for p in sys.path if p not in("",".")];import zlib;'
    "s=sys.stdin.buffer;exec(zlib.decompress(s.read(int(s.readline()))))"
)
"""What the target's Python is given with `-c`, the same for every request. It is one line without any character that a
shell, whichever it is, could take for something else between single quotes.
"""
OPTIONS = ("-I", "-S", "-c")
"""It imports nothing of what the user that logs in has, and nothing that the system has beside Python itself."""

_LOADER, _DISPATCHER = "_serve.loader", "_serve.main"
_ROOTS = {
    "launch": (
        "_serve.launch",
        "_reader.answer",
        "_cleanup.leftovers",
        "_supervisor.main",
        "_processes.title",
        "_supervisor.boot",
        "_supervisor.fork_server",
    ),
    "ask": ("_serve.ask",),
    "cancel": ("_serve.cancel",),
    "list": ("_serve.listing",),
    "prune": ("_serve.prune",),
}
"""What serves each kind of request, and what that imports, or starts, only when it comes to it."""
_RUNNING = "_launcher.if_running"
"""What a launch needs that looks for running jobs."""
_IMPORT = re.compile(rf"^from {re.escape(PACKAGE)}(?:\.([\w.]+))? import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def payload(request: wire.Request, sources: t.Callable[[str], str] | None = None) -> bytes:
    """:returns: what `LINE` is to find on its standard input.

    :arg sources: reads the source of a part; `None` for what is here.
    """
    roots = _ROOTS[wire.kind_of(request)]
    if isinstance(request, wire.Launch) and request.if_running != START:
        roots += (_RUNNING,)
    program = _program(roots) if sources is None else _pack(parts(roots), sources)
    return program + b"".join(_section(each) for each in wire.encode_request(request))


@functools.lru_cache(maxsize=None)
def _program(roots: tuple[str, ...]) -> bytes:
    """:returns: loader and sources."""
    return _pack(parts(roots), source)


def _pack(names: t.Iterable[str], sources: t.Callable[[str], str]) -> bytes:
    loader = f"{sent(sources(_LOADER))}\nrun(s)\n"
    table = json.dumps({name: sent(sources(name)) for name in names})
    return b"".join(_section(zlib.compress(text.encode("ascii"))) for text in (loader, table))


def _section(data: bytes) -> bytes:
    return b"%d\n%s" % (len(data), data)


def parts(roots: t.Iterable[str]) -> list[str]:
    """:returns: these parts, with all that they import as they are loaded, and so on."""
    found: dict[str, None] = {}
    wanted = [_DISPATCHER, *roots]
    while wanted:
        part = wanted.pop()
        if part not in found:
            found[part] = None
            wanted += _imports(part)
    return sorted(found)


@functools.lru_cache(maxsize=None)
def _imports(part: str) -> tuple[str, ...]:
    """:returns: the parts that one imports at its top level."""
    found: list[str] = []
    for place, imported in _IMPORT.findall(sent(source(part))):
        if is_part(place):
            found.append(place)
        else:  # a package
            names = (name.split()[0] for name in imported.strip("()").split(",") if name.strip())
            found += [f"{place}.{name}" if place else name for name in names]
    return tuple(found)
