# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several property tests draw from."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

Json = t.Any

# The lone surrogates that Python reads instead of bytes that are no UTF-8; two others could make a pair, and JSON
# cannot tell a pair from the character it stands for.
TEXTS = st.text(max_size=12) | st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), max_size=3)
NUMBERS = st.integers() | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Json]]:
    """JSON objects in which these keys are frequent."""
    keys = st.sampled_from(names) | TEXTS if names else TEXTS
    return st.dictionaries(keys, JSON, max_size=6)


def mutated(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes that were cut off, or of which some were replaced, left out or put in."""

    def mutate(whole: bytes, cut: tuple[float, float], between: bytes) -> bytes:
        first, last = sorted(int(share * len(whole)) for share in cut)
        return whole[:first] + between + whole[last:]

    def truncate(whole: bytes, share: float) -> bytes:
        return whole[: int(share * len(whole))]

    share = st.floats(0, 1)
    return st.builds(mutate, data, st.tuples(share, share), st.binary(max_size=4)) | st.builds(truncate, data, share)


def replaced(document: Json, path: t.Sequence[int], value: Json) -> Json:
    """A JSON document with one of its values replaced: the one that a path of arbitrary numbers leads to."""
    if not path or not isinstance(document, (dict, list)) or not document:
        return value
    if isinstance(document, list):
        index = path[0] % len(document)
        return [*document[:index], replaced(document[index], path[1:], value), *document[index + 1 :]]
    key = sorted(document)[path[0] % len(document)]
    return {**document, key: replaced(document[key], path[1:], value)}


PATHS = st.lists(st.integers(0, 50), min_size=1, max_size=5)
