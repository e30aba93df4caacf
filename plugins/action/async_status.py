# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell how jobs stand, or remove their files; documented in the module of the same name."""

from __future__ import annotations

import base64

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._model.record import told_of
from ansible_collections.background.jobs.plugins.module_utils._model.states import NOT_FOUND, UNFINISHED
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY, entry
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import (
    HIDDEN,
    as_task,
    judged,
    verdict,
    whys,
)
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction


class ActionModule(JobAction):
    """One round trip, whatever the number of jobs."""

    _instead = keywords.ASKING

    def options(self):
        return _argspec.async_status_options(), _argspec.ASYNC_STATUS_RULES

    def perform(self, options, task_vars):
        asked = [options["jid"]] if options["jids"] is None else options["jids"]
        question = {} if options["offset"] is None else {"offsets": {asked[0]: options["offset"]}}
        answer = self.ask(asked, options["mode"], task_vars, secret=True, **question)
        statuses = answer["jobs"]
        if options["mode"] == "cleanup":
            results = [_erased(status["jid"], status) for status in statuses]
        else:
            results = judged(
                [Handle(jid=status["jid"], name=status["jid"]) for status in statuses], statuses, self.host
            )
        if options["offset"] is not None:
            new = (answer.get("output") or {}).get(statuses[0]["jid"])
            results[0][KEY] = {**results[0][KEY], **_output(new, options["offset"])}
        if options["jids"] is None:
            self._msg_is_ours = options["mode"] == "cleanup"
            return as_task(results[0])
        together = {key: any(result[key] for result in results) for key in ("changed", "failed")}
        together["finished"] = all(result["finished"] for result in results)
        bad = [result for result in results if result["failed"]]
        if bad:
            many = f"{len(results)} job" + ("" if len(results) == 1 else "s")
            together["msg"] = f"{len(bad)} of {many} {verdict(bad)}: " + (HIDDEN if self.hidden else whys(bad))
        if any(result.get("_ansible_no_log") for result in results):
            together["_ansible_no_log"] = True
        return {"results": results, **together}


def _output(new, offset):
    if new is None:
        return {"output": "", "output_left_out": 0, "next_offset": offset}
    text = base64.b64decode(new["text"]).decode("utf-8", "backslashreplace")
    return {"output": text, "output_left_out": new["left_out"], "next_offset": new["next"]}


def _erased(jid, status):
    """:returns: what became of the files of one job: an entry without what its module returned."""
    state = status["state"]
    job = {"name": (status.get("record") or {}).get("name") or jid, "state": state, "reason": status["reason"]}
    beside = {"ansible_job_id": jid, "started": state != NOT_FOUND, "finished": state not in UNFINISHED}
    if state in UNFINISHED:
        job["message"] = f"job {jid} is still {state}: its files are not removed; wait for it, or cancel it, before"
    elif not status["ours_to_remove"]:
        job["message"] = status["message"]
    else:
        beside["erased"] = status["results_file"]
        if status.get("survivors"):
            job.update(survivors=told_of(status["survivors"]), message=name_survivors(status["survivors"]))
    beside.update(changed="erased" in beside, failed="message" in job)
    if "message" in job:
        beside["msg"] = job["message"]
    return entry({}, beside, job)
