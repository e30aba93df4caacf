# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a job ended: a pure function of what its process wrote and of how it went.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import signal
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._record import FAILED, SUCCEEDED, TIMED_OUT

_ATTEMPTS = 1000
"""How many lines that begin like an object are tried as one; each failure costs time in proportion to the output."""
_EXCERPT = 2000
"""How many characters of output that is no result are kept at each end, for the person who has to understand it."""


@dataclasses.dataclass
class Ending:
    """The end of a job's process. O(status) is the exit status, negative for the number of a signal.

    O(cause) says why the job was ended from outside (V(timeout)), C(None) where it ended by itself. O(elapsed) and
    O(timeout) are seconds.
    """

    stdout: bytes
    stderr: bytes
    status: int
    elapsed: float
    timeout: float = 0
    cause: str | None = None


@dataclasses.dataclass
class Outcome:
    """The state of a finished job, its reason and a sentence (both C(None) for a success), and the module's result."""

    state: str
    result: dict[str, t.Any]
    reason: str | None = None
    message: str | None = None


def judge(ending: Ending) -> Outcome:
    """Decide what became of a job.

    A module that printed a result has ended, however its process went after that. The result counts as failed by
    the rule of ansible-core: C(failed), or a return code other than 0 where C(failed) is not given.
    """
    found = find_result(ending.stdout)
    if ending.cause == "timeout":
        return _timed_out(ending, found)
    if found is None:
        return _no_result(ending)
    result, junk = found
    if junk:
        _warn(result, f"Module invocation had junk after the JSON data: {junk[:_EXCERPT]}")
    stderr = _text(ending.stderr)
    if stderr.strip():
        result.setdefault("stderr", stderr)
    if not is_failed(result):
        return Outcome(SUCCEEDED, result)
    return Outcome(FAILED, result, *_why_failed(result))


def spawn_failed(name: str, interpreter: t.Sequence[str], error: OSError) -> Outcome:
    """:returns: the outcome of a job whose process could not be started."""
    what = interpreter[0] if interpreter else "the module"
    message = f"could not start job {name}: {what}: {error.strerror or error}"
    return Outcome(FAILED, {"failed": True, "msg": message}, "spawn", message)


def is_failed(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a module's result means failure (ansible-core: task_executor and UnifiedTaskResult)."""
    if "failed" in result:
        return bool(result["failed"])
    return result.get("rc", 0) not in (0, "0", None)


def find_result(stdout: bytes) -> tuple[dict[str, t.Any], str] | None:
    """Find the JSON object that a module printed, and what it printed after it.

    :returns: both, or C(None) where there is no object. Bytes that are no UTF-8 become U+FFFD, as do the lone
        surrogates that stand for such bytes in a module's JSON: a status file must be readable by everyone.
    """
    text = _text(stdout)
    decoder = json.JSONDecoder()
    for position in itertools.islice(_line_starts(text), _ATTEMPTS):
        try:
            value, end = decoder.raw_decode(text, position)
            return _clean(value), text[end:].strip()
        except (ValueError, RecursionError):
            continue
    return None


def _line_starts(text: str) -> t.Iterator[int]:
    """:returns: the positions of the opening braces that are the first character of a line."""
    return (match.end() - 1 for match in re.finditer(r"^[ \t]*{", text, re.MULTILINE))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _clean(value: t.Any) -> t.Any:
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _warn(result: dict[str, t.Any], message: str) -> None:
    warnings = result.setdefault("warnings", [])
    if isinstance(warnings, list):
        warnings.append(message)


def _why_failed(result: t.Mapping[str, t.Any]) -> tuple[str, str]:
    message = str(result.get("msg") or _exception(result) or "the module reported a failure")
    code = result.get("rc")
    if code in (0, "0", None):
        return "module", message
    return "exit_code", f"exit code {code}" if message == "non-zero return code" else f"{message} (exit code {code})"


def _exception(result: t.Mapping[str, t.Any]) -> str:
    """:returns: what a crashed module says since ansible-core 2.19: the message of a serialised ErrorSummary."""
    event = result["exception"].get("event") if isinstance(result.get("exception"), dict) else None
    return str(event.get("msg") or "") if isinstance(event, dict) else ""


def _timed_out(ending: Ending, found: tuple[dict[str, t.Any], str] | None) -> Outcome:
    message = f"ran into its limit of {_seconds(ending.timeout)} and was ended after {_seconds(ending.elapsed)}"
    result = found[0] if found else _excerpts(ending)
    result.update(failed=True, timed_out=True, timeout=ending.timeout, msg=f"Timeout exceeded: the job {message}")
    return Outcome(TIMED_OUT, result, "timeout", message)


def _no_result(ending: Ending) -> Outcome:
    if ending.status < 0:
        reason, how = "signal", f"its process was ended by {signal_name(-ending.status)}"
    elif not ending.stdout.strip():
        reason, how = "no_output", f"its process ended with exit code {ending.status} and printed nothing"
    else:
        reason, how = (
            "output_unparsable",
            f"its process ended with exit code {ending.status} and printed no JSON object",
        )
    message = f"the module gave no result: {how}"
    tail = _text(ending.stderr).strip().splitlines()
    if tail:
        message += f" (last line of its error output: {tail[-1][:200]})"
    result = {"failed": True, "msg": message, "rc": ending.status, **_excerpts(ending)}
    return Outcome(FAILED, result, reason, message)


def _excerpts(ending: Ending) -> dict[str, t.Any]:
    return {"module_stdout": _excerpt(_text(ending.stdout)), "module_stderr": _excerpt(_text(ending.stderr))}


def _excerpt(text: str) -> str:
    if len(text) <= 2 * _EXCERPT:
        return text
    return f"{text[:_EXCERPT]}\n[... {len(text) - 2 * _EXCERPT} characters left out ...]\n{text[-_EXCERPT:]}"


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value == int(value) else f"{value:.1f} s"


def signal_name(number: int) -> str:
    """:returns: the name of a signal, such as V(SIGKILL)."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
