# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
import types
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError

from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import wait as _wait
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.wait import Terms, Wait, removals
from ansible_collections.background.jobs.tests.unit.helpers import entry

Answer = t.Mapping[str, str]


class Target:
    """An action whose target gives these answers, one state by jid each; the last one for ever."""

    host = "web1"
    hidden = False
    in_diff_mode = False

    left: t.Any = None

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, t.Any]] = []
        self.removed: list[str] = []
        self.survivors: list[dict[str, t.Any]] = []
        self._task = types.SimpleNamespace()

    def ask(self, jids: list[str], mode: str, task_vars: t.Any, secret: bool, **question: t.Any) -> dict[str, t.Any]:
        if mode == "cleanup":
            self.removed += jids
            return {"jobs": [{"jid": jid, "survivors": self.survivors} for jid in jids]}
        assert secret is (any("secret" in jid for jid in jids) or "selection" in question)
        self.asked.append({"jids": jids, **question})
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        jids = jids or list(answer)
        final = question["last"] or not {"queued", "running"} & {answer[jid] for jid in jids}
        return {"jobs": [self._status(jid, answer[jid]) for jid in jids], "user": "root", "final": final}

    def run_removal(self, command: str) -> None:
        self.removed.append(command)

    @staticmethod
    def variables(task_vars: t.Any) -> t.Any:
        return {}.__getitem__

    @staticmethod
    def _status(jid: str, state: str) -> dict[str, t.Any]:
        gone = state in ("lost", "not_found")
        return {
            "jid": jid,
            "state": state,
            "reason": None,
            "message": "there is no status file" if gone else None,
            "results_file": f"/a/{jid}",
            "record": {"name": f"job {jid}"},
            "ours_to_remove": True,
            "result": {"changed": True} if state == "succeeded" else {},
        }


class Patient(Target):
    """A target whose answers take as long as they are asked to; `hurry`: no time at all. `endless`: none is final."""

    now = 0.0
    hurry = False
    endless = False

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.pass_time)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, *arguments: t.Any, **question: t.Any) -> dict[str, t.Any]:
        self.pass_time(0.0 if self.hurry else question["patience"])
        answer = super().ask(*arguments, **question)
        return {**answer, "final": False} if self.endless else answer


def handles(*jids: str) -> list[Handle]:
    return [Handle(jid=jid, name=jid, results_file=f"/a/{jid}", host="web1", no_log="secret" in jid) for jid in jids]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was shown to the user."""
    lines: list[str] = []
    monkeypatch.setattr(_wait.display, "display", lambda line, **options: lines.append(line))
    return lines


def waited(target: Target, some: t.Sequence[Handle], wait_timeout: float = 0, cleanup: bool = True) -> dict[str, t.Any]:
    return Wait(t.cast(JobAction, target), Terms(wait_timeout, cleanup=cleanup), {}).for_jobs(some)


def test_finished_jobs_take_one_question_and_a_line_each(said: list[str]) -> None:
    target = Target({"a": "succeeded", "b": "succeeded"})
    result = waited(target, handles("a", "b"))
    assert [each["job"]["name"] for each in result["results"]] == ["job a", "job b"]
    assert (result["failed"], result["changed"]) == (False, True)
    assert said == ["changed: [web1] => (job=job a)", "changed: [web1] => (job=job b)"]
    (asked,) = target.asked
    assert asked["jids"] == ["a", "b"]
    assert asked["results_files"] == {"a": "/a/a", "b": "/a/b"}
    assert (asked["report"], asked["known"]) == (15, {})


def test_unfinished_jobs_are_asked_for_again_and_reported(said: list[str]) -> None:
    target = Target(
        {"a": "running", "b": "queued"},
        {"a": "running", "b": "queued"},
        {"a": "succeeded", "b": "running"},
        {"a": "succeeded", "b": "failed"},
    )
    result = waited(target, handles("a", "b"))
    assert said == [
        "web1: 0/2 done, 1 running (job a), 1 queued",
        "web1: 1/2 done, 1 running (job b)",
        "changed: [web1] => (job=job a)",
        "failed: [web1] => (job=job b)",
    ]
    assert target.asked[-1]["known"] == {"a": "succeeded", "b": "running"}
    assert result["summary"]["failed"] == 1


def test_the_first_question_may_have_been_asked_along_with_the_launch(said: list[str]) -> None:
    target = Target({"a": "running"}, {"a": "succeeded"})
    wait = Wait(t.cast(JobAction, target), Terms(), {})
    opening = wait.opening()
    assert opening == {"results_files": {}, "patience": 120, "report": 15, "last": False, "known": {}}
    answer = target.ask(["a"], "status", {}, False, **opening)
    assert wait.for_jobs(handles("a"), answer)["failed"] is False
    assert said == ["web1: 0/1 done, 1 running (job a)"]
    assert [asked["known"] for asked in target.asked] == [{}, {"a": "running"}]


def test_what_is_known_already_is_not_asked_for_and_keeps_its_place(said: list[str]) -> None:
    target = Target({"b": "succeeded"})
    skipped = Handle(name="a", result=entry("a", "skipped"))
    result = waited(target, [skipped, *handles("b"), skipped])
    assert [each["job"]["state"] for each in result["results"]] == ["skipped", "succeeded", "skipped"]
    assert target.asked[0]["jids"] == ["b"]


def test_another_attempt_of_the_task_has_what_was_collected_before(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as with `until`, by whatever part of the id the job was given; the host has no file of it any more."""
    target = Patient({"j1234567.0": "failed", "b": "running"}, {"b": "succeeded"})
    target.use(monkeypatch)
    assert waited(target, handles("j1234567.0", "b"), wait_timeout=1)["finished"] is False
    result = waited(target, handles("j123456.0", "b"))
    assert [each["job"]["state"] for each in result["results"]] == ["failed", "succeeded"]
    assert (result["failed"], result["finished"]) == (True, True)
    assert [asked["jids"] for asked in target.asked] == [["j1234567.0", "b"], ["b"]]
    assert len(target.removed) == 1  # b is no jid of ours


def test_another_attempt_to_wait_for_a_group_has_what_was_collected_before(said: list[str]) -> None:
    target = Target({"a": "failed"}, {})
    for attempt in range(3):
        result = Wait(t.cast(JobAction, target), Terms(), {}).for_group("g", None)
        assert [each["job"]["state"] for each in result["results"]] == ["failed"], attempt


def test_without_cleaning_up_another_attempt_asks_again(said: list[str]) -> None:
    target = Target({"a": "running"}, {"a": "failed"})
    waited(target, handles("a"), cleanup=False)
    waited(target, handles("a"), cleanup=False)
    assert [asked["jids"] for asked in target.asked] == [["a"]] * 3


def test_no_jobs_are_no_question() -> None:
    target = Target({})
    assert waited(target, [])["msg"] == "no jobs"
    assert waited(target, [Handle(name="a", result=entry("a", "failed"))])["failed"] is True
    assert target.asked == []


def test_a_timeout_leaves_the_jobs_running_and_says_so(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    target = Patient({"a": "running"})
    target.use(monkeypatch)
    result = waited(target, handles("a"), wait_timeout=230)
    assert result["msg"] == (
        "timed out after 230 s; 1 job still running on web1 (job a). To wait for what runs on, register this result "
        "and give it as 'jobs'"
    )
    assert result["failed"] is True
    assert [(asked["patience"], asked["last"]) for asked in target.asked] == [(120, False), (110, True)]


@pytest.mark.parametrize("hurry", [True, False])
def test_a_host_that_never_comes_to_an_end_is_left_when_the_time_is_up(
    said: list[str], monkeypatch: pytest.MonkeyPatch, hurry: bool
) -> None:
    """One that answers at once, too; and it is not asked without a pause."""
    target = Patient({"a": "running"})
    target.use(monkeypatch)
    target.hurry, target.endless = hurry, True
    with pytest.raises(AnsibleActionFail, match="the answer of web1 about its jobs makes no sense: it says that more"):
        waited(target, handles("a"), wait_timeout=230)
    assert target.now == pytest.approx(290, abs=120)
    assert len(target.asked) <= 300
    assert target.removed == []


def test_a_host_that_does_not_answer_at_all_is_left_when_the_time_is_up(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Target):
        def ask(self, *arguments: t.Any, **question: t.Any) -> t.NoReturn:
            time.sleep(30)
            raise AssertionError("it was not given up")

    monkeypatch.setattr(_wait, "_LATE", 0.05)
    target = Silent({"a": "running"})
    with pytest.raises(AnsibleActionFail, match="web1 holds the connection and does not answer, long after the 1 s of"):
        Wait(t.cast(JobAction, target), Terms(1, grace=0), {}).for_jobs(handles("a"))
    assert target.removed == []


def test_files_go_when_the_result_of_the_task_stands(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever raises before, they stay."""

    class Interrupted(BaseException):
        pass

    for name, failure in (("judged", AnsibleError("x")), ("judged", RecursionError()), ("combine", Interrupted())):
        target = Target({"a": "succeeded", "b": "lost"})
        with monkeypatch.context() as patch:
            patch.setattr(_wait, name, lambda *dummy, failure=failure: (each for each in ()).throw(failure))
            with pytest.raises(type(failure)):
                waited(target, handles("a", "b"))
        assert target.removed == []


def test_who_interrupts_the_removal_of_files_has_the_result(said: list[str]) -> None:
    class Interrupted(BaseException):
        pass

    class Slow(Target):
        def run_removal(self, command: str) -> None:
            raise Interrupted

    target = Slow({"1.2": "succeeded"})
    target.left = None
    with pytest.raises(Interrupted):
        Wait(t.cast(JobAction, target), Terms(), {}).for_jobs(handles("1.2"))
    assert target.left.result["results"][0]["job"]["state"] == "succeeded"


def test_facts_of_the_only_job_are_set_where_that_was_asked_for(said: list[str]) -> None:
    class Finds(Target):
        @staticmethod
        def _status(jid: str, state: str) -> dict[str, t.Any]:
            return {**Target._status(jid, state), "result": {"ansible_facts": {"a": 1}}}

    def facts(*jids: str, set_facts: bool, state: str = "succeeded") -> t.Any:
        target = Finds(dict.fromkeys(jids, state))
        terms = Terms(wait_timeout=0.01, set_facts=set_facts)
        result = Wait(t.cast(JobAction, target), terms, {}).for_jobs(handles(*jids))
        assert all(each["ansible_facts"] == {"a": 1} for each in result["results"])
        return result.get("ansible_facts")

    assert facts("a", set_facts=True) == {"a": 1}
    assert facts("a", set_facts=False) is None
    assert facts("a", "b", set_facts=True) is None
    assert facts("a", set_facts=True, state="running") is None


def test_a_question_is_never_longer_than_a_connection_lives(said: list[str]) -> None:
    target = Target({"a": "running"}, {"a": "succeeded"})
    waited(target, handles("a"), wait_timeout=100_000)
    assert [asked["patience"] for asked in target.asked] == [120, 120]


def test_a_job_looked_for_in_the_wrong_place_says_which_is_right(said: list[str]) -> None:
    elsewhere = Handle(jid="a", no_log=False, name="a", host="web2")
    result = waited(Target({"a": "not_found"}), [elsewhere])
    assert "it was started on web2; this task runs on web1" in result["msg"]
    assert "there is no status file" in waited(Target({"a": "not_found"}), handles("a"))["msg"]


def test_a_supervisor_that_is_stopped_is_warned_of_once(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(_wait.display, "warning", warned.append)

    class Stopped(Target):
        def _status(self, jid: str, state: str) -> dict[str, t.Any]:  # type: ignore[override]
            told = super()._status(jid, state.replace("stopped", "running"))
            if state == "stopped":
                told.update(reason="supervisor_stopped", message="the supervisor (pid 7) is stopped")
            return told

        def ask(self, *args: t.Any, **question: t.Any) -> dict[str, t.Any]:
            answer = super().ask(*args, **question)
            answer["final"] = all(job["state"] == "succeeded" for job in answer["jobs"])
            return answer

    stopped = {"a": "stopped", "b": "stopped"}
    target = Stopped(stopped, stopped, {"a": "succeeded", "b": "stopped"}, {"a": "succeeded", "b": "succeeded"})
    assert waited(target, handles("a", "b"))["failed"] is False
    assert warned == ["web1: the supervisor (pid 7) is stopped"]
    assert target.asked[1]["known"] == {"a": "supervisor_stopped", "b": "supervisor_stopped"}


def test_who_attached_collects_as_such(said: list[str]) -> None:
    target = Target({"j1.0": "succeeded", "j1.1": "lost"})
    attached = handles("j1.0", "j1.1")
    for handle, sharer in zip(attached, ("j2.4", "j2.5")):
        handle.attached_as = sharer
    waited(target, attached)
    assert target.asked[0]["sharers"] == {"j1.0": "j2.4", "j1.1": "j2.5"}
    assert target.removed == [*removals({"/a/j1.0": "j2.4"}), "j1.1"]


def test_files_are_removed_once_the_results_have_arrived(said: list[str]) -> None:
    target = Target({"j1.0": "succeeded", "j1.1": "lost", "j1.2": "failed"})
    waited(target, handles("j1.0", "j1.1", "j1.2"))
    assert target.removed == [*removals({"/a/j1.0": None, "/a/j1.2": None}), "j1.1"]


def test_without_cleaning_up_everything_stays(said: list[str]) -> None:
    target = Target({"a": "succeeded"})
    waited(target, handles("a"), cleanup=False)
    assert target.removed == []


def test_files_that_cannot_be_removed_are_a_warning(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(_wait.display, "warning", warned.append)

    class Full(Target):
        def run_removal(self, command: str) -> None:
            raise AnsibleActionFail("read-only file system")

    assert waited(Full({"j1.0": "succeeded"}), handles("j1.0"))["failed"] is False
    assert warned == [
        "web1: the files of 1 collected jobs could not be removed; background.jobs.prune removes them later: "
        "read-only file system"
    ]


Shell = t.Callable[..., int]
SHELLS = [shell for shell in (["/bin/sh"], ["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """Removes files by the commands of `removals`, in a shell that finds `rm(1)` and `mv(1)` and nothing else."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("rm", "mv"):
        os.symlink(shutil.which(name) or "", programs / name)
    first, *rest = request.param
    command = [shutil.which(first) or first, *rest, "-c"]

    def remove(results_files: t.Iterable[str], sharer: str | None = None) -> int:
        for text in removals(dict.fromkeys(results_files, sharer)):
            done = subprocess.run([*command, text], check=False, stderr=subprocess.PIPE, env={"PATH": str(programs)})
            if done.returncode:
                return done.returncode
            assert done.stderr == b""
        return 0

    return remove


def test_a_trace_goes_with_the_last_job_of_its_batch(shell: Shell, tmp_path: Path) -> None:
    for name in ("j1.0", "j1.1", ".j1.trace", ".trace", ".j2.trace", "j3.0", ".j3.0.shared", ".j3.trace"):
        (tmp_path / name).touch()
    assert shell([f"{tmp_path}/j1.0"]) == 0
    assert (tmp_path / ".j1.trace").exists()
    assert shell([f"{tmp_path}/j1.1", f"{tmp_path}/j7"]) == 0
    assert shell([f"{tmp_path}/j3.0"]) == 0
    assert sorted(os.listdir(tmp_path)) == [".j2.trace", ".trace", "bin"]


def test_removal_spares_everything_else(shell: Shell, tmp_path: Path) -> None:
    directory = tmp_path / "it's $HOME \\ `here` \"; exit 1"
    directory.mkdir()
    names = ["j1.0", "j1.0.log", "j1.1", "j1.10", "j2.0", "j123.4", "j123.4.log", "77.5", "j7", ".j1.lock", "passwd"]
    for name in names:
        (directory / name).touch()
    removed = ("j1.0", "j1.1", "j123.4", "j9.9", "77.5", "j7", "passwd", "j1.10;touch x")
    assert shell(f"{directory}/{name}" for name in removed) == 0
    assert sorted(os.listdir(directory)) == [".j1.lock", "j1.10", "j2.0", "passwd"]


def test_what_cannot_be_removed_is_told_and_keeps_nothing_else(shell: Shell, tmp_path: Path) -> None:
    assert shell([f"{tmp_path}/nowhere/j1.0"]) != 0
    for number in range(1001):
        (tmp_path / f"j1.{number}").mkdir() if number == 500 else (tmp_path / f"j1.{number}").touch()
    assert shell(f"{tmp_path}/j1.{number}" for number in range(1001)) == 1
    assert sorted(os.listdir(tmp_path)) == ["bin", "j1.500"]


@pytest.mark.parametrize("order", itertools.permutations([None, "j2.0", "j3.0"]), ids=str)
def test_the_last_who_collects_a_shared_job_removes_it(
    shell: Shell, tmp_path: Path, order: tuple[str | None, ...]
) -> None:
    (tmp_path / "async").mkdir()
    store = Store(str(tmp_path / "async"))
    for jid in ("j1.0", "j1.1"):
        store.write(jid, {"jid": jid})
        os.close(store.open_log(jid))
    assert store.share("j1.0", "j2.0") is store.share("j1.0", "j3.0") is True
    for sharer in order:
        assert store.read("j1.0") == {"jid": "j1.0"}
        for dummy in range(2 - (sharer == order[-1])):  # a second time takes no other's place
            assert shell([store.path("j1.1")]) == shell([store.path("j1.0")], sharer) == 0
            assert store.jids() == []
    assert os.listdir(store.directory) == []


@pytest.mark.parametrize("form", ["j{0}.{1}", "j{1:039}.0", "{1:012}.4711"], ids=["ours", "alone", "builtin"])
def test_the_files_of_10000_jobs_are_a_few_commands_none_of_which_is_too_long(form: str) -> None:
    """Of one launch, of as many launches, and of builtin async, where each job has a batch of its own."""
    paths = [f"/root/.ansible_async/{form.format('1' * 39, number)}" for number in range(10_000)]
    commands = removals(dict.fromkeys(paths))
    assert len(commands) <= 10
    assert max(map(len, commands)) < 64 * 1024


# -- a group


def test_all_jobs_of_a_group_are_waited_for_without_handles(said: list[str]) -> None:
    target = Target({"a": "running", "b": "running"}, {"a": "succeeded", "b": "succeeded"})
    result = Wait(t.cast(JobAction, target), Terms(), {}).for_group("nightly", None)
    assert [each["job"]["name"] for each in result["results"]] == ["job a", "job b"]
    assert target.asked[0]["selection"] == {"group": "nightly", "names": None} and target.asked[0]["jids"] == []
    assert "selection" not in target.asked[1] and target.asked[1]["results_files"] == {"a": "/a/a", "b": "/a/b"}


def test_a_group_without_jobs_is_an_error_that_says_what_was_looked_for(said: list[str]) -> None:
    with pytest.raises(AnsibleActionFail, match="there is no job named 'x' of group 'nightly' on web1 for user root"):
        Wait(t.cast(JobAction, Target({})), Terms(), {}).for_group("nightly", ["x"])


# -- a connection that breaks


class Flaky(Target):
    """A target that is out of reach some times before it answers."""

    def __init__(self, times: int, *answers: Answer) -> None:
        super().__init__(*answers)
        self.times = times
        self.resets = 0
        self._connection = self

    def reset(self) -> None:
        self.resets += 1
        raise ValueError("no connection to reset")

    def ask(self, jids: list[str], mode: str, task_vars: t.Any, secret: bool, **question: t.Any) -> dict[str, t.Any]:
        if self.times:
            self.times -= 1
            raise AnsibleConnectionFailure("Connection closed")
        return super().ask(jids, mode, task_vars, secret, **question)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, and the only thing that takes time."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: 1000 + sum(slept))
    return slept


def test_a_broken_connection_costs_a_notice(said: list[str], clock: list[float]) -> None:
    target = Flaky(3, {"a": "succeeded"})
    assert waited(target, handles("a"))["failed"] is False
    assert target.resets == 3
    assert said == [
        "web1: the connection is lost, its jobs run on; trying for 60 s",
        "web1: connected again",
    ]


def test_a_host_that_stays_away_is_unreachable(said: list[str], clock: list[float]) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"web1 has been out of reach for 6\d s; its jobs run on"):
        waited(Flaky(1000, {"a": "running"}), handles("a"))
    assert len(said) == 1 and max(clock) == 5


def test_without_grace_the_first_failure_counts(said: list[str], clock: list[float]) -> None:
    target = Flaky(1, {"a": "succeeded"})
    with pytest.raises(AnsibleConnectionFailure):
        Wait(t.cast(JobAction, target), Terms(grace=0), {}).for_jobs(handles("a"))
    assert (said, clock) == ([], [])


def test_a_job_with_no_log_makes_the_question_a_quiet_one() -> None:
    target = Target({"secret1": "succeeded", "b": "succeeded"})
    waited = Wait(t.cast(JobAction, target), Terms(), {}).for_jobs(handles("secret1", "b"))
    assert waited["failed"] is False


def test_what_of_a_lost_job_could_not_be_ended_is_named() -> None:
    target = Target({"a": "lost", "b": "succeeded"})
    target.survivors = [{"pid": 7, "owner": "root", "command": "sh", "started": "1"}]
    result = waited(target, handles("a", "b"))
    assert result["failed"] is True
    assert "a process of it runs on that could not be ended: pid 7 (sh, of user root)" in result["msg"]
    assert [each["job"].get("survivors") for each in result["results"]] == [
        [{"pid": 7, "owner": "root", "command": "sh"}],
        None,
    ]
