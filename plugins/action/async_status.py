# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell how jobs stand, or remove their files; documented in the module of the same name."""

from __future__ import annotations

import base64

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.module_utils._outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._record import UNFINISHED, told_of
from ansible_collections.background.jobs.plugins.plugin_utils import _keywords
from ansible_collections.background.jobs.plugins.plugin_utils._handle import NOT_FOUND, Handle
from ansible_collections.background.jobs.plugins.plugin_utils._job_action import JobAction
from ansible_collections.background.jobs.plugins.plugin_utils._results import HIDDEN, as_task, judged, whys


class ActionModule(JobAction):
    """One trip, whatever the number of jobs."""

    _instead = _keywords.ASKING

    def options(self):
        return _argspec.async_status(), _argspec.ASYNC_STATUS_RULES

    def perform(self, options, task_vars):
        asked = [options["jid"]] if options["jids"] is None else options["jids"]
        question = {} if options["offset"] is None else {"offsets": {asked[0]: options["offset"]}}
        answer = self.ask(asked, options["mode"], task_vars, secret=True, **question)
        statuses = answer["jobs"]
        if options["mode"] == "cleanup":
            results = [_erased(status["jid"], status) for status in statuses]
        else:
            results = judged([Handle(jid=status["jid"], name=status["jid"]) for status in statuses], statuses)
        if options["offset"] is not None:
            results[0].update(_output((answer.get("output") or {}).get(statuses[0]["jid"]), options["offset"]))
        if options["jids"] is None:
            self._msg_is_ours = options["mode"] == "cleanup"
            return as_task(results[0])
        together = {key: any(result[key] for result in results) for key in ("changed", "failed")}
        together["finished"] = all(result["finished"] for result in results)
        bad = [result for result in results if result["failed"]]
        if bad:
            together["msg"] = f"{len(bad)} of {len(results)} jobs did not succeed: " + (
                HIDDEN if self.hidden else whys(bad)
            )
        if any(result.get("_ansible_no_log") for result in results):
            together["_ansible_no_log"] = True
        return {"results": results, **together}


def _output(new, offset):
    if new is None:
        return {"output": "", "output_left_out": 0, "next_offset": offset}
    text = base64.b64decode(new["text"]).decode("utf-8", "backslashreplace")
    return {"output": text, "output_left_out": new["left_out"], "next_offset": new["next"]}


def _erased(jid, status):
    result = {"ansible_job_id": jid, "state": status["state"], "started": True, "finished": True, "changed": False}
    if status["state"] in UNFINISHED:
        message = f"job {jid} is still {status['state']}: its files are not removed; wait for it, or cancel it, before"
        return {**result, "finished": False, "failed": True, "msg": message}
    if status["reason"] in (NOT_FOUND, "not_a_jid") or not status["ours_to_remove"]:
        return {**result, "failed": True, "msg": status["message"], "reason": status["reason"]}
    result.update(failed=False, changed=True, erased=status["results_file"])
    if status.get("survivors"):
        result.update(failed=True, survivors=told_of(status["survivors"]), msg=name_survivors(status["survivors"]))
    return result
