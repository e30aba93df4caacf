# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first code of the program on the target: it loads the rest from standard input, where all of it travels.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It is not imported by anything: the controller sends its text, and calls `run` behind it. So nothing of the program
ever lies on the target's disk, and a part is compiled when it is first imported. Old Pythons have to understand this
text, too: one that the program cannot run with says so. Python 3.6 runs all of it, but would evaluate annotations.
"""

# mypy: ignore-errors

import sys

_OLDEST = (3, 6)
_POSTPONES = (3, 7)
"""The first Python that can be told not to evaluate annotations."""
_MARK = "background.jobs answers "
"""What the line with the answer begins with, whatever else is printed by what stands between us and the controller."""
_PACKAGE = "ansible_collections.background.jobs.plugins.module_utils."


class Sources:
    """Finds and loads the parts of the program, by their names in `_PACKAGE`, in a table of their sources."""

    def __init__(self, sources):
        self._sources = sources
        self._packages = set()
        for part in sources:
            pieces = (_PACKAGE + part).split(".")
            self._packages.update(".".join(pieces[:level]) for level in range(1, len(pieces)))

    def find_spec(self, name, path=None, target=None):
        """:returns: how to load a module; `None` for one that is not ours."""
        is_package = name in self._packages
        if not is_package and self._part(name) not in self._sources:
            return None
        return type(sys.__spec__)(name, self, is_package=is_package)

    def create_module(self, spec):
        """:returns: `None`: an ordinary module."""

    def exec_module(self, module):
        """Run a part. Its name stands for that of a file; nobody asks for its docstrings."""
        name = module.__name__
        if self._part(name) in self._sources:
            exec(compile(parsed(self.get_source(name)), name, "exec", 0, True, 2), module.__dict__)

    def get_source(self, name):
        """:returns: the text of a part."""
        return self._sources[self._part(name)]

    @staticmethod
    def _part(name):
        return name[len(_PACKAGE) :] if name.startswith(_PACKAGE) else None


def parsed(text):
    """:returns: a source for `compile`; for Python 3.6 a tree of it in which no annotation is evaluated.

    Those of the fields of a class are texts there, as `from __future__ import annotations` makes them since Python 3.7.
    """
    if sys.version_info >= _POSTPONES:
        return text
    import ast

    lines = text.splitlines()
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            place = node.annotation
            written = lines[place.lineno - 1][place.col_offset :].partition(" = ")[0]
            node.annotation = ast.copy_location(ast.parse(repr(written), mode="eval").body, place)
    return tree


def section(stream):
    """:returns: the next bytes that the controller has sent together: a line says how many they are.

    It may have died while it sent them; then nothing is done.
    """
    size = int(stream.readline())
    data = stream.read(size)
    if len(data) != size:
        raise SystemExit("the connection has ended before all of the request was here")
    return data


def run(stream):
    """Load the program, and let it answer the request behind it."""
    if sys.version_info < _OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        text = sys.executable + " is Python " + found + ", and background.jobs needs 3.6 or newer there"
        answer = '{"version": 1, "kind": "refusal", "answer": {"message": "' + text + '"}}'
        sys.stdout.write("\n" + _MARK + answer + "\n")
        return
    import gc
    import json
    import zlib

    gc.disable()  # what is loaded stays; a supervisor switches it on again
    sys.meta_path.insert(0, Sources(json.loads(zlib.decompress(section(stream)).decode("ascii"))))
    from ansible_collections.background.jobs.plugins.module_utils._serve.main import main

    main(section(stream), section(stream))
