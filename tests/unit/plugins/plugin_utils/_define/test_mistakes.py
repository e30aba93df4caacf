# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.capture import CaptureError
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._define.mistakes import Mistakes, placed, wrong


def told(mistakes: Mistakes) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        mistakes.check()
    return caught.value


def note(mistakes: Mistakes, place: str, text: str, example: str = "", name: str = "", hidden: bool = False) -> None:
    with mistakes.noting(), placed(place, lambda: name, hidden):
        raise DefinitionError(f"{place}{text}", example, "at")


def test_no_mistakes_are_none() -> None:
    mistakes = Mistakes(3)
    with mistakes.noting():
        pass
    mistakes.check()


def test_one_is_told_as_it_is_with_the_name_of_its_job() -> None:
    mistakes = Mistakes(3)
    note(mistakes, "jobs[1]", ": no", "x: 1", "backup")
    error = wrong(told(mistakes), "; nothing was started")
    assert (str(error), error.example, error.at) == ("jobs[1] (backup): no; nothing was started", "x: 1", "at")
    assert error.headline == ""


def test_equal_ones_count_once() -> None:
    mistakes = Mistakes(100)
    for number in range(100):
        note(mistakes, f"for_each[{number}] (x)", ": no", "x: 1", "name")
    assert str(told(mistakes)) == "for_each[0] (x): no (and 99 other jobs like it)"
    assert not mistakes.enough


def test_several_are_told_together_with_their_examples() -> None:
    mistakes = Mistakes(5)
    note(mistakes, "jobs[0]", ": no", "x: 1\ny: 2")
    with mistakes.noting():
        raise CaptureError("there is no module")
    error = wrong(told(mistakes), "; nothing was started")
    assert str(error) == "2 of 5 jobs have mistakes: jobs[0]: no; there is no module; nothing was started"
    assert error.headline == "2 of 5 jobs have mistakes; nothing was started"
    assert error.example == "jobs[0]: no\n    x: 1\n    y: 2\nthere is no module"


def test_no_more_than_five_are_told() -> None:
    mistakes = Mistakes(9)
    for number in range(7):
        note(mistakes, f"jobs[{number}]", f": {number}")
        assert mistakes.enough is (number > 4)
    assert str(told(mistakes)).endswith("; jobs[4]: 4; and 2 more")


def test_the_lines_of_a_job_with_no_log_are_not_shown() -> None:
    mistakes = Mistakes(1)
    note(mistakes, "jobs[0]", ": no", hidden=True)
    assert told(mistakes).at is None
