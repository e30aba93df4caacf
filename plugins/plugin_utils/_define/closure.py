# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a play that the conditions of a job name, as they are when the job is launched.

PRIVATE to the collection background.jobs. Do not use this from other collections.

They travel in the handle, beside the conditions. So nothing of a play is looked up, and no template evaluated, because
of what stands in a handle: it may have come from a file, or from a host that says it is a handle.
"""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleError
from jinja2 import nodes

Path = t.Tuple[str, ...]
Resolve = t.Callable[[str], t.Any]
"""Returns the value of a variable of the play. Raises an error of ansible-core where it has none."""

_STEPS = {"hostvars": 2, "vars": 1}
"""How many keys must follow a variable that stands for all variables."""
_MOST = 65536
"""Characters that the values for one job can have as JSON."""


class ClosureError(Exception):
    """A value that cannot be kept; the message is the rest of a sentence that begins with the condition."""


def close_over(trees: t.Iterable[nodes.Node], variables: t.Collection[str], resolve: Resolve) -> dict[str, t.Any]:
    """Find the values of those variables that expressions name.

    :arg trees: the expressions.
    :arg variables: the names of the variables that there are. Other names are keys of the result, or undefined.
    :returns: the values by name, as JSON. Of a mapping of which only some keys are named there are only those. What has
        no value is left out, so that it is undefined for the expression, too.
    :raises ClosureError: a value cannot be kept in a handle.
    """
    found: dict[str, t.Any] = {}
    for path in dict.fromkeys(path for tree in trees for path in _paths(tree)):
        if path[0] in variables:
            try:
                value = _value(path, resolve)
            except AnsibleError:
                continue
            found = _merged(found, value)
    size = len(json.dumps(found))
    if size > _MOST:
        raise ClosureError(
            f"names variables with {size} characters together, of which a handle can keep {_MOST}: "
            "set a variable to what is needed of them, and name that"
        )
    return found


def _paths(tree: nodes.Node, keys: Path = ()) -> t.Iterator[Path]:
    """:returns: each variable that is named, with the keys that are certain to follow it."""
    if isinstance(tree, nodes.Name):
        yield (tree.name, *keys)
        return
    if isinstance(tree, nodes.Getattr):
        yield from _paths(tree.node, (tree.attr, *keys))
        return
    if isinstance(tree, nodes.Getitem) and isinstance(tree.arg, nodes.Const) and isinstance(tree.arg.value, str):
        yield from _paths(tree.node, (tree.arg.value, *keys))
        return
    for child in tree.iter_child_nodes():
        yield from _paths(child)


def _value(path: Path, resolve: Resolve) -> dict[str, t.Any]:
    """:returns: a mapping with the value that stands at a path, or the whole mapping where a key is none of it.

    :raises AnsibleError: there is no such value.
    """
    name, *keys = path
    if len(keys) < _STEPS.get(name, 0):
        raise ClosureError(
            f"names all of '{name}', of which a handle can keep a part: set a variable to what is needed of it, and "
            "name that"
        )
    value, kept = resolve(name), None
    used = [name]
    for key in keys:
        if not isinstance(value, t.Mapping) or (key not in value and hasattr(dict, key)):
            break
        if key not in value:
            kept = t.cast("t.Any", {})
            break
        value = value[key]
        used.append(key)
    kept = _plain(value, name) if kept is None else kept
    for key in reversed(used):
        kept = {key: kept}
    return t.cast("dict[str, t.Any]", kept)


def _plain(value: t.Any, name: str) -> t.Any:
    """:returns: a value as JSON has it, without the marks and the laziness of ansible-core's own types."""
    if isinstance(value, t.Mapping):
        return {str(key): _plain(each, name) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, name) for each in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise ClosureError(
        f"names '{name}', which holds something that JSON has not, such as a date, and a handle cannot keep it: set a "
        "variable to its text, and name that"
    )


def _merged(one: t.Any, other: t.Any) -> t.Any:
    """:returns: what two parts of one value have together."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{key: _merged(one[key], each) if key in one else each for key, each in other.items()}}
