# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module printed counts for a job as it does for a task: beside each core's own function."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.json_utils import _filter_non_json_lines
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import Ending, judge_ending

OK = '{"changed": true}'
FAILED = '{"failed": true}'
JUNK = "Module invocation had junk after the JSON data: "

SHAPES = {
    "alone": OK,
    "failed": FAILED,
    "nothing": "",
    "white space": " \n\t\n",
    "text": "hello",
    "text with a brace": "hello {",
    "lines before": f"Last login: today\n{OK}",
    "a list before": f"[1, 2]\n{OK}",
    "the beginning of a list before": f"[\n{OK}",
    "a list alone": "[1, 2]",
    "a list of objects": f"[{OK}]",
    "a list of objects, in lines": f"[\n{OK}\n]",
    "a brace at the end of the line before": f"x {{\n{OK}",
    "an object before": f'{{"debug": 1}}\n{FAILED}',
    "an object after": f'{FAILED}\n{{"debug": 1}}',
    "an empty object before": f"{{}}\n{FAILED}",
    "two objects in a line": f"{OK} {FAILED}",
    "two objects without a space": f"{OK}{FAILED}",
    "no JSON in braces before": f"{{debug}}\n{FAILED}",
    "no JSON in braces after": f"{OK}\n{{debug}}",
    "an opening brace before": f"{{\n{OK}",
    "a closing brace before": f"}}\n{OK}",
    "a closing brace after": f"{OK}\n}}",
    "an opening brace after": f"{OK}\n{{",
    "a line after that ends with a brace": f"{OK}\nat main() {{ }}",
    "lines after": f"{OK}\nSegmentation fault\n\n  core dumped\n",
    "empty lines after": f"{OK}\n\n \n",
    "text in the same line before": f"debug {OK}",
    "text in the same line after": f"{OK} debug",
    "white space in the same line": f" \t{OK}\t ",
    "in lines": '{\n"changed": true,\n"a": {\n}\n}',
    "in lines, cut": '{\n"changed": true,\n"a": {\n}\n',
    "in lines, with text between": '{\n"changed": true\nx\n}',
    "half": OK[:-1],
    "half, and another": f"{OK[:-1]}\n{OK}",
    "nested": '{"a": {"b": [{"failed": true}]}}',
    "a brace in a text": '{"a": "}\\n{"}',
    "a byte order mark": f"\ufeff{OK}",
    "a byte order mark in a line of its own": f"\ufeff\n{OK}",
    "NUL before": f"\0{OK}",
    "NUL after": f"{OK}\0",
    "NUL in a line of its own": f"\0\n{OK}\n\0",
    "NUL inside": '{"a": "\0"}',
    "carriage returns": f"10%\r100%\r{OK}\r",
    "Windows' ends of lines": f"hello\r\n{OK}\r\nbye\r\n",
    "a carriage return inside": '{"changed":\r true}',
    "other ends of lines": f"a\x0b{OK}\x0cb\x1cc\u2028d",
    "an end of line in a text": '{"a": "b\u2028c"}',
    "no-break space": f"\xa0{OK}\xa0",
    "NaN": '{"a": NaN}',
    "the same key twice": '{"failed": false, "failed": true}',
    "a comma at the end": '{"changed": true,}',
    "single quotes": "{'changed': True}",
    "a number": "42",
    "null": "null",
    "a text": '"{}"',
    "failed among text": f"x\n{FAILED}\ny",
}


def of_core(text: str) -> tuple[t.Any, list[str]]:
    """What ActionBase._parse_returned_data makes of it, as far as there is JSON."""
    try:
        filtered, warnings = _filter_non_json_lines(text, objects_only=True)
        return json.loads(filtered), list(warnings)
    except ValueError:
        return None, []


def of_ours(text: str) -> tuple[t.Any, list[str]]:
    outcome = judge_ending(Ending(text.encode("utf-8"), b"", 0, 1.0))
    if outcome.reason in ("output_unparsable", "no_output"):
        assert outcome.state == "failed"
        return None, []
    assert (outcome.state == "failed") is bool(outcome.result.get("failed"))
    return outcome.result, outcome.result.pop("warnings", [])


@pytest.mark.parametrize("text", SHAPES.values(), ids=list(SHAPES))
def test_a_result_is_found_in_whatever_was_printed_exactly_where_core_finds_it(text: str) -> None:
    assert repr(of_ours(text)) == repr(of_core(text))  # repr, since NaN is not equal to itself


@given(
    st.lists(
        st.sampled_from(
            [OK, FAILED, "{", "}", "{}", "[", "]", "x", "", " ", '"a": 1', ",", "\ufeff", "\0", "\xa0", "\x1f"]
        ),
        max_size=6,
    ),
    st.lists(st.sampled_from([*"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\r\n", " ", ""]), min_size=6, max_size=6),
)
def test_no_other_mixture_is_judged_otherwise_than_by_core(pieces: list[str], between: list[str]) -> None:
    text = "".join(piece + end for piece, end in zip(pieces, between))
    assert of_ours(text) == of_core(text)


def test_the_table_holds_what_core_takes_and_what_it_refuses() -> None:
    found = {name: of_core(text) for name, text in SHAPES.items()}
    assert found["an object before"] == found["an object after"] == (None, [])
    assert found["lines after"] == ({"changed": True}, [f"{JUNK}Segmentation fault\n\n  core dumped"])
    assert found["empty lines after"] == ({"changed": True}, [])
