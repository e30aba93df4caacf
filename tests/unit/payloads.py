# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Payloads for fork servers, in the two forms that ansible-core has had since 2.18."""

from __future__ import annotations

import base64
import io
import json
import sys
import typing as t
import zipfile

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job, Step
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.tests.unit.helpers import Batches, children

OLD = """\
#!/usr/bin/python3
# -*- coding: utf-8 -*-
_ANSIBALLZ_WRAPPER = True # For test-module.py script to tell this is a ANSIBALLZ_WRAPPER
def _ansiballz_main():
    import base64, os, runpy, shutil, sys, tempfile
    ZIPDATA = '{zipped}'
    ANSIBALLZ_PARAMS = {params!r}
    if sys.version_info:
        ANSIBALLZ_PARAMS = ANSIBALLZ_PARAMS.encode('utf-8')
    temp_path = tempfile.mkdtemp(prefix='ansible_probe_payload_')
    try:
        path = os.path.join(temp_path, 'payload.zip')
        with open(path, 'wb') as stream:
            stream.write(base64.b64decode(ZIPDATA))
        zinfo = sys
        zinfo.date_time = ({number}, 1)
        sys.path.insert(0, path)
        from ansible.module_utils import basic
        basic._ANSIBLE_ARGS = ANSIBALLZ_PARAMS
        runpy.run_module(mod_name='ansible.modules.probe', init_globals=dict(_modlib_path=path),
                         run_name='__main__', alter_sys=True)
        print('{{"failed": true, "msg": "New-style module did not handle its own exit"}}')
        sys.exit(1)
    finally:
        shutil.rmtree(temp_path)

if __name__ == '__main__':
    _ansiballz_main()
"""
"""The form of ansible-core 2.18, as far as it matters."""

NEW = """\
#!/usr/bin/python3
from __future__ import annotations
import datetime
_ANSIBALLZ_WRAPPER = True
def _ansiballz_main(zip_data, params, date_time, secrets):
    import base64, os, runpy, shutil, sys, tempfile
    temp_path = tempfile.mkdtemp(prefix='ansible_probe_payload_')
    try:
        path = os.path.join(temp_path, 'payload.zip')
        with open(path, 'wb') as stream:
            stream.write(base64.b64decode(zip_data))
        sys.path.insert(0, path)
        from ansible.module_utils import basic, secrets as masker
        basic._ANSIBLE_ARGS = params.encode()
        for secret in secrets:
            masker._secret_masker.register_secret_text(secret)
        try:
            runpy.run_module(mod_name='ansible.modules.probe', init_globals=dict(_modlib_path=path),
                             run_name='__main__', alter_sys=True)
            raise RuntimeError('New-style module did not handle its own exit.')
        except Exception as exc:
            print('{{"failed": true, "msg": "%s"}}' % exc)
            sys.exit(1)
    finally:
        shutil.rmtree(temp_path, ignore_errors=True)


if __name__ == "__main__":
    _ansiballz_main(
date_time=datetime.datetime({number}, 1, 1),
secrets={secrets!r},
params={params!r},
zip_data='{zipped}',
)
"""
"""The form of ansible-core 2.19 to 2.22, as far as it matters."""

FORMS = {"2.18": OLD, "2.22": NEW}

PROBE = """
import atexit, json, os, random, resource, signal, string, subprocess, sys, tempfile
from ansible.module_utils import basic, secrets

arguments = json.loads(basic._ANSIBLE_ARGS)
exec(arguments.get("code", ""))
result = {
    "arguments": {key: value for key, value in arguments.items() if key != "code"},
    "argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
    "cwd": os.getcwd(),
    "doc": sorted(name for name in globals() if name.startswith("__")),
    "environment": {key: value for key, value in os.environ.items() if not key.startswith("BACKGROUND_JOBS_")},
    "group leader": os.getpgrp() == os.getpid(),
    "handles": sorted(map(int, os.listdir("/proc/self/fd")))[:3],
    "is main": sys.modules["__main__"].__dict__ is globals(),
    "leader": os.getsid(0) == os.getpid(),
    "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
    "locale": [sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdout.errors, sys.stderr.encoding],
    "name": __name__,
    "nice": os.nice(0),
    "parent": os.getppid(),
    "secrets": secrets._secret_masker.known,
    "shell": subprocess.run("echo out; echo err >&2; umask; ls /proc/self/fd | wc -l", shell=True, stdin=None,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True).stdout,
    "signals": [str(signal.getsignal(number)).split(" at ")[0].replace("serve_forks.<locals>", "run.<locals>")
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)],
    "stdin": [os.readlink("/proc/self/fd/0"), sys.stdin.read()],
    "threads": len(os.listdir("/proc/self/task")),
    "tty": sys.stdout.isatty(),
    "umask": [os.umask(0o777), os.umask(0)][:1],
    "zip is there": os.path.exists(_modlib_path),
}
print(json.dumps(result))
sys.exit(0)
"""
BASIC = "_ANSIBLE_ARGS = None\n"
SECRETS = """
class Masker:
    known = []
    def register_secret_text(self, text):
        self.known.append(text)
_secret_masker = Masker()
"""


def payload(
    form: str,
    probe: str = PROBE,
    extra: str = "",
    number: int = 2000,
    secrets: frozenset[str] = frozenset(),
    **arguments: t.Any,
) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for package in ("ansible", "ansible/module_utils", "ansible/modules"):
            archive.writestr(zipfile.ZipInfo(f"{package}/__init__.py"), "")
        for name, source in (
            ("module_utils/basic", BASIC),
            ("module_utils/secrets", SECRETS),
            ("modules/probe", probe),
            ("module_utils/starts_a_thread", extra),
        ):
            archive.writestr(zipfile.ZipInfo(f"ansible/{name}.py"), source)
    zipped = base64.b64encode(memory.getvalue()).decode("ascii")
    text = FORMS[form].format(zipped=zipped, params=json.dumps(arguments), number=number, secrets=secrets)
    return text.encode("utf-8")


def probe_job(jid: str, form: str, environment: t.Mapping[str, str] | None = None, **arguments: t.Any) -> Job:
    step = Step("probe", payload(form, **arguments), [sys.executable])
    return Job(jid, jid, [step], environment=dict(environment or {}))


def is_forked(batches: Batches, jid: str) -> bool:
    """Whether no Python was started for a job that runs: its memory was laid out when its server was started."""
    processes = procfs.table()
    images = {processes[pid].image for pid in set(children(batches.supervisor(jid))) - {batches.pid(jid)}}
    return processes[batches.pid(jid)].image in images
