# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a job ended: a pure function of what its process wrote and of how it went.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import re
import signal
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCELLED,
    DEADLINE,
    EXIT_CODE,
    FAILED,
    MODULE,
    NO_OUTPUT,
    NOT_ENDED,
    OUTPUT_TOO_LONG,
    OUTPUT_UNPARSABLE,
    SIGNAL,
    SPAWN,
    SUCCEEDED,
    TIMED_OUT,
    TIMEOUT,
)

OURS = "job"
"""The key of a result that holds what is said of its job. All others are the module's own."""
NOTHING_SAID = ("", "non-zero return code", "The command exited with a non-zero return code.")
"""What the module command says of a return code other than 0: up to 2.20, and since 2.21."""
_DIGITS = 4300
"""How many digits a number of a result may have: the limit of Python (sys.int_info) since 3.11."""
_NAMED = 5
"""How many of the processes that could not be ended a sentence names."""
_CAUSES = 20
"""Causes of causes that are told."""
_EXCERPT = 2000
"""How many characters of output that is no result are kept at each end, for the person who has to understand it."""


_UNSEEN = "this host shows no processes, neither by /proc nor by ps, so what has left the job's session may run on"

PARTIAL = 1 << 20
"""How many bytes of a job's log its result shows at most, if the module itself gave no result."""
_MARK = 100
"""Bytes; the line about what was left out has fewer."""


@dataclasses.dataclass
class Ending:
    """The end of a job's process. `status` is the exit status, negative for the number of a signal.

    `log` reads what the module's commands had printed. `cause` says why the job was ended from outside (a cause of
    `_supervisor.schedule`), `None` where it ended by itself; `why` is a clause about it. `elapsed` and `timeout` are
    seconds, `max_output` is bytes; 0 means no limit. `survivors` are processes of a job with a `cause` that could not
    be ended (see `_processes.tree.describe_processes`). `is_unseen`: whether there are any could not be seen.
    """

    stdout: bytes
    stderr: bytes
    status: int
    elapsed: float
    timeout: float = 0
    cause: str | None = None
    why: str | None = None
    log: t.Callable[[], bytes] = bytes
    max_output: int = 0
    left_out: int = 0
    survivors: t.Sequence[t.Mapping[str, t.Any]] = ()
    is_unseen: bool = False


@dataclasses.dataclass
class Outcome:
    """The state of a finished job, its reason and a sentence (both `None` for a success), and the module's result.

    `survivors` are its processes that could not be ended. `truncated` are the keys of the result that were cut.
    """

    state: str
    result: dict[str, t.Any]
    reason: str | None = None
    message: str | None = None
    survivors: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    truncated: list[str] = dataclasses.field(default_factory=list)


def judge_ending(ending: Ending) -> Outcome:
    """Decide what became of a module run.

    A module that printed a result has ended, however its process went after that. The result counts as failed by
    the rule of ansible-core: `failed`, or a return code other than 0 where `failed` is not given.
    """
    outcome = _judge(ending)
    outcome.result.pop("invocation", None)  # the arguments: not for the disk
    outcome.truncated = limit(outcome.result, ending.max_output)
    return outcome


def _judge(ending: Ending) -> Outcome:
    try:
        result, junk = find_result(ending.stdout)
    except ValueError as exc:
        return _no_result(ending, str(exc)) if ending.cause is None else _ended(ending, None)
    if ending.cause is not None:
        return _ended(ending, result)
    if junk:
        _warn(result, f"Module invocation had junk after the JSON data: {junk[:_EXCERPT]}")
    stderr = _text(ending.stderr)
    if stderr.strip():
        result.setdefault("stderr", stderr)
    return of_result(result)


def of_result(result: dict[str, t.Any]) -> Outcome:
    """:returns: the outcome of a module run, or of an action that ran none, by its own result alone."""
    return Outcome(FAILED, result, *_why_failed(result)) if is_failed(result) else Outcome(SUCCEEDED, result)


def of_block(names: t.Sequence[str], outcomes: t.Sequence[Outcome]) -> Outcome:
    """:returns: the outcome of a block: its last step's, with those of all that ran under `steps`.

    :arg names: the names of all steps of the block.
    """
    last = outcomes[-1]
    result = dict(last.result)
    steps = [part(outcome, name=name) for name, outcome in zip(names, outcomes)]
    result["steps"] = steps
    result["changed"] = any(step.get("changed") for step in steps)
    for key in ("warnings", "deprecations"):
        together = [entry for step in steps if isinstance(step.get(key), list) for entry in step[key]]
        if together:
            result[key] = together
    message = last.message
    if last.state != SUCCEEDED:
        how = f" {FAILED}" if last.state == FAILED else ""  # else the message says it
        message = f"step {len(outcomes)} of {len(names)} ({names[len(outcomes) - 1]}){how}: {last.message}"
        result.update(failed=True, msg=message)
    return Outcome(last.state, result, last.reason, message, last.survivors, last.truncated)


def part(outcome: Outcome, size: int = 0, **ours: t.Any) -> dict[str, t.Any]:
    """:returns: the result of a step or of an attempt: its module's, with what is ours in the one key `OURS`.

    :arg size: to how many bytes its texts are cut, 0 for what they are.
    :arg ours: what there is to say of it beside the outcome.
    """
    result = dict(outcome.result)
    truncated = sorted({*outcome.truncated, *limit(result, size)})
    ours.update(state=outcome.state)
    for key, value in (("reason", outcome.reason), ("message", outcome.message), ("truncated", truncated)):
        if value:
            ours[key] = value
    if OURS in result:
        ours["shadowed"] = {OURS: result[OURS]}
    if outcome.message:
        result.setdefault("msg", outcome.message)
    return {**result, OURS: ours}


def limit(result: dict[str, t.Any], size: int) -> list[str]:
    """Cut what is longer than `size` bytes (0: nothing) out of the middle of each text of a result.

    :returns: the keys of these texts.
    """
    cut = []
    for key, value in list(result.items()):
        if size and isinstance(value, str) and len(value.encode("utf-8", "replace")) > size:
            result[key] = _shorten(value, size)
            result.pop(f"{key}_lines", None)
            cut.append(key)
    return sorted(cut)


def _shorten(text: str, size: int) -> str:
    data = text.encode("utf-8", "replace")
    head, tail = data[: size // 2], data[len(data) - size // 2 :]
    # half a character at a cut is dropped
    return joined(head, len(data) - len(head) - len(tail), tail).decode("utf-8", "ignore")


def joined(head: bytes, left_out: int, tail: bytes) -> bytes:
    """:returns: the two ends of a text, with a line that tells how many bytes between them are left out."""
    return b"%s\n[... %d bytes left out ...]\n%s" % (head, left_out, tail)


def spawn_failed(name: str, interpreter: t.Sequence[str], error: OSError) -> Outcome:
    """:returns: the outcome of a job whose process could not be started."""
    what = interpreter[0] if interpreter else "the module"
    # Of Python 3.6 the text itself has the name of the file in it.
    message = f"could not start job {name}: {what}: {os.strerror(error.errno) if error.errno else error}"
    return Outcome(FAILED, {"failed": True, "msg": message}, SPAWN, message)


def is_failed(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a module's result means failure (ansible-core: task_executor and UnifiedTaskResult)."""
    if "failed" in result:
        return bool(result["failed"])
    return result.get("rc", 0) not in (0, "0", None)


def find_result(stdout: bytes) -> tuple[dict[str, t.Any], str]:
    """Find the JSON object that a module printed, by the rule of ansible-core (`json_utils`, since 2.18 at least).

    It begins with the first line that begins with an opening brace, and ends with the last line that ends with a
    closing one. What is between them has to be one JSON object: two of them are no result.

    :returns: the object, and the lines behind it if they hold anything. Bytes that are no UTF-8 become U+FFFD, as do
        the lone surrogates that stand for such bytes in a module's JSON: a status file must be readable by everyone.
    :raises ValueError: there is none; the message is a clause about what was printed.
    """
    text = _text(stdout)
    start, brace = _beginning(text)
    last = text.rfind("}", brace)
    end = _END.match(text, last) if last >= 0 else None
    if end is None:
        end = next(iter(collections.deque(_END.finditer(text, brace), maxlen=1)), None)
    if end is None:
        raise ValueError("printed a JSON object that is not complete")
    rest, text = text[end.end() :], text[start : end.end(1)]
    junk = "" if rest.isspace() else "\n".join(rest[: 2 * _EXCERPT].splitlines())
    del rest
    if any(character in text for character in _BREAKS):
        text = "\n".join(text.splitlines())
    try:
        return _clean(_DECODER.decode(text)), junk
    except RecursionError:
        raise ValueError("printed a JSON object that is nested too deeply") from None
    except ValueError as exc:
        raise ValueError(f"printed something else than one JSON object ({exc})") from None


def _beginning(text: str) -> tuple[int, int]:
    """:returns: where the first line begins that begins with an opening brace, and where that brace is.

    :raises ValueError: there is none.
    """
    brace = text.find("{")  # found at once where a regular expression would look at each character
    if brace >= 0:
        before = text[:brace].rstrip(_BLANKS)
        if not before or before[-1] in _BREAKS:
            return len(before), brace
        begin = _BEGIN.search(text, brace)
        if begin is not None:
            return begin.start(), begin.end() - 1
    raise ValueError("printed no JSON object")


def _whole_number(digits: str) -> int:
    """:raises ValueError: it is so long that it would take minutes to be read, as Python 3.11 and newer say, too."""
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of more than {_DIGITS} digits")
    return int(digits)


_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""What ends a line for `str.splitlines`."""
_BLANKS = "\t\x1f \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What `str.strip` takes away beside."""
_BEGIN = re.compile(rf"(?<=[{_BREAKS}])[{_BLANKS}]*{{")
_END = re.compile(rf"(}}[{_BLANKS}]*)(?:\r\n|[{_BREAKS}]|\Z)")
_DECODER = json.JSONDecoder(parse_int=_whole_number)
_is_ascii = getattr(str, "isascii", lambda text: False)
"""Since Python 3.7."""


def whole(text: str) -> str:
    """:returns: `text` with U+FFFD for each lone surrogate: these stand for bytes that are no UTF-8."""
    return text if _is_ascii(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _clean(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return whole(value)
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
    message = with_cause(result.get("msg"), brief(result.get("exception"))) or "the module reported a failure"
    code = result.get("rc")
    if code in (0, "0", None):
        return MODULE, message
    return EXIT_CODE, f"exit code {code}" if message in NOTHING_SAID else f"{message} (exit code {code})"


def brief(exception: t.Any) -> str:
    """:returns: what ansible-core tells of the `exception` of a failed module without being asked for a traceback.

    Since 2.19 it is a serialised ErrorSummary: the messages of its chain of causes. Before it is a traceback as text:
    the last line.
    """
    if isinstance(exception, str):
        last = exception.strip().rpartition("\n")[2].strip()
        return "" if last.startswith("(") else last  # such as "(traceback unavailable)"
    parts: list[str] = []
    event = exception.get("event") if isinstance(exception, dict) else None
    while isinstance(event, dict) and isinstance(event.get("msg"), str) and len(parts) < _CAUSES:
        parts.append(event["msg"])
        chain = event.get("chain")
        event = chain.get("event") if isinstance(chain, dict) and chain.get("follow", True) else None
    message = parts.pop() if parts else ""
    for part in reversed(parts):
        message = part if part.endswith(message) else _joined(part, message)
    return message


def with_cause(message: t.Any, cause: str) -> str:
    """:returns: `message` with a `cause` that may say all of it or a part of it once more."""
    text = str(message or "").strip()
    if not cause or cause in text:
        return text
    return cause if cause.startswith(text.rstrip(". ")) else _joined(text, cause)


def _joined(message: str, cause: str) -> str:
    return f"{message.rstrip('. ')}: {cause}"  # as ansible-core does


def _ended(ending: Ending, found: dict[str, t.Any] | None) -> Outcome:
    """:returns: the outcome of a job that was ended from outside, with the output it had until then."""
    after = f"after {_seconds(ending.elapsed)}"
    if ending.cause == TIMEOUT:
        limit = _seconds(ending.timeout)
        state, why, message = TIMED_OUT, f"reached its timeout of {limit}", f"timed out {after} (timeout: {limit})"
    elif ending.cause == DEADLINE:
        why = "reached the deadline of its batch"
        state, message = TIMED_OUT, f"timed out {after} (deadline of its batch)"
    else:
        why = ending.why or "it was cancelled"
        state, message = CANCELLED, f"{why}; ended {after}"
    if ending.survivors:
        message = f"{why}; {name_survivors(ending.survivors)}"
    if ending.is_unseen:
        message += f"; {_UNSEEN}"
    result = _partial(ending) if found is None else found
    result["failed"] = True
    if ending.survivors:
        result["msg"] = message
        return Outcome(FAILED, result, NOT_ENDED, message, [dict(one) for one in ending.survivors])
    if state == TIMED_OUT:
        result.update(timed_out=True, timeout=ending.timeout)
    result["msg"] = message
    return Outcome(state, result, ending.cause, message)


def _no_result(ending: Ending, why: str) -> Outcome:
    """:arg why: a clause about what was printed."""
    if ending.status < 0:
        reason, how = SIGNAL, f"its process was ended by {signal_name(-ending.status)}"
    elif ending.left_out:
        size = len(ending.stdout)
        reason, how = OUTPUT_TOO_LONG, f"its process printed more than {size} bytes, and none of them are a result"
    elif not ending.stdout.strip():
        reason, how = NO_OUTPUT, f"its process ended with exit code {ending.status} and printed nothing"
    else:
        reason, how = OUTPUT_UNPARSABLE, f"its process ended with exit code {ending.status} and {why}"
    message = f"the module gave no result: {how}"
    tail = _text(ending.stderr).strip().splitlines()
    if tail:
        message += f" (last line of its error output: {tail[-1][:200]})"
    result = {"failed": True, "msg": message, "rc": ending.status, **_partial(ending)}
    return Outcome(FAILED, result, reason, message)


def _partial(ending: Ending) -> dict[str, t.Any]:
    """:returns: what there is of a module that printed no result: its own output, and that of the commands it ran."""
    partial = {"module_stdout": _excerpt(_text(ending.stdout)), "module_stderr": _excerpt(_text(ending.stderr))}
    log = ending.log()
    if log:
        text = _text(log)
        partial["stdout"] = text if len(log) <= PARTIAL + _MARK else _shorten(text, PARTIAL)
    return partial


def _excerpt(text: str) -> str:
    if len(text) <= 2 * _EXCERPT:
        return text
    return f"{text[:_EXCERPT]}\n[... {len(text) - 2 * _EXCERPT} characters left out ...]\n{text[-_EXCERPT:]}"


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value == int(value) else f"{value:.1f} s"


def name_survivors(survivors: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """:returns: a clause about processes of a job that could not be ended, the first ones named.

    :arg survivors: as `_processes.tree.describe_processes` tells them.
    """
    named = [f"pid {one['pid']} ({one['command']}, of user {one['owner']})" for one in survivors[:_NAMED]]
    if len(survivors) > _NAMED:
        named.append(f"{len(survivors) - _NAMED} more")
    some = "a process of it runs on that" if len(survivors) == 1 else f"{len(survivors)} processes of it run on that"
    return f"{some} could not be ended: {', '.join(named)}"


def signal_name(number: int) -> str:
    """:returns: the name of a signal, such as `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
