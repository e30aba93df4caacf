# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Pythons that run jobs: how one is started, and from where it imports.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Such a Python starts in the directory of who has logged in, and with become it runs as another user: root would import
what a user has left in his home. So it imports from its own directories, from those of the effective user's own
packages (`pip install --user`), and from what a `PYTHONPATH` of the task or the job names. What the login had in
`PYTHON` variables is not for it, but for the commands it runs.
"""

from __future__ import annotations

import functools
import glob
import os
import pwd
import shutil
import stat
import sys
import typing as t

_FIRST = """\
import sys
sys.path[:] = [place for place in sys.path if place not in ("", ".")]
import os
try:
    here = os.getcwd()
except OSError:
    here = ""
named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
sys.path[:] = [place for place in sys.path if place != here or place in named]
if {files}:
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with os.fdopen({handle}, "rb") as pipe:
    boot = pipe.read(int(pipe.readline()))
    program = pipe.read()
exec(boot, {{"program": program}})
"""
"""The first code of such a Python. Until the third line has run, it may import nothing but what is built in."""


def start(handle: int, files: int | None = None) -> str:
    """:returns: what a Python has to run that is to find what `fed` made behind this file descriptor of its own.

    :arg files: how many open files it may have, as `this_process.OpenFiles` tells; `None` for as many as we may.
    """
    return f"exec({_FIRST.format(handle=handle, files=files)!r}, {{}})"


def fed(boot: bytes, program: bytes) -> bytes:
    """:returns: what such a Python has to be given: `boot` runs there, and finds `program`."""
    return b"%d\n%s%s" % (len(boot), boot, program)


def command(interpreter: t.Sequence[str], environment: t.Mapping[str, str]) -> list[str]:
    """:returns: `interpreter` where it can be found on this host, else the Python that runs us, with what it needs to
        import nothing that another user could have written.

    :arg environment: what it will be started with.
    """
    found = list(interpreter) if interpreter and shutil.which(interpreter[0]) else [sys.executable]
    own = own_packages(environment.get("HOME"), environment.get("PYTHONUSERBASE"), os.geteuid())
    return found if own else [*found, "-s"]


def inherited(environment: t.Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """:returns: the environment for a Python of ours, and what is left for the commands that it runs.

    :arg environment: what we have been started with ourselves.
    """
    hidden = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    return {name: value for name, value in environment.items() if name not in hidden}, hidden


def for_file(
    interpreter: t.Sequence[str], environment: t.Mapping[str, str], own: t.Mapping[str, str]
) -> dict[str, str]:
    """:returns: the environment for a module that is started as a file.

    :arg environment: what we have been started with ourselves.
    :arg own: what is added to it.
    """
    if not any(os.path.basename(word).startswith("python") for word in interpreter):
        return {**environment, **own}
    result = {**inherited(environment)[0], **own}
    if not own_packages(result.get("HOME"), result.get("PYTHONUSERBASE"), os.geteuid()):
        result["PYTHONNOUSERSITE"] = "1"
    return result


@functools.lru_cache(maxsize=None)
def own_packages(home: str | None, base: str | None, uid: int) -> bool:
    """:returns: whether nobody but `uid` and root can say what lies in the directories for this user's own packages.

    :arg home: the variable `HOME`; `None` if there is none.
    :arg base: the variable `PYTHONUSERBASE`.
    """
    if home is None:
        try:
            home = pwd.getpwuid(uid).pw_dir
        except KeyError:
            return False
    places = [base or os.path.join(home, ".local")]
    if sys.platform == "darwin" and not base:
        places.append(os.path.join(home, "Library", "Python"))
    for pattern in (("lib", "python*", "site-packages"), ("*", "lib", "python", "site-packages")):
        places += [found for place in places[:2] for found in glob.glob(os.path.join(glob.escape(place), *pattern))]
    return all(
        os.path.isabs(place) and _is_own(place, uid) and _is_own(os.path.realpath(place), uid) for place in places
    )


def _is_own(path: str, uid: int) -> bool:
    """:returns: whether nobody but `uid` and root can change what lies at an absolute path, or put something there."""
    place, is_shared = "/", False
    for name in ["", *filter(None, path.split("/"))]:
        place = os.path.join(place, name)
        try:
            info = os.lstat(place)
        except FileNotFoundError:
            return not is_shared
        except OSError:
            return False
        is_shared = bool(info.st_mode & stat.S_IWOTH) and not stat.S_ISLNK(info.st_mode)
        if info.st_uid not in (0, uid) or (is_shared and not info.st_mode & stat.S_ISVTX):
            return False
    return True
