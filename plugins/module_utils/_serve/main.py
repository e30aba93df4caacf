# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program on the target: one request comes in, one answer goes out.

PRIVATE to the collection background.jobs. Do not use this from other collections.

What a request does not need is not imported, and not sent: see `plugin_utils._core.program`.
"""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model import wire


def main(head: bytes, behind: bytes) -> None:
    """Answer a request, on standard output.

    :arg head: the request as `_model.wire.encode_request` gives it.
    :arg behind: what travels behind it.
    """
    secrets: t.Sequence[str] = ()
    answer: wire.Answer
    try:
        answer, secrets = serve(wire.decode_request(head, behind))
    except wire.WireError as exc:
        answer = wire.Refusal(f"the request makes no sense: {exc}")
    out = sys.stdout.buffer
    out.write(b"\n%s%s\n" % (wire.MARK.encode("ascii"), wire.encode_answer(answer, secrets)))
    out.flush()


def serve(request: wire.Request) -> tuple[wire.Answer, t.Sequence[str]]:
    """:returns: the answer to a request, and the secrets that are in it."""
    if isinstance(request, wire.Launch):
        from ansible_collections.background.jobs.plugins.module_utils._serve import launch

        return launch.serve(request)
    if isinstance(request, wire.Ask):
        from ansible_collections.background.jobs.plugins.module_utils._serve import ask

        return ask.serve(request)
    if isinstance(request, wire.Cancel):
        from ansible_collections.background.jobs.plugins.module_utils._serve import cancel

        return cancel.serve(request)
    if isinstance(request, wire.List):
        from ansible_collections.background.jobs.plugins.module_utils._serve import listing

        return listing.serve(request), ()
    from ansible_collections.background.jobs.plugins.module_utils._serve import prune

    return prune.serve(request), ()
