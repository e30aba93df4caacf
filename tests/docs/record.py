# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Run what the documentation shows, and put what came out into it: pictures of terminals, output in guides, a timeline.

In README.md and in the guides a comment before a block says what it is, and the blocks of a page are run in order, in
one directory:

- `file: NAME` before a playbook or an inventory: it is written there.
- `run` before a command: it is run, and the next block of output is what it printed.
- `picture: NAME` before a picture of docs/pictures: the command in the comment is run, and the picture shows it.

`nox -s record` does all of it, and takes a picture of a timeline. tests/unit/docs/test_recorded.py runs the same
commands and compares. Times, sizes and ids differ from run to run, and so may the order of lines: `same` knows.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import html
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst")))
TIMELINE = Path(__file__).with_name("timeline.yml")
TIMELINE_PICTURE = PICTURES / "timeline.png"
TIMELINE_INPUTS = PICTURES / "timeline.json"
TIMELINE_SOURCES = (
    TIMELINE,
    *sorted((ROOT / "plugins" / "plugin_utils" / "_callbacks").glob("timeline_page.*")),
)
HOSTS = {
    "all": {
        "hosts": {"web1": {}, "web2": {}},
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    }
}
"""What a page that has no inventory of its own runs on: this machine, under two names."""
LICENCE = "<!--\nSPDX-License-Identifier: GPL-3.0-or-later\nCopyright (c) 2026, The background.jobs contributors\n-->\n"

_MARKDOWN = re.compile(
    r"^<!-- (?P<kind>file|run|picture)(?:: (?P<argument>.*?))? -->\n+(?:```(?P<language>\w+)\n(?P<text>.*?)^```$)?",
    re.M | re.S,
)
_RST = re.compile(
    r"^\.\. (?P<kind>file|run|picture)(?:: (?P<argument>.*))?\n\n"
    r"(?:\.\. code-block:: (?P<language>[\w+-]+)\n\n(?P<text>(?: +.*\n|\n)+))?",
    re.M,
)
_RST_OUTPUT = re.compile(r"\.\. code-block:: none\n\n(?P<text>(?: +.*\n|\n)+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclasses.dataclass
class Step:
    """A block of a page: a file to write, or a command to run and where its output is.

    `shown` is what the page shows of the output; `start` and `end` say where, in a guide. `picture` is the file that
    shows it instead.
    """

    kind: str
    argument: str
    text: str
    shown: str = ""
    start: int = 0
    end: int = 0

    @property
    def picture(self) -> Path:
        return PICTURES / f"{self.argument.split(': ')[0]}.svg"

    @property
    def command(self) -> str:
        return self.argument.partition(": ")[2] if self.kind == "picture" else self.text.strip()


def steps_of(page: Path) -> list[Step]:
    """:returns: what is to be written and run for a page, in order."""
    text = page.read_text(encoding="utf-8")
    pattern = _MARKDOWN if page.suffix == ".md" else _RST
    steps = []
    for found in pattern.finditer(text):
        block = textwrap.dedent(found.group("text") or "")
        step = Step(found.group("kind"), found.group("argument") or "", block)
        if step.kind == "picture" and step.picture.exists():
            step.shown = text_of(step.picture)
        if step.kind == "run":
            output = _RST_OUTPUT.search(text, found.end())
            assert output, f"{page.name}: no output follows {block!r}"
            step.shown = textwrap.dedent(output.group("text"))
            step.start, step.end = output.span("text")
        steps.append(step)
    return steps


class Session:
    """A directory in which the commands of a page are run, with a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        collections = directory / "collections" / "ansible_collections" / "background"
        collections.mkdir(parents=True)
        (collections / "jobs").symlink_to(ROOT)
        (directory / "home").mkdir()
        self.work = directory / "work"
        self.work.mkdir()
        (directory / "hosts.json").write_text(json.dumps(HOSTS), encoding="ascii")
        (directory / "ansible.cfg").touch()

    def write(self, name: str, text: str) -> None:
        (self.work / name).write_text(text, encoding="utf-8")

    def run(self, command: str, **variables: str) -> str:
        """:returns: what a command of Ansible prints, in colour; warnings about this machine go elsewhere."""
        program, *arguments = shlex.split(command)
        assert program == "ansible-playbook", command
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
        environment = {
            **inherited,
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory / "collections"),
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "true",
            "ANSIBLE_INVENTORY": str(self.directory / "hosts.json"),
            "HOME": str(self.directory / "home"),
            "LC_ALL": "C.UTF-8",
            **variables,
        }
        full = [sys.executable, "-m", "ansible", "playbook", *arguments]
        done = subprocess.run(
            full, cwd=self.work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert done.returncode in (0, 2), (
            f"{command}: {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        )
        text = done.stdout.decode().replace(f"{self.work}/", "").strip("\n")
        return "\n".join(short(line.rstrip()) for line in text.splitlines()) + "\n"


def short(line: str) -> str:
    """:returns: the line, and of a whole result in it the message alone."""
    return re.sub(r'=> \{".*?("msg": "(?:[^"\\]|\\.)*"), "results": .*\}', r"=> {..., \1, ...}", line)


def plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in _COLOUR.sub("", text).splitlines()) + "\n"


def outputs(page: Path) -> t.Iterator[tuple[Step, str]]:
    """Do what a page says. :returns: each step that has an output, and that output, in colour."""
    with tempfile.TemporaryDirectory(prefix="record.") as directory:
        session = Session(Path(directory))
        for step in steps_of(page):
            if step.kind == "file":
                session.write(step.argument, step.text)
            else:
                yield step, session.run(step.command)


def same(text: str) -> list[str]:
    """:returns: the lines of an output, sorted, without what differs from run to run."""
    lines = []
    for line in plain(text).splitlines():
        if re.match(r"\S+: \d+/\d+ done", line):
            continue  # when such a line comes is a matter of time
        line = re.sub(r"\bj\d+(\.\d+)?", "J", line)
        line = re.sub(r"\d+(\.\d+)?[KMG]?", "N", line)
        line = re.sub(r"#+", "#", line)
        line = re.sub(r"-{2,}", "--", line)
        lines.append(" ".join(line.split()))
    return sorted(filter(None, lines))


def picture(text: str, command: str) -> str:
    """:returns: a terminal with this command and its output, as SVG, with the same text for those who cannot see it."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    shown = plain(text)
    width = max(80, *map(len, shown.splitlines()))
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"\x1b[1m$ {command}\x1b[0m\n{text}"), soft_wrap=True)
    # No font of somebody else's: a picture loads nothing.
    form = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S).replace("Fira Code, ", "")
    form = form.replace(">\n", ">\n    <desc>DESCRIPTION</desc>\n", 1)
    drawn = console.export_svg(title="", code_format=form, unique_id="terminal")
    drawn = drawn.replace("DESCRIPTION", html.escape(f"$ {command}\n{shown}", quote=False))
    return LICENCE + "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def text_of(file: Path) -> str:
    """:returns: the output that a picture shows."""
    (found,) = re.findall(r"<desc>\$ [^\n]*\n(.*)</desc>", file.read_text(encoding="utf-8"), re.S)
    return html.unescape(found)


def record(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    recorded = list(outputs(page))
    for step, output in reversed(recorded):
        if step.kind == "picture":
            step.picture.write_text(picture(output, step.command), encoding="utf-8")
        else:
            block = textwrap.indent(plain(output).strip("\n") + "\n", "    ")
            text = f"{text[: step.start]}{block}\n{text[step.end :]}"
    page.write_text(text, encoding="utf-8")
    if recorded:
        print(f"{page.relative_to(ROOT)}: {len(recorded)} outputs")


def timeline_inputs() -> dict[str, str]:
    """:returns: a checksum of each file that decides how the picture of the timeline looks."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in TIMELINE_SOURCES}


def record_timeline() -> None:
    """Take a picture of the page that a run leaves."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program, "no Chromium is on the PATH"
    with tempfile.TemporaryDirectory(prefix="record.") as directory:
        session = Session(Path(directory))
        session.write("timeline.yml", TIMELINE.read_text(encoding="utf-8"))
        inventory = json.loads(json.dumps(HOSTS))
        inventory["all"]["hosts"] = {f"web{number}": {} for number in range(1, 4)}
        (session.directory / "hosts.json").write_text(json.dumps(inventory), encoding="ascii")
        session.run("ansible-playbook timeline.yml", ANSIBLE_CALLBACKS_ENABLED="background.jobs.timeline")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program)
            page = browser.new_page(viewport={"width": 1120, "height": 430}, color_scheme="light")
            page.goto((session.work / "background-jobs-timeline.html").as_uri(), timeout=180_000)
            page.locator(".bar.failed").last.hover()
            page.wait_for_timeout(500)
            PICTURES.mkdir(exist_ok=True)
            page.screenshot(path=str(TIMELINE_PICTURE))
            browser.close()
    TIMELINE_INPUTS.write_text(json.dumps(timeline_inputs(), indent=2) + "\n", encoding="ascii")
    print(TIMELINE_PICTURE.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="README, the name of a guide, or timeline; all of them unless given")
    wanted = parser.parse_args().pages
    for page in PAGES:
        if not wanted or page.stem in wanted:
            record(page)
    if not wanted or "timeline" in wanted:
        record_timeline()


if __name__ == "__main__":
    main()
