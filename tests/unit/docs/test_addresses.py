# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links into this project: whole addresses, all below those in galaxy.yml, to files, guides and sections that exist."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.background.jobs.tests import release

ROOT = Path(__file__).resolve().parents[3]
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
REPOSITORY, DOCUMENTATION = GALAXY["repository"], GALAXY["documentation"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = re.compile(rf"{re.escape(REPOSITORY)}[^\s)>\"'`]*[^\s)>\"'`.,:;]")


def addresses() -> t.Iterator[tuple[str, str]]:
    for file in release.FILES:
        for address in ADDRESS.findall(file.read_text(encoding="utf-8")):
            yield str(file.relative_to(ROOT)), address


ADDRESSES = sorted(set(addresses()))


def anchors(page: Path) -> set[str]:
    """:returns: the anchors of the sections of a guide, as Sphinx makes them, and its labels."""
    titles = re.findall(r"^(.+)\n(?:=+|-+|~+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles}


def is_there(address: str) -> bool:
    if address.startswith(f"{DOCUMENTATION}/docsite/"):
        page, _mark, anchor = address[len(f"{DOCUMENTATION}/docsite/") :].partition("#")
        guide = ROOT / "docs" / "docsite" / "rst" / page.replace(".html", ".rst")
        return guide.is_file() and (not anchor or anchor in anchors(guide))
    place = re.fullmatch(r"/(?:blob|raw|tree)/main/([^#]+)(#.*)?", address[len(REPOSITORY) :])
    if place:
        return (ROOT / place.group(1)).exists()
    return address in (REPOSITORY, DOCUMENTATION, GALAXY["issues"])


@pytest.mark.parametrize(("file", "address"), ADDRESSES)
def test_what_is_linked_is_there(file: str, address: str) -> None:
    assert is_there(address)


def test_a_link_to_nothing_is_found() -> None:
    assert not is_there(f"{REPOSITORY}/blob/main/docs/nothing.md")
    assert not is_there(f"{DOCUMENTATION}/docsite/nothing.html")
    assert not is_there(f"{DOCUMENTATION}/docsite/start.html#nothing")
    assert not is_there(f"{REPOSITORY}/wiki")


def test_the_readme_has_whole_addresses_only() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) > 30
    sections = {
        re.sub(r"[^a-z0-9 -]+", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", README, re.M)
    }
    assert [target for target in targets if not re.match(r"https://|#", target)] == []
    assert [target for target in targets if target.startswith("#") and target[1:] not in sections] == []


def test_the_readme_has_the_sections_that_certification_asks_for() -> None:
    wanted = ["Requirements", "Installation", "Use cases", "Testing", "Contributing", "Support", "Release notes"]
    wanted += ["Related information", "License information"]
    assert [title for title in wanted if f"\n## {title}\n" not in README] == []


def test_galaxy_has_the_same_addresses_as_all_other_files() -> None:
    assert GALAXY["homepage"] == REPOSITORY
    assert GALAXY["issues"].startswith(REPOSITORY)
    placeholders = [
        f"{file}: {address}"
        for file, text in ((file, file.read_text(encoding="utf-8")) for file in release.FILES)
        for address in re.findall(r"https://example\.com/background/\S+", text)
        if not address.startswith((REPOSITORY, DOCUMENTATION))
    ]
    assert placeholders == []


def test_a_release_sets_every_address(tmp_path: Path) -> None:
    text = f"see {REPOSITORY}/blob/main/a.md and {DOCUMENTATION}/docsite/b.html; https://example.com/feed"
    there = release.Addresses("https://git.example.org/jobs", "https://docs.example.org/jobs")
    assert release.with_addresses(text, release.Addresses(REPOSITORY, DOCUMENTATION), there) == (
        "see https://git.example.org/jobs/blob/main/a.md and https://docs.example.org/jobs/docsite/b.html; "
        "https://example.com/feed"
    )


def test_no_file_with_an_address_is_left_out() -> None:
    listed = {str(file.relative_to(ROOT)) for file in release.FILES}
    places = [
        place for place in ROOT.iterdir() if place.name != "tests" and (place.name[0] != "." or place.name == ".github")
    ]
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file()]
    found = {
        str(file.relative_to(ROOT))
        for file in files
        if file.suffix not in (".png", ".pyc") and REPOSITORY in file.read_text(encoding="utf-8", errors="replace")
    }
    assert found == listed
