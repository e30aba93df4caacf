# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Chromium without a window, and timelines shown in it. As root on Debian it is installed, if it is missing."""

from __future__ import annotations

import shutil
import sys
import typing as t
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline_page import page as page_of

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hosts"))
import hosts  # noqa: E402

Show = t.Callable[..., Page]

expect.set_options(timeout=60_000)


def find() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def need_chromium() -> str:
    """The path of a Chromium. Playwright's own cannot be downloaded everywhere."""
    if find() is None and hosts.can_install():
        hosts.apt_install("--no-install-recommends", "chromium")
    program = find()
    if program is None:
        pytest.exit(
            f"No Chromium is on the PATH ({', '.join(PROGRAMS)}). Install one (Debian: apt install chromium; Ubuntu: "
            "snap install chromium; Fedora: dnf install chromium).",
            returncode=1,
        )
    return program


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium())
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> t.Iterator[Show]:
    """Shows a timeline, at the part `at` of its page; `options` are those of a browser context.

    No page may ask for anything or report an error.
    """
    contexts: list[BrowserContext] = []
    trouble: list[str] = []
    requests: list[str] = []

    def refuse(dialog: Dialog) -> None:
        trouble.append(dialog.message)
        dialog.dismiss()

    def show(document: t.Mapping[str, t.Any], at: str = "", **options: t.Any) -> Page:
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(page_of(document), encoding="utf-8")
        defaults = {"viewport": {"width": 1280, "height": 700}, "locale": "en-GB", "timezone_id": "UTC"}
        context = browser.new_context(**{**defaults, "offline": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", refuse)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri() + at)
        return page

    yield show
    for context in contexts:
        context.close()
    assert trouble == []
    assert len(requests) == len(contexts), requests
