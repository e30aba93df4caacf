# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes as users write them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.text.formatters import human_to_bytes

_ONE = re.compile(r"[0-9.]+\s*[A-Za-z]*")
"""A number and a unit. Up to 2.17 `human_to_bytes` does not mind what comes after them."""


def size(value: t.Any, option: str) -> int:
    """Turn `65536`, `64K` or `10MB` into bytes.

    :arg option: what the value was given for, for the message.
    :raises ValueError: it is not a size; the message is a sentence.
    """
    try:
        text = str(value).strip()
        if isinstance(value, bool) or not _ONE.fullmatch(text):
            raise ValueError
        return int(human_to_bytes(text))
    except (ValueError, OverflowError):
        message = f"{option} is {value!r}: give a number of bytes, or a size such as 64K or 10MB; 0 means no limit"
        raise ValueError(message) from None
