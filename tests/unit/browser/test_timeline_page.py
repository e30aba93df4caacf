# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the timeline as a reader has it: in a browser, with the mouse, with the keyboard."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from playwright.sync_api import Locator, Page, expect

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline import TimelineJob
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible_lines

Show = t.Callable[..., Page]

NOON = 1795348800.0
"""Seconds since the epoch of a noon, in UTC."""
KINDS = ("succeeded", "failed", "timed_out", "cancelled", "skipped", "lost", "not_collected", "unseen")
MANY_NODES = 2500
"""Elements that may be in the document, however many jobs there are."""


def job(
    host: str = "web1", name: str = "build", start: float = 1, end: float | None = 9, **fields: t.Any
) -> TimelineJob:
    """A job that was queued a second after noon; `start` and `end` are seconds after noon."""
    ended = None if end is None else NOON + end
    defaults = {"state": "succeeded", "collected": True, "task": "Build", "place": "site.yml:14", "jid": f"j{name}"}
    times = {"queued": NOON + 1, "started": NOON + start, "ended": ended}
    return TimelineJob(**{"host": host, "name": name, **defaults, **times, **fields})


def timeline(*jobs: TimelineJob, **fields: t.Any) -> dict[str, t.Any]:
    """The data of a run from noon on, for 20 seconds."""
    run = {"format": 1, "playbooks": ["site.yml"], "started": NOON, "ended": NOON + 20, "shifts": {}}
    return {**run, "jobs": [dataclasses.asdict(job) for job in jobs], **fields}


EVERY_KIND = timeline(
    *(job(name=f"is {state}", state=state) for state in KINDS[:4]),
    job(name="is skipped", state="skipped", started=None),
    job(name="is lost", state="lost"),
    job(name="is not_collected", state="queued", started=None, end=None, collected=False),
    job(name="is unseen", state="running", no_log=True),
)
TWO_HOSTS = timeline(
    job("web1", "nginx", 1, 9, stdout=["configured", "installed"], rc=0),
    job("web1", "redis", 1, 4, state="failed", reason="exit_code", rc=2, msg="no room", stderr=["cc: error"]),
    job("web1", "haproxy", 4, 12, group="nightly"),
    job("web2", "backup", 5, 15, group="nightly"),
)


def many(hosts: int, jobs: int, slots: int) -> dict[str, t.Any]:
    """A run of many jobs, one in ten of which failed."""
    bars = [
        job(
            f"host{host:03}",
            f"package {number}",
            1 + number // slots,
            1.9 + number // slots,
            state="succeeded" if number % 10 else "failed",
            stdout=["a line of output"] * 10,
        )
        for host in range(hosts)
        for number in range(jobs)
    ]
    return timeline(*bars, ended=NOON + 2 + jobs // slots)


def find(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"{name}, ")


def details(page: Page) -> Locator:
    return page.get_by_label("Details of a job")


def names(page: Page) -> list[str]:
    """The names of the jobs that are drawn."""
    return [
        str(label).partition(",")[0] for label in page.locator(".bar").evaluate_all("all => all.map(b => b.ariaLabel)")
    ]


def place(page: Page, name: str) -> dict[str, float]:
    box = find(page, name).bounding_box()
    assert box is not None
    return t.cast("dict[str, float]", box)


def nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def styles(page: Page) -> list[tuple[str, ...]]:
    """How the bars look beside their size, one of each kind."""
    look = "s => [s.backgroundImage, s.backgroundColor, s.borderStyle]"
    return [
        tuple(style)
        for style in page.evaluate(
            f"kinds => kinds.map(kind => ({look})(getComputedStyle(document.querySelector(`.bar.${{kind}}`))))", KINDS
        )
    ]


def test_each_end_has_a_look_a_letter_and_a_name_of_its_own(show: Show) -> None:
    page = show(EVERY_KIND)
    expect(page.locator(".bar")).to_have_count(8)
    assert len({style[::2] for style in styles(page)}) == 8, "not by colour alone"
    assert len({style[1] for style in styles(page)}) == 8
    words = ["succeeded", "failed", "timed out", "cancelled", "skipped", "lost", "not collected", "result not seen"]
    for kind, word in zip(KINDS, words):
        expect(find(page, f"is {kind}")).to_have_accessible_name(f"is {kind}, web1, {word}")
        expect(page.get_by_role("checkbox", name=f"{word} 1", exact=True)).to_be_checked()
    letters = page.locator(".bar:not(.skipped)").evaluate_all("all => all.map(b => b.textContent[0])")
    assert len(set(letters)) == 7
    others = ", ".join(f"1 {word}" for word in words[1:])
    expect(page.get_by_role("group", name=f"web1, 8 jobs, {others}", exact=True)).to_be_visible()
    expect(page.locator(".row .queue").first).to_be_visible()
    expect(page.locator("#about")).to_have_text(
        "site.yml, 2026-11-22 12:00:00, 20.0 s. Times are those of the hosts' clocks."
    )


def test_bars_lie_where_their_times_say(show: Show) -> None:
    page = show(TWO_HOSTS)
    nginx, redis, haproxy, backup = (place(page, name) for name in ("nginx", "redis", "haproxy", "backup"))
    assert nginx["x"] == redis["x"] < haproxy["x"] < backup["x"]
    assert nginx["width"] == haproxy["width"] == pytest.approx(redis["width"] * 8 / 3, abs=1)
    assert haproxy["x"] == pytest.approx(redis["x"] + redis["width"], abs=1)
    assert nginx["y"] < redis["y"] == haproxy["y"] < backup["y"], "what overlaps is stacked"
    expect(page.locator("#axis")).to_contain_text("12:00:00")


def test_lanes_and_durations(show: Show) -> None:
    page = show(timeline())
    for spans, expected in (
        ([], []),
        ([[0, 5], [5, 9], [9, 9]], [0, 0, 0]),
        ([[0, 5], [1, 3], [2, 9], [3, 4]], [0, 1, 2, 1]),
        ([[0, 9], [1, 2], [3, 4], [3, 5]], [0, 1, 1, 2]),
    ):
        assert page.evaluate("spans => lanes(spans)", spans) == expected
    assert page.evaluate("joined([[0, 2], [1, 5], [2, 3], [6, 7]])") == [[0, 5], [6, 7]]
    seconds = [0, 0.25, 12.34, 59.96, 60, 61.2, 3600, 3725, 90000]
    assert page.evaluate("all => all.map((each) => span(each))", seconds) == [
        *("0.00 s", "0.25 s", "12.3 s", "1 min", "1 min", "1 min 1 s", "1 h", "1 h 2 min 5 s", "25 h"),
    ]


def test_pointing_at_a_bar_shows_its_details(show: Show) -> None:
    page = show(TWO_HOSTS)
    expect(details(page)).to_contain_text("Point at a bar")
    find(page, "redis").hover()
    for text in ("failed (exit_code)", "web1", "no room", "3.00 s", "12:00:04, 4.00 s into the run", "cc: error"):
        expect(details(page)).to_contain_text(text)
    page.mouse.move(5, 5)
    expect(details(page)).to_contain_text("Point at a bar")
    find(page, "nginx").click()
    find(page, "haproxy").click()
    find(page, "nginx").click()
    expect(page.locator(".bar[tabindex='0']")).to_have_count(1)
    find(page, "redis").hover()
    page.mouse.move(5, 5)
    expect(details(page).get_by_role("heading").first).to_have_text("nginx")
    expect(details(page).locator("pre")).to_have_text("configured\ninstalled")


def test_details_say_where_times_come_from_and_what_is_hidden(show: Show) -> None:
    ours = job("web1", "ours", state="queued", started=None, end=None, collected=False)
    theirs = job("web1", "theirs", 2, builtin=True, no_log=True, queued=None)
    page = show(timeline(ours, theirs, job("web2", "early", started=NOON - 60), shifts={"web1": -7.5}))
    expect(page.locator("#about")).to_contain_text("on 1 host whose clock differs, moved so that")
    find(page, "ours").click()
    expect(details(page)).to_contain_text("not collected, last seen queued")
    expect(details(page)).to_contain_text("times moved by \N{MINUS SIGN}7.50 s: the host's clock is off")
    find(page, "theirs").click()
    expect(details(page)).to_contain_text("builtin async; times as seen by the controller")
    expect(details(page)).to_contain_text("hidden by no_log")
    expect(details(page)).not_to_contain_text("moved by")
    find(page, "early").click()
    expect(details(page)).to_contain_text("11:59:00, 1 min before the run")


def test_the_keyboard_reaches_every_bar(show: Show) -> None:
    page = show(TWO_HOSTS)
    expect(page.locator(".bar[tabindex='0']")).to_have_count(1)
    page.get_by_role("button", name="Whole run").focus()
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.id") == "chart":  # a browser may stop at what can be scrolled
        page.keyboard.press("Tab")
    for key, name in (
        ("", "nginx"),
        ("ArrowLeft", "nginx"),
        ("ArrowRight", "redis"),
        ("End", "haproxy"),
        ("ArrowDown", "backup"),
        ("ArrowDown", "backup"),
        ("ArrowUp", "haproxy"),
        ("Home", "nginx"),
        ("+", "nginx"),
        ("End", "haproxy"),
    ):
        if key:
            page.keyboard.press(key)
        expect(find(page, name)).to_be_focused()
        expect(details(page).get_by_role("heading").first).to_have_text(name)
        expect(page.locator(".bar[tabindex='0']")).to_have_count(1)
    expect(details(page)).to_have_attribute("aria-live", "polite")
    page.keyboard.press("Escape")
    expect(details(page)).to_contain_text("Point at a bar")
    expect(page.locator(".chosen")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(find(page, "redis")).to_be_focused()


def test_zoom_keeps_what_was_chosen_in_view(show: Show) -> None:
    page = show(TWO_HOSTS)
    before = place(page, "backup")
    find(page, "backup").click()
    for _dummy in range(3):
        page.get_by_role("button", name="Zoom in").click()
    zoomed = place(page, "backup")
    assert zoomed["width"] == pytest.approx(before["width"] * 8, abs=8)
    assert zoomed["x"] == pytest.approx(before["x"], abs=2)
    page.locator("#chart").evaluate("chart => chart.scrollBy(300, 0)")
    expect(find(page, "backup").locator("span")).to_be_in_viewport(ratio=1)
    page.locator("#chart").evaluate("chart => chart.scrollBy(-300, 0)")
    page.get_by_role("button", name="Zoom out").click()
    assert place(page, "backup")["width"] == pytest.approx(before["width"] * 4, abs=4)
    page.get_by_role("button", name="Whole run").click()
    assert place(page, "backup") == before


def test_filters(show: Show) -> None:
    page = show(TWO_HOSTS)
    words, count = page.get_by_label("Host, name or group"), page.locator("#count")
    expect(count).to_have_text("4 jobs on 2 hosts")
    find(page, "redis").click()
    for text, left in {
        "WEB1": ["nginx", "redis", "haproxy"],
        "redis": ["redis"],
        "nightly": ["haproxy", "backup"],
        "web1 nightly": ["haproxy"],
        "": ["nginx", "redis", "haproxy", "backup"],
    }.items():
        words.fill(text)
        assert names(page) == left
    expect(count).to_have_text("4 jobs on 2 hosts")
    page.get_by_role("checkbox", name="succeeded 3").uncheck()
    assert names(page) == ["redis"]
    expect(count).to_have_text("1 of 4 jobs")
    find(page, "redis").click()
    page.get_by_role("checkbox", name="failed 1").uncheck()
    expect(page.get_by_text("No job matches.")).to_be_visible()
    expect(details(page)).to_contain_text("Point at a bar")
    page.get_by_role("checkbox", name="succeeded 3").check()
    assert names(page) == ["nginx", "haproxy", "backup"]
    words.press("Enter")
    expect(words).to_be_visible()


@pytest.mark.parametrize(("hosts", "jobs", "slots"), [(100, 50, 4), (1, 5000, 4), (1, 5000, 5000)])
def test_thousands_of_jobs_are_drawn_as_far_as_they_are_seen(show: Show, hosts: int, jobs: int, slots: int) -> None:
    page = show(many(hosts, jobs, slots))
    expect(page.locator("#count")).to_have_text(f"5,000 jobs on {hosts} host" + ("s" if hosts > 1 else ""))
    assert nodes(page) < MANY_NODES
    page.locator(".bar").first.focus()
    page.keyboard.press("End")
    expect(details(page).get_by_role("heading").first).to_have_text(f"package {jobs - 1}")
    expect(page.locator(".bar:focus")).to_be_in_viewport()
    page.locator("#chart").evaluate("chart => chart.scrollTo(0, chart.scrollHeight)")
    last = page.get_by_role("group", name=f"host{hosts - 1:03}, {jobs:,} jobs")
    expect(last).to_be_in_viewport()
    expect(page.locator(".bar:focus")).to_have_count(1)
    assert nodes(page) < MANY_NODES
    page.get_by_role("button", name="Zoom in").click(click_count=12)
    assert nodes(page) < MANY_NODES
    page.get_by_label("Host, name or group").fill("host000 49")
    expect(page.locator("#count")).to_contain_text(" of 5,000 jobs")
    assert nodes(page) < MANY_NODES


TWO_TASKS = timeline(
    job("web2", "image 1", 1, 4, task="Build", place="site.yml:4"),
    job("web10", "image 2", 1, 5, task="Build", place="site.yml:4", state="failed"),
    job("web2", "web", 6, 9, task="Deploy", place="site.yml:9"),
    job("web2", "", 7, 9, task="Deploy", place="other.yml:9", jid=""),
)


def groups(page: Page) -> list[str | None]:
    return page.locator(".row").evaluate_all("all => all.map(row => row.ariaLabel)")


def test_jobs_of_several_tasks_are_in_rows_by_task(show: Show) -> None:
    page = show(TWO_TASKS)
    by_task = ["Build, web2: 1 job", "Build, web10: 1 job, 1 failed", "Deploy, web2: 1 job", "Deploy, web2: 1 job"]
    assert groups(page) == by_task
    expect(page.locator("#count")).to_have_text("4 jobs on 2 hosts")
    page.get_by_label("Rows by").select_option("host")
    assert groups(page) == ["web2, 3 jobs", "web10, 1 job, 1 failed"]
    page.get_by_label("Rows by").select_option("task")
    assert groups(page) == by_task
    expect(show(TWO_HOSTS).get_by_label("Rows by")).to_have_value("host")


def test_thousands_of_tasks_are_drawn_as_far_as_they_are_seen(show: Show) -> None:
    jobs = [job("web1", f"job {number}", number % 15, number % 15 + 1, place=f"x:{number}") for number in range(5000)]
    page = show(timeline(*jobs))
    expect(page.locator("#count")).to_have_text("5,000 jobs on 1 host")
    assert nodes(page) < MANY_NODES
    page.locator("#chart").evaluate("chart => chart.scrollTo(0, chart.scrollHeight)")
    expect(page.get_by_role("button", name="job 4999, ")).to_be_in_viewport()
    assert nodes(page) < MANY_NODES


def test_each_job_has_a_link(show: Show) -> None:
    page = show(TWO_TASKS)
    find(page, "web").click()
    link = details(page).get_by_role("link", name="Link to this job")
    expect(link).to_have_attribute("href", "#job=jweb")
    address = page.url
    page.get_by_label("Host, name or group").fill("image")
    page.goto(f"{address}#job=jweb")
    expect(details(page).get_by_role("heading").first).to_have_text("web")
    expect(page.get_by_label("Host, name or group")).to_have_value("")
    page.evaluate("location.hash = '#job=3'")
    expect(details(page)).to_contain_text("its id is hidden by no_log")
    page.evaluate("location.hash = '#job=nobody'")
    expect(page.locator(".chosen")).to_have_count(1)


def test_a_link_leads_to_its_job_when_the_page_is_opened(show: Show) -> None:
    page = show(TWO_TASKS, at="#job=jimage%202")
    expect(details(page).get_by_role("heading").first).to_have_text("image 2")


def test_a_touch_screen_has_no_hint_on_keys(show: Show) -> None:
    page = show(TWO_HOSTS, has_touch=True, is_mobile=True)
    expect(details(page)).to_have_text("Touch a bar for its details.")
    find(page, "redis").tap()
    expect(details(page).get_by_role("heading").first).to_have_text("redis")


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"'><svg onload=alert(1)>",
    "{{ alert(1) }} ${alert(1)} @SCRIPT@ &lt;",
    "\u202egnp.exe\u2066",
    "مرحبا",
    "line\u2028end\u2029\n\t\0\x1b[31m",
    "lone \udc80 surrogate",
    "x" * 5000,
    "__proto__",
]
"""Names that are something else to a browser, or could not be read there."""


def test_no_name_is_more_than_a_text(show: Show) -> None:
    jobs = [
        job(name, name, group=name, task=name, place=name, msg=name, stdout=[name], reason=name, jid=name)
        for name in HOSTILE
    ]
    page = show(timeline(*jobs, playbooks=HOSTILE, shifts=dict.fromkeys(HOSTILE[:5], 5.0)))
    expect(page.locator(".bar")).to_have_count(len(HOSTILE))
    labels = page.locator(".label > :first-child").all_text_contents()
    assert set(labels) == set(map(visible_lines, HOSTILE))
    for number, name in enumerate(labels):
        page.locator(".bar").nth(number).focus()
        assert details(page).get_by_role("heading").first.text_content() == name
        assert details(page).locator("pre").text_content() == name
        assert ("the host's clock is off" in (details(page).text_content() or "")) == (name in HOSTILE[:5])
    expect(page.locator("script")).to_have_count(2)
    expect(page.locator("img, svg, iframe")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Host, name or group").fill("<script>alert")
    assert page.locator(".bar").count() == 1


def luminance(colour: str) -> float:
    """The relative luminance of a colour `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_light_and_dark_can_both_be_read(show: Show) -> None:
    looks = []
    for scheme in ("light", "dark"):
        page = show(EVERY_KIND, color_scheme=scheme)
        names = ["page", "surface", "text", "quiet", "focus", "queue"]
        names += [f"{kind}-{part}" for kind in KINDS for part in ("fill", "mark", "edge")]
        colours = page.evaluate(
            "names => { const style = getComputedStyle(document.body);"
            "return Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--${name}`)])) }",
            names,
        )
        for text in ("text", "quiet"):
            assert min(contrast(colours[text], colours[ground]) for ground in ("page", "surface")) >= 4.5
        for kind in KINDS:
            assert min(contrast(colours["text"], colours[f"{kind}-{part}"]) for part in ("fill", "mark")) >= 4.5, kind
            assert contrast(colours[f"{kind}-edge"], colours["page"]) >= 3, kind
        assert min(contrast(colours[line], colours["page"]) for line in ("focus", "queue")) >= 3
        assert page.evaluate("getComputedStyle(document.body).color") == rgb(colours["text"])
        assert page.locator(".bar").first.evaluate("bar => getComputedStyle(bar).color") == rgb(colours["text"])
        looks.append([page.evaluate("getComputedStyle(document.body).backgroundColor"), *styles(page)])
    assert all(light != dark for light, dark in zip(*looks))


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[index : index + 2], 16) for index in (1, 3, 5)))


def test_a_narrow_window_has_the_details_below(show: Show) -> None:
    page = show(TWO_HOSTS, viewport={"width": 420, "height": 700})
    find(page, "redis").click()
    chart, below = page.locator("#chart").bounding_box(), details(page).bounding_box()
    assert chart is not None and below is not None
    assert chart["y"] + chart["height"] <= below["y"] < 700
    assert chart["height"] >= 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_scripts_the_page_says_so(show: Show) -> None:
    page = show(TWO_HOSTS, java_script_enabled=False)
    expect(page.get_by_text("This page draws with JavaScript, which does not run here.")).to_be_visible()
