/*
Copyright (c) 2026, The background.jobs contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
"use strict";

// What a bar is: a state that a job has ended in, or why no end of it is known. Each has its letter, pattern and colour.
const KINDS = {
  succeeded: ["succeeded", "✓"],
  failed: ["failed", "✗"],
  timed_out: ["timed out", "T"],
  cancelled: ["cancelled", "C"],
  skipped: ["skipped", "S"],
  lost: ["lost", "?"],
  not_collected: ["not collected", "…"],
  unseen: ["result not seen", "–"],
};
const UNFINISHED = ["queued", "running"];
const LANE = 22; // pixels from one lane to the next
const EDGE = 5; // pixels around the lanes of a row
const TALL = 70; // height of a row whose label has several lines
const AXIS = 26; // height of the axis
const NARROWEST = 4; // width of the shortest bar
const LETTERED = 18; // width from which on a bar shows its letter
const LABELLED = 44; // width from which on it shows its name, too
const MARGIN = 200; // pixels around what is in view that are drawn, too
const PAD = 48; // pixels behind the end of the run
const LONGEST = 8000000; // pixels that browsers can place things on
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];

const run = JSON.parse(document.getElementById("data").textContent);
const [chart, content, axis, lines, rows, details] =
  ["chart", "content", "axis", "lines", "rows", "details"].map((id) => document.getElementById(id));
const shifts = new Map(Object.entries(run.shifts));
const from = Math.min(run.started, ...run.jobs.map(begin));
const until = Math.max(run.ended, ...run.jobs.map((job) => job.ended ?? from), from + 0.001);
const isTouched = matchMedia("(hover: none)").matches; // no pointer, and most likely no keyboard
const tasks = new Set(run.jobs.map(taskKey));
const shown = { words: [], kinds: new Set(Object.keys(KINDS)), by: tasks.size > 1 ? "task" : "host" };
let layout = []; // the rows in view of the filter, from top to bottom
let places = new Map(); // from a job to its row, and its place in it
let drawn = { rows: new Map(), bars: new Map() }; // elements that exist, by row, and by job or time in a queue
let zoom = 1;
let current = null; // the job that the Tab key reaches
let chosen = null; // the job whose details stay

// Pure functions.

function begin(job) {
  return job.queued ?? job.started ?? job.ended ?? 0;
}

function kind(job) {
  if (!job.collected) return "not_collected";
  return UNFINISHED.includes(job.state) ? "unseen" : job.state;
}

function taskKey(job) {
  return JSON.stringify([job.task, job.place]);
}

/** How many jobs are in each state, in words; those that succeeded go without saying. */
function counted(jobs) {
  const counts = Object.keys(KINDS).map((name) => [name, jobs.filter((job) => kind(job) === name).length]);
  const others = counts.filter(([name, count]) => name !== "succeeded" && count);
  return [plural(jobs.length, "job"), ...others.map(([name, count]) => `${count.toLocaleString("en")} ${KINDS[name][0]}`)].join(", ");
}

/** Give each span, [from, until] and in the order of their starts, the lowest lane that is free by then. */
function lanes(spans) {
  const free = [];
  return spans.map(([start, end]) => {
    let lane = free.findIndex((at) => at <= start);
    if (lane < 0) lane = free.length;
    free[lane] = end;
    return lane;
  });
}

/** Join spans that overlap; they come in the order of their starts. */
function joined(spans) {
  const whole = [];
  for (const [start, end] of spans) {
    const last = whole[whole.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else whole.push([start, end]);
  }
  return whole;
}

/** Seconds in words, with as many digits behind the point as asked for, or as their length makes sense of. */
function span(seconds, digits = seconds < 10 ? 2 : seconds < 60 ? 1 : 0) {
  const rounded = Number(seconds.toFixed(digits));
  const [h, m, s] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60, rounded % 60];
  const parts = [h && `${h} h`, m && `${m} min`, (s || rounded === 0) && `${s.toFixed(digits)} s`];
  return parts.filter(Boolean).join(" ");
}

function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

// Layout: which rows there are, which lane each of their bars is in.

/** The seconds that a bar takes: where it ran, or for a job that never did, a little where it ended. */
function extent(job) {
  const shortest = (until - from) / 80;
  const end = job.ended ?? until;
  const start = job.started ?? (job.collected ? end : begin(job));
  return job.started === null ? [Math.min(start, until - shortest), Math.max(end, start + shortest)] : [start, end];
}

function matches(job) {
  const text = `${job.host} ${job.name} ${job.group ?? ""}`.toLowerCase();
  return shown.kinds.has(kind(job)) && shown.words.every((word) => text.includes(word));
}

function arrange() {
  const groups = new Map(); // by task, in the order in which they begin, or all in one: the jobs by host
  const hosts = new Set();
  for (const job of run.jobs) {
    if (!matches(job)) continue;
    hosts.add(job.host);
    const group = shown.by === "task" ? taskKey(job) : "";
    if (!groups.has(group)) groups.set(group, new Map());
    if (!groups.get(group).has(job.host)) groups.get(group).set(job.host, []);
    groups.get(group).get(job.host).push(job);
  }
  layout = [];
  places = new Map();
  let top = AXIS;
  const { compare } = new Intl.Collator("en", { numeric: true });
  for (const [host, jobs] of [...groups.values()].flatMap((group) => [...group].sort((a, b) => compare(a[0], b[0])))) {
    const bars = jobs.map((job) => ({ job, extent: extent(job) })).sort((a, b) => a.extent[0] - b.extent[0]);
    const lane = lanes(bars.map((bar) => bar.extent));
    bars.forEach((bar, index) => { bar.lane = lane[index]; });
    const count = Math.max(...lane) + 1;
    const queues = Array.from({ length: count }, () => []);
    for (const { job, lane, extent } of bars) {
      if (job.queued !== null) queues[lane].push([job.queued, Math.max(job.queued, extent[0])]);
    }
    const row = { host, task: shown.by === "task" ? jobs[0].task : null, bars, top, counts: counted(jobs) };
    row.height = Math.max(count * LANE + 2 * EDGE - 4, row.counts.includes(",") ? TALL : 46);
    row.queues = queues.map((spans) => joined(spans.sort((a, b) => a[0] - b[0])));
    bars.forEach((bar, index) => places.set(bar.job, { row, bar, index }));
    layout.push(row);
    top += row.height;
  }
  content.style.height = `${top}px`;
  if (!places.has(current)) current = layout.length ? layout[0].bars[0].job : null;
  if (chosen && !places.has(chosen)) choose(null);
  document.getElementById("count").textContent =
    places.size === run.jobs.length
      ? `${plural(run.jobs.length, "job")} on ${plural(hosts.size, "host")}`
      : `${places.size.toLocaleString("en")} of ${plural(run.jobs.length, "job")}`;
  document.getElementById("none").hidden = places.size > 0;
  content.hidden = places.size === 0;
  measure();
}

// Drawing: only what is in view is in the document, and the job that the Tab key reaches.

let measured; // width of the chart when that was done last
let labels; // pixels of the column with the hosts
let scale; // pixels of a second

function measure() {
  measured = chart.clientWidth;
  labels = chart.clientWidth < 600 ? 110 : 170;
  const room = Math.max(200, chart.clientWidth - labels - PAD);
  const width = Math.min(room * zoom, Math.max(LONGEST, room));
  scale = width / (until - from);
  content.style.width = `${labels + width + PAD}px`;
  chart.style.scrollPadding = `${AXIS + 4}px 20px 4px ${labels + 20}px`;
  const focused = document.activeElement.classList.contains("bar");
  rows.replaceChildren();
  drawn = { rows: new Map(), bars: new Map() };
  draw();
  if (focused) drawn.bars.get(current)?.focus({ preventScroll: true });
}

function x(at) {
  return (at - from) * scale;
}

function box({ extent: [start, end], lane }) {
  return { left: x(start), width: Math.max(NARROWEST, x(end) - x(start)), top: EDGE + lane * LANE };
}

function draw() {
  const view = {
    top: chart.scrollTop - MARGIN,
    bottom: chart.scrollTop + chart.clientHeight + MARGIN,
    left: chart.scrollLeft - MARGIN,
    right: chart.scrollLeft + chart.clientWidth + MARGIN,
  };
  const wanted = new Set();
  for (const row of layout) {
    const seen = row.top < view.bottom && row.top + row.height > view.top;
    if (!seen && places.get(current)?.row !== row) continue;
    wanted.add(row);
    if (!drawn.rows.has(row)) drawn.rows.set(row, rows.appendChild(rowElement(row)));
    if (seen) drawQueues(row, view, wanted);
    drawBars(row, view, seen, wanted);
  }
  for (const elements of [drawn.rows, drawn.bars]) {
    for (const [key, element] of elements) {
      if (wanted.has(key)) continue;
      element.remove();
      elements.delete(key);
    }
  }
  drawAxis(view);
}

function drawQueues(row, view, wanted) {
  row.queues.forEach((spans, lane) => {
    const top = EDGE + 8 + lane * LANE;
    if (row.top + top < view.top || row.top + top > view.bottom) return;
    for (const piece of spans) {
      const [left, right] = piece.map(x);
      if (right < view.left || left > view.right || right - left < 2) continue;
      wanted.add(piece);
      if (drawn.bars.has(piece)) continue;
      const style = { left: `${left}px`, width: `${right - left}px`, top: `${top}px` };
      drawn.bars.set(piece, drawn.rows.get(row).lastChild.appendChild(make("div", { className: "queue", style })));
    }
  });
}

function drawBars(row, view, seen, wanted) {
  const reached = []; // by lane, the right end of what was drawn, and how much that matters
  for (const bar of row.bars) {
    const { left, width, top } = box(bar);
    const inView = seen && row.top + top < view.bottom && row.top + top + LANE > view.top && left < view.right &&
      left + width > view.left;
    const [end, rank] = reached[bar.lane] ?? [-1, -1];
    const own = kind(bar.job) === "succeeded" ? 0 : 1;
    const covered = x(bar.extent[1]) <= end && own <= rank; // by the bars before, which are wider than they ought to be
    if (bar.job !== current && (!inView || covered)) continue;
    if (inView) reached[bar.lane] = [Math.max(end, left + width), own];
    wanted.add(bar.job);
    if (!drawn.bars.has(bar.job)) drawn.bars.set(bar.job, drawn.rows.get(row).lastChild.appendChild(barElement(bar)));
    drawn.bars.get(bar.job).tabIndex = bar.job === current ? 0 : -1;
  }
}

function drawAxis(view) {
  const step = STEPS.find((seconds) => seconds * scale >= 100) ?? STEPS[STEPS.length - 1];
  axis.replaceChildren(make("div", { className: "corner", style: { width: `${labels}px` } }));
  lines.replaceChildren();
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const first = Math.max(0, Math.ceil(view.left / scale / step));
  for (let tick = first; tick * step <= until - from && tick * step * scale < view.right; tick++) {
    const left = `${labels + tick * step * scale}px`;
    axis.appendChild(make("span", { style: { left } }, tick ? span(tick * step, digits) : clock(from)));
    lines.appendChild(make("div", { style: { left } }));
  }
}

/** An element. Text is only ever given as text, so that no name of a job or host can be anything else. */
function make(tag, { style = {}, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  Object.assign(element.style, style);
  element.append(...children);
  return element;
}

function rowElement(row) {
  const [name, of] = row.task === null ? [row.host, row.counts] : [row.task, `${row.host}: ${row.counts}`];
  const track = make("div", { className: "track", style: { position: "absolute", top: 0, left: `${labels}px` } });
  const label = make("div", { className: "label" },
    make("div", { title: name, dir: "auto" }, name), make("div", { className: "of", title: of, dir: "auto" }, of));
  const host = make("div", { className: "host", style: { width: `${labels}px` } }, label);
  const element = make("div", { className: "row", style: { top: `${row.top}px`, height: `${row.height}px` } }, host, track);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", `${name}, ${of}`);
  return element;
}

function barElement(bar) {
  const { left, width, top } = box(bar);
  const [word, letter] = KINDS[kind(bar.job)];
  const text = width >= LABELLED ? `${letter} ${bar.job.name}` : width >= LETTERED ? letter : "";
  const element = make("button", {
    type: "button",
    className: `bar ${kind(bar.job)}${text ? " lettered" : ""}${bar.job === chosen ? " chosen" : ""}`,
    ariaLabel: `${bar.job.name}, ${bar.job.host}, ${word}`,
    style: { left: `${left}px`, width: `${width}px`, top: `${top}px` },
  }, ...(text ? [make("span", { style: { left: `${labels + 5}px` } }, text)] : []));
  element.addEventListener("focus", () => reach(bar.job));
  element.addEventListener("click", () => element.focus());
  element.addEventListener("pointerenter", () => describe(bar.job));
  element.addEventListener("pointerleave", () => describe(chosen));
  return element;
}

// Details.

function clock(seconds) {
  const time = new Date(seconds * 1000);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

function moment(seconds) {
  if (seconds === null) return null;
  const since = seconds - run.started;
  return `${clock(seconds)}, ${span(Math.abs(since))} ${since < 0 ? "before the run" : "into the run"}`;
}

function ending(job) {
  const last = job.collected ? "" : `, last seen ${job.state}`;
  return KINDS[kind(job)][0] + last + (job.reason ? ` (${job.reason})` : "");
}

function ran(job) {
  if (job.started === null) return null;
  const end = job.ended ?? until;
  return span(job.elapsed ?? end - job.started) + (job.collected ? "" : " until the end of the run");
}

function describe(job) {
  if (!job) {
    details.replaceChildren(
      ...(isTouched
        ? [make("p", {}, "Touch a bar for its details.")]
        : [
            make("p", {}, "Point at a bar, or go to one with the Tab key, for its details."),
            make("p", {}, "Left, Right, Home and End: other jobs of the row. Up and Down: other rows. + and −: zoom. Esc: back."),
          ]),
    );
    return;
  }
  const shift = shifts.get(job.host);
  const facts = {
    State: ending(job),
    Host: job.host,
    "Exit code": job.rc,
    Ran: ran(job),
    Attempts: job.attempts,
    Message: job.msg,
    Queued: moment(job.queued),
    Started: moment(job.started),
    Ended: moment(job.ended),
    Group: job.group,
    Task: job.task,
    Place: job.place || null,
    Job: job.jid || "its id is hidden by no_log",
    Kind: job.builtin ? "builtin async; times as seen by the controller" : null,
    Clock: shift && !job.builtin ? `times moved by ${shift < 0 ? "−" : ""}${span(Math.abs(shift))}: the host's clock is off` : null,
    Output: job.no_log ? "hidden by no_log" : null,
  };
  const list = make("dl");
  for (const [word, fact] of Object.entries(facts)) {
    if (fact !== null && fact !== undefined) list.append(make("dt", {}, word), make("dd", { dir: "auto" }, String(fact)));
  }
  const outputs = ["stdout", "stderr"].filter((name) => job[name].length)
    .flatMap((name) => [make("h3", {}, `Last lines of ${name}`), make("pre", {}, job[name].join("\n"))]);
  const link = make("p", {}, make("a", { href: address(job) }, "Link to this job"));
  details.replaceChildren(make("h2", { dir: "auto" }, job.name), list, link, ...outputs);
}

/** What an address of this page has behind its name to lead to a job: its id, or its number where that is not known. */
function address(job) {
  return `#job=${encodeURIComponent(job.jid || run.jobs.indexOf(job))}`;
}

/** Go to the job that the address of the page names, if it does, whatever the filter says. */
function follow() {
  const job = location.hash && run.jobs.find((each) => address(each) === location.hash);
  if (!job) return;
  if (!places.has(job)) {
    shown.words = [];
    shown.kinds = new Set(Object.keys(KINDS));
    document.getElementById("words").value = "";
    document.querySelectorAll("#states input").forEach((check) => { check.checked = true; });
    arrange();
  }
  go(job);
}

function choose(job) {
  drawn.bars.get(chosen)?.classList.remove("chosen");
  chosen = job;
  drawn.bars.get(chosen)?.classList.add("chosen");
  describe(job);
}

// Moving.

/** A bar has got the focus. */
function reach(job) {
  const before = drawn.bars.get(current);
  if (before) before.tabIndex = -1;
  current = job;
  drawn.bars.get(job).tabIndex = 0;
  choose(job);
}

/** Bring a bar into view and give it the focus. */
function go(job) {
  current = job;
  const { row, bar } = places.get(job);
  const { left, width, top } = box(bar);
  const [y, right] = [row.top + top, chart.clientWidth - labels];
  if (y < chart.scrollTop + AXIS) chart.scrollTop = y - AXIS - 4;
  if (y + LANE > chart.scrollTop + chart.clientHeight) chart.scrollTop = y + LANE + 4 - chart.clientHeight;
  if (left < chart.scrollLeft || Math.min(left + width, left + right) > chart.scrollLeft + right) {
    chart.scrollLeft = left - right / 4;
  }
  draw();
  drawn.bars.get(job).focus({ preventScroll: true });
}

/** The job of another row that is nearest in time. */
function across(row, job) {
  const at = extent(job)[0];
  const distance = (bar) => Math.abs(bar.extent[0] - at);
  return row && row.bars.reduce((best, bar) => (distance(bar) < distance(best) ? bar : best)).job;
}

function target(key) {
  const { row, index } = places.get(current);
  const number = layout.indexOf(row);
  return {
    ArrowRight: () => row.bars[index + 1]?.job,
    ArrowLeft: () => row.bars[index - 1]?.job,
    Home: () => row.bars[0].job,
    End: () => row.bars[row.bars.length - 1].job,
    ArrowDown: () => across(layout[number + 1], current),
    ArrowUp: () => across(layout[number - 1], current),
  }[key]?.();
}

function setZoom(factor) {
  const middle = chosen
    ? extent(chosen)[0]
    : from + (chart.scrollLeft + (chart.clientWidth - labels) / 2) / scale;
  const offset = chosen ? x(middle) - chart.scrollLeft : (chart.clientWidth - labels) / 2;
  zoom = Math.min(Math.max(1, factor), LONGEST / 200);
  measure();
  chart.scrollLeft = zoom === 1 ? 0 : x(middle) - offset;
  draw();
}

function keyPressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || !current) return;
  if (event.key === "Escape") choose(null);
  else if (event.key === "+") setZoom(zoom * 2);
  else if (event.key === "-") setZoom(zoom / 2);
  else if (event.target.classList.contains("bar")) {
    const job = target(event.key);
    if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) event.preventDefault();
    if (job) go(job);
  }
}

// Controls.

function offerStates() {
  const states = document.getElementById("states");
  for (const [name, [word, letter]] of Object.entries(KINDS)) {
    const count = run.jobs.filter((job) => kind(job) === name).length;
    if (!count) continue;
    const check = make("input", { type: "checkbox", checked: true, value: name });
    check.addEventListener("change", () => {
      shown.kinds[check.checked ? "add" : "delete"](name);
      arrange();
    });
    const swatch = make("span", { className: `swatch ${name}`, ariaHidden: "true" }, letter);
    states.append(make("label", {}, check, swatch, `${word} ${count.toLocaleString("en")}`));
  }
  if (run.jobs.some((job) => job.queued !== null)) {
    states.append(make("span", { className: "key" }, make("span", { className: "queue" }), "queued before"));
  }
}

function introduce() {
  const start = new Date(run.started * 1000);
  const day = [start.getFullYear(), start.getMonth() + 1, start.getDate()].map((part) => String(part).padStart(2, "0"));
  document.getElementById("about").textContent =
    `${run.playbooks.join(", ")}, ${day.join("-")} ${clock(run.started)}, ${span(run.ended - run.started)}. ` +
    "Times are those of the hosts' clocks" +
    (shifts.size ? `; on ${plural(shifts.size, "host")} whose clock differs, moved so that jobs begin within the task that starts them.` : ".");
}

document.getElementById("idle").remove();
introduce();
offerStates();
describe(null);
document.getElementById("words").addEventListener("input", (event) => {
  shown.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  arrange();
});
const by = document.getElementById("by");
by.value = shown.by;
by.addEventListener("change", () => {
  shown.by = by.value;
  arrange();
});
document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("in").addEventListener("click", () => setZoom(zoom * 2));
document.getElementById("out").addEventListener("click", () => setZoom(zoom / 2));
document.getElementById("fit").addEventListener("click", () => setZoom(1));
chart.addEventListener("keydown", keyPressed);
let waiting = false;
chart.addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
});
arrange();
follow();
addEventListener("hashchange", follow);
new ResizeObserver(() => (chart.clientWidth === measured ? draw() : measure())).observe(chart);
