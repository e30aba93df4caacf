# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule for ansible-lint: jobs that are started and that no later task waits for. See unreaped_async.md."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansiblelint.file_utils import Lintable, get_all_files
from ansiblelint.rules import AnsibleLintRule
from ansiblelint.utils import Task, parse_yaml_linenumbers, task_in_list

if t.TYPE_CHECKING:
    from ansiblelint.errors import MatchError

_PREFIX = re.compile(r"(ansible\.(builtin|legacy)|background\.jobs)\.")
_REAP = {"async_status", "wait", "cancel"}
_HAND_ON = {"set_fact", "set_stats", "add_host", "copy"}
_GO_ELSEWHERE = {"include", "include_tasks", "import_tasks", "include_role", "import_role"}
_IMPORT_PLAYBOOK = ("import_playbook", "ansible.builtin.import_playbook")
_BLOCK = "block/always/rescue"
_AWAIT_HOST = {"wait_for_connection", "wait_for"}
_ENDS_HOST = re.compile(r"\b(reboot|shutdown|halt|poweroff|kexec|(tel)?init +[06])\b")

_IS_PLAYBOOK = re.compile(r"^[- ] (hosts|(ansible\.builtin\.)?import_playbook):", re.MULTILINE)
_MARKS = (".git", ".hg", ".ansible-lint", ".ansible-lint.yml", ".config/ansible-lint.yml", "ansible.cfg", "galaxy.yml")
"""What is in the directory of a project. Where nothing of it is, that is no project, but perhaps the whole disk."""
_PARTS = ("tasks", "handlers", "roles", "vars", "defaults", "group_vars", "host_vars", "playbooks")
"""Directories beside a playbook that belong to it, and those of a role."""

# Keywords in which a variable can be named without being used by the task.
_ASIDE = {"name", "when", "until", "changed_when", "failed_when", "loop_control", "notify", "register", "tags"}

_SECTIONS = ("pre_tasks", "roles", "tasks", "post_tasks")
_ORDER = (*_SECTIONS, "block", "rescue", "always")

Place = t.Optional[t.Tuple[int, ...]]
"""Where something stands in its playbook. None for what has no such place: handlers, variables, files of tasks."""


@dataclasses.dataclass
class Step:
    """A task, a role or variables that reap jobs, or hand them on."""

    templates: str
    place: Place = None
    goes_elsewhere: bool = False
    """Whether it goes on in another file."""
    takes_all: bool = False
    """Whether it reaps all jobs of its host."""
    awaits_host: bool = False
    """Whether it waits for the host, such as after a reboot."""

    def names(self, variable: str) -> bool:
        return re.search(rf"\b{re.escape(variable)}\b", self.templates) is not None

    def may_follow(self, place: Place) -> bool:
        return self.place is None or place is None or self.place > place


class UnreapedAsyncRule(AnsibleLintRule):
    """Somebody has to wait for jobs that run in the background."""

    id = "unreaped-async"
    description = (
        "A task with ``poll: 0``, or with ``background.jobs.launch``, only starts jobs. If no later task waits for "
        "them, the play succeeds although they fail, and what they leave on the host stays there."
    )
    severity = "HIGH"
    tags = ["unpredictability"]  # noqa: RUF012
    version_changed = "1.0.0"
    url = "https://example.com/background/jobs/docs"
    _ids = {  # noqa: RUF012
        "unreaped-async[no-register]": "Jobs that are not registered, so that nobody can wait for them.",
        "unreaped-async[no-reap]": "Jobs that are registered, and that nobody waits for.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._outlined: tuple[Lintable, list[Step]] | None = None
        self._texts: dict[Path, dict[Path, str]] = {}
        self._graphs: dict[Path, Graph] = {}

    def matchtask(self, task: Task, file: Lintable | None = None) -> list[MatchError]:
        if file is None or not (_is_async(task) or _is_launch(task)):
            return []
        # Jobs with a group can be waited for without what was registered, in another run, too.
        if _is_launch(task) and (_may_have_group(task) or _gives_group(file.data)):
            return []
        place = _place(task.position)
        later = [step for step in self._steps(file) if step.may_follow(place)]
        if any(step.takes_all or (step.awaits_host and _ends_host(task)) for step in later):
            return []
        variables = _registered(task)
        if not variables:
            group = ", or give it a group" if _is_launch(task) else ""
            message = (
                "Nobody can wait for the jobs of this task: register its result and give it to background.jobs.wait"
                f"{group}. If they are meant to be forgotten, say so with a comment: noqa {self.id}"
            )
            return [self._match(message, task, file, "no-register")]
        if any(step.names(variable) for step in later for variable in variables):
            return []
        is_alone = file.kind == "playbook" and not any(step.goes_elsewhere for step in later)
        if any(self._is_named_elsewhere(variable, file, is_alone) for variable in variables):
            return []
        message = (
            f"No later task waits for the jobs in '{variables[0]}', so the play succeeds even if they fail: give it to "
            "background.jobs.wait, to the role background.jobs.reap or to async_status"
        )
        return [self._match(message, task, file, "no-reap")]

    def _match(self, message: str, task: Task, file: Lintable, tag: str) -> MatchError:
        return self.create_matcherror(message=message, lineno=task.line, filename=file, tag=f"{self.id}[{tag}]")

    def _steps(self, file: Lintable) -> list[Step]:
        if self._outlined is None or self._outlined[0] is not file:
            self._outlined = (file, _steps(file.data, file))
        return self._outlined[1]

    def _is_named_elsewhere(self, variable: str, file: Lintable, is_alone: bool) -> bool:
        """Tell whether another file names a variable where jobs are reaped or handed on, in a run that has both.

        :arg is_alone: whether the file is a playbook that does not go on in other files. Then only files with variables
            count, unless another playbook imports it.
        """
        texts = self._project(file)
        graph: Graph | None = None
        for path, text in texts.items():
            if variable not in text or path == file.abspath:
                continue
            graph = graph or self._graph(file)
            alone = is_alone and not graph.includers(file.abspath)
            try:
                other = Lintable(path)
                data = parse_yaml_linenumbers(other)
                counts = isinstance(data, Mapping) or (
                    not alone and graph.meet(file.abspath, path, anywhere=file.kind != "playbook")
                )
                named = counts and any(step.names(variable) for step in _steps(data, other))
            except Exception:  # what cannot be read is no reason for an alarm, and others report it
                named = not alone
            if named:
                return True
        return False

    def _project(self, file: Lintable) -> dict[Path, str]:
        """All YAML files of the project, or what belongs to a file that is in none."""
        root = self._root(file)
        if root not in self._texts:
            if self.options and root == Path(self.options.project_dir).absolute():
                paths = [Path(path) for path in get_all_files(root, exclude_paths=self.options.exclude_paths)]
            else:
                paths = [*root.glob("*.y*ml"), *(path for part in _PARTS for path in (root / part).rglob("*.y*ml"))]
            self._texts[root] = {
                path.absolute(): path.read_text(encoding="utf-8", errors="replace")
                for path in paths
                if path.suffix in (".yml", ".yaml") and path.is_file()
            }
        return self._texts[root]

    def _root(self, file: Lintable) -> Path:
        """The directory of the project, or else that in which a file stands with what belongs to it."""
        project = Path(self.options.project_dir).absolute() if self.options else None
        if project is not None and any((project / mark).exists() for mark in _MARKS):
            return project
        directory = Path(file.abspath).parent
        while directory.name in _PARTS:
            directory = directory.parent
        return directory

    def _graph(self, file: Lintable) -> Graph:
        root = self._root(file)
        if root not in self._graphs:
            self._graphs[root] = Graph(self._project(file))
        return self._graphs[root]


class Graph:
    """Which files of a project include or import which others, at any depth."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._files = list(texts)
        self._parts = {path for path, text in texts.items() if not _IS_PLAYBOOK.search(text)}
        self._below: dict[Path, set[Path]] = {path: set(self._of_role(path)) for path in texts}
        for path, text in texts.items():
            if any(word in text for word in ("include", "import", "roles", "dependencies")):
                self._below[path] |= self._included(path)

    def _of_role(self, path: Path) -> t.Iterator[Path]:
        """The files of the role that a file is in."""
        if path.parent.name in ("tasks", "handlers") and (path.parents[2].name == "roles"):
            yield from (other for other in self._files if path.parents[1] in other.parents)

    def _included(self, path: Path) -> set[Path]:
        """The files that a file names; all but playbooks where a name is a template, or the file cannot be read."""
        try:
            names = list(_references(parse_yaml_linenumbers(Lintable(path))))
        except Exception:
            return self._parts
        if any("{{" in name or "{%" in name for name, dummy in names):
            return self._parts
        return {other for name, is_role in names for other in self._files if _is_meant(name, is_role, other)}

    def includers(self, path: Path) -> set[Path]:
        """The files that include a file, at any depth, and that are of no role with it alone."""
        found: set[Path] = set()
        pending = [path]
        while pending:
            below = pending.pop()
            more = {other for other in self._files if below in self._below[other]} - found - {path}
            found |= more
            pending += more
        return found

    def meet(self, one: Path, other: Path, anywhere: bool) -> bool:
        """Tell whether two files can be in one run.

        :arg anywhere: whether one that no file includes may be included from somewhere else, with any other.
        """
        above = self.includers(one)
        if anywhere and not any(path.parent.name not in ("tasks", "handlers") for path in above):
            return True
        found, pending = {one, *above}, [one, *above]
        while pending:
            more = self._below.get(pending.pop(), set()) - found
            found |= more
            pending += more
        return other in found


def _references(data: t.Any) -> t.Iterator[tuple[str, bool]]:
    """What is included or imported anywhere in a file: a path or the name of a role, and whether it is a role."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            action = _PREFIX.sub("", str(key), count=1)
            if action in ("roles", "dependencies") and isinstance(value, Sequence) and not isinstance(value, str):
                for each in value:
                    name = each.get("role", each.get("name", "")) if isinstance(each, Mapping) else each
                    yield str(name), True
            elif action in _GO_ELSEWHERE or action == "import_playbook":
                is_role = action.endswith("role")
                options = value if isinstance(value, Mapping) else {}
                name = options.get("name" if is_role else "file", options.get("_raw_params", "{{ }}"))
                yield str(value if isinstance(value, str) else name).strip(), is_role
            else:
                yield from _references(value)
    elif isinstance(data, Sequence) and not isinstance(data, str):
        for each in data:
            yield from _references(each)


def _is_meant(name: str, is_role: bool, path: Path) -> bool:
    """Tell whether a path or the name of a role may stand for a file."""
    if is_role:
        role = re.split(r"[./]", name.rstrip("/"))[-1]
        return any(parent.name == role and parent.parent.name == "roles" for parent in path.parents)
    parts = [part for part in Path(name.split(" ")[0]).parts if part not in (".", "..")]
    return bool(parts) and list(path.parts[-len(parts) :]) == parts


def _steps(data: t.Any, file: Lintable) -> list[Step]:
    """What reaps jobs or hands them on in a playbook, a file of tasks or one of variables."""
    if isinstance(data, Mapping):
        return [Step(_templates(data))]
    steps = []
    plays = [(number, play) for number, play in enumerate(data or []) if _is_play(play)]
    for number, play in plays:
        imports = any(key in play for key in _IMPORT_PLAYBOOK)
        steps.append(Step(_templates(play.get("vars")), (number,) if imports else None, goes_elsewhere=imports))
        for index, role in enumerate(play.get("roles") or []):
            place = (number, _ORDER.index("roles"), index)
            steps.append(Step(_templates(role), place, goes_elsewhere=True, takes_all=_reaps_all(role)))
    found: list[str] = []
    for task in task_in_list(data=data, file=file, kind="playbook" if plays else "tasks"):
        step = _step(task)
        if step:
            steps.append(step)
        elif _action(task) == "job_info":
            found += _registered(task)
    for step in steps:
        step.takes_all |= any(step.names(variable) for variable in found)
    return steps


def _step(task: Task) -> Step | None:
    """What a task reaps or hands on, if it is one that does."""
    place, action, raw = _place(task.position), _action(task), task.raw_task
    if action == _BLOCK:
        return Step(_templates(raw.get("vars")))
    told = _templates({key: value for key, value in raw.items() if key not in _ASIDE})
    if action in _GO_ELSEWHERE:
        return Step(told, place, goes_elsewhere=True, takes_all=_reaps_all(raw))
    if not action or action in _HAND_ON:
        return Step(told, place)
    if action in _AWAIT_HOST:
        return Step("", place, awaits_host=True)
    if action not in _REAP or _option(task, "mode") == "cleanup":
        return None
    return Step(told, place, takes_all=action == "cancel" and _is_on(_option(task, "all")))


def _place(position: str) -> Place:
    """Make something that can be compared of ansible-lint's position of a task, such as ".[0].tasks[1].block[0]"."""
    keys = re.findall(r"\w+", position)
    if len(keys) < 3 or keys[1] not in _SECTIONS:
        return None
    return tuple(int(key) if key.isdigit() else _ORDER.index(key) for key in keys)


def _is_play(entry: t.Any) -> bool:
    return isinstance(entry, Mapping) and any(key in entry for key in ("hosts", *_IMPORT_PLAYBOOK))


def _action(task: Task) -> str:
    """The short name of a task's action if it is a builtin or ours, and nothing if the task cannot be understood."""
    action = task.get("action")
    return _PREFIX.sub("", action["__ansible_module_original__"], count=1) if isinstance(action, Mapping) else ""


def _option(task: Task, name: str) -> t.Any:
    return task["action"].get(name)


def _registered(task: Task) -> list[str]:
    """The variables that a task sets. Newer ansible-core allows several."""
    register = task.get("register")
    if isinstance(register, Mapping):
        return [name for name in register if not name.startswith("__")]
    return [register] if isinstance(register, str) else []


def _ends_host(task: Task) -> bool:
    """Tell whether a task takes its host down, so that nobody can wait for it."""
    options = task.get("action")
    return isinstance(options, Mapping) and _ENDS_HOST.search(str(list(options.values()))) is not None


def _is_async(task: Task) -> bool:
    return str(task.get("poll")) == "0" and _is_on(task.get("async"))


def _is_launch(task: Task) -> bool:
    return _action(task) == "launch"


def _may_have_group(task: Task) -> bool:
    """Tell whether jobs have a group, as far as the options are not one template."""
    return bool(_option(task, "group") or _option(task, "_raw_params") or isinstance(task.raw_task.get("args"), str))


def _gives_group(data: t.Any) -> bool:
    """Tell whether `module_defaults` anywhere in a file give jobs a group."""
    if isinstance(data, Mapping):
        defaults = data.get("module_defaults")
        if isinstance(defaults, Mapping):
            given = (defaults.get(name) for name in ("background.jobs.launch", "group/background.jobs.jobs"))
            if any(isinstance(options, Mapping) and options.get("group") for options in given):
                return True
        return any(_gives_group(value) for value in data.values())
    return isinstance(data, Sequence) and not isinstance(data, str) and any(_gives_group(value) for value in data)


def _reaps_all(entry: t.Any) -> bool:
    """Tell whether a task that includes a role, or an entry of `roles`, says `reap_all`."""
    if not isinstance(entry, Mapping):
        return False
    variables = entry.get("vars")
    return any(_is_on(given.get("reap_all")) for given in (entry, variables) if isinstance(given, Mapping))


def _is_on(value: t.Any) -> bool:
    return str(value).lower() not in ("none", "0", "false", "no", "off", "")


def _templates(value: t.Any) -> str:
    """All strings in a value that are templates."""
    if isinstance(value, str):
        return value if "{{" in value or "{%" in value else ""
    if isinstance(value, Mapping):
        return "\n".join(_templates(value) for key, value in value.items() if not str(key).startswith("__"))
    if isinstance(value, Sequence):
        return "\n".join(_templates(value) for value in value)
    return ""
