# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Build and check a release, and say what is left to a person. `make release` runs it; CONTRIBUTING.md has the list.

    make release
    make release REPOSITORY=https://git.example.org/jobs DOCUMENTATION=https://docs.example.org/jobs

The addresses of this project are placeholders until there is a place for it. They are in galaxy.yml, and all other
files repeat them. With REPOSITORY they are set everywhere, as a change to look at and to commit.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "https://example.com/background/jobs"
OUTPUT = ROOT / ".cache" / "release"
SESSIONS = ("lint", "docs", "importer")
"""Sessions of nox that a release has to pass beside `make test` and `make check`. `importer` builds the archive."""


class Addresses(t.NamedTuple):
    """Where this project is: `repository`, and its rendered `documentation`."""

    repository: str
    documentation: str


def galaxy() -> dict[str, str]:
    """:returns: the plain values of galaxy.yml."""
    return dict(re.findall(r"^(\w+): (\S.*)$", (ROOT / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE))


def _files() -> list[Path]:
    """:returns: the files that name one of the addresses, galaxy.yml first."""
    patterns = ["*.md", ".github/**/*.yml", "docs/*.md", "docs/docsite/*.*", "docs/docsite/rst/*.rst"]
    patterns += ["extensions/ansible_lint/rules/*", "plugins/**/*.py", "roles/**/*.md"]
    repository = galaxy()["repository"]
    found = {file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()}
    named = {file for file in found if repository in file.read_text(encoding="utf-8", errors="replace")}
    return [ROOT / "galaxy.yml", *sorted(file for file in named if not file.name.startswith("CHANGELOG"))]


FILES = _files()


def with_addresses(text: str, here: Addresses, there: Addresses) -> str:
    """:returns: a text with the addresses of `here` replaced by those of `there`."""
    # The documentation may be below the repository.
    return (
        text.replace(here.documentation, "\0")
        .replace(here.repository, there.repository)
        .replace("\0", there.documentation)
    )


def set_addresses(here: Addresses, there: Addresses) -> int:
    """:returns: how many files were changed."""
    changed = 0
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        wanted = with_addresses(text, here, there)
        if wanted != text:
            file.write_text(wanted, encoding="utf-8")
            changed += 1
    return changed


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def faults(about: t.Mapping[str, str]) -> list[str]:
    """:returns: what keeps this tree from being released, as sentences."""
    version = about["version"]
    found = []
    if about["repository"] == PLACEHOLDER:
        found.append("the addresses are placeholders: give REPOSITORY, and DOCUMENTATION if that is elsewhere")
    if fragments := [file.name for file in (ROOT / "changelogs" / "fragments").glob("*.y*ml")]:
        found.append(f"{len(fragments)} changelog fragments are left: run 'antsibull-changelog release'")
    changelog = (ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8")
    if not re.search(rf"^  {re.escape(version)}:$", changelog, re.MULTILINE):
        found.append(f"changelogs/changelog.yaml has no release {version}")
    if version in git("tag", "--list").splitlines():
        found.append(f"there is a tag {version} already: raise 'version' in galaxy.yml")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        found.append(f"{version} is no version of a release")
    if git("status", "--porcelain"):
        found.append("there are changes that are not committed")
    return found


LEFT = """\
Left to a person:
  1. 'make test' and 'make check' on this commit, and a look at the pages in .cache/docs/html.
  2. The namespace 'background' on Galaxy, with an account that may upload to it.
  3. git tag --annotate {version} --message 'Release {version}' && git push origin {version}
  4. ansible-galaxy collection publish {archive}
  5. Automation Hub: upload the same archive, and wait for its certification.
  6. A post in the Ansible forum with the tag 'background-jobs' (ask for the tag once, in 'Site Feedback').
  7. The next version in galaxy.yml.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", default="", help="the address of the repository; set in all files")
    parser.add_argument(
        "--documentation", default="", help="that of the documentation; below the repository unless given"
    )
    parser.add_argument("--only-look", action="store_true", help="say what is missing, and build nothing")
    options = parser.parse_args()
    about = galaxy()
    if options.repository:
        there = Addresses(
            options.repository.rstrip("/"), (options.documentation or f"{options.repository}/docs").rstrip("/")
        )
        changed = set_addresses(Addresses(about["repository"], about["documentation"]), there)
        print(f"The addresses were set in {changed} files.")
        about = galaxy()
    missing = faults(about)
    if not options.only_look:
        nox = Path(sys.executable).with_name("nox")
        if subprocess.run([nox, "--session", *SESSIONS], cwd=ROOT, check=False).returncode:
            missing.append("a session of nox has failed, see above")
        else:
            shutil.rmtree(OUTPUT, ignore_errors=True)
            OUTPUT.mkdir(parents=True)
            for archive in (ROOT / ".cache" / "built" / "importer").glob("*.tar.gz"):
                shutil.copy2(archive, OUTPUT)
    archive = OUTPUT / f"{about['namespace']}-{about['name']}-{about['version']}.tar.gz"
    if missing:
        print("\n".join(["Not ready:", *(f"  - {fault}" for fault in missing)]))
    print(LEFT.format(version=about["version"], archive=archive.relative_to(ROOT)), end="")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
