# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The managed hosts of the tests: Docker containers with sshd, from a Docker engine to a running host.

Every step looks first at what is there already, so that a second run takes seconds. Where no engine answers and this
is root on Debian, Docker is installed and started; where no image registry answers, the base image is made with
mmdebstrap from the mirror in apt's own configuration.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
SSH = CACHE / "ssh"
DOCKERD_PID = CACHE / "dockerd.pid"
DOCKERD_LOG = CACHE / "dockerd.log"

# Suites, and the port of 127.0.0.1 of the first host of each set; Molecule's scenarios have ports of their own.
SUITES = ("bullseye", "bookworm", "trixie")
# The suite of the host that has the software of the reference documents.
SERVICES = "bookworm"
MANUAL = ("background-jobs", 22001)
CORES = ("background-jobs-cores", 22021)
LABEL = "background.jobs.test-host"
PULL_SECONDS = 120
ENGINE_SECONDS = 60

SSH_CONFIG = """\
# Written by tests/hosts/hosts.py.
Host *
    IdentityFile "{key}"
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""

INVENTORY_HEAD = """\
# Written by tests/hosts/hosts.py.
all:
  vars:
    ansible_host: 127.0.0.1
    ansible_user: root
    ansible_ssh_common_args: -F {config}
    ansible_python_interpreter: /usr/bin/python3
  hosts:
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(*command: str) -> str:
    """Run a command to its end and return what it printed; a failure shows all of it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nFailed with {done.returncode}: {' '.join(command)}")
    return done.stdout


def succeeds(*command: str, seconds: float | None = None) -> bool:
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


# The engine


def engine_answers() -> bool:
    return succeeds("docker", "info", seconds=20)


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*packages: str) -> None:
    """Install Debian packages; those who do so at the same time wait for each other, which apt does not let them."""
    say(f"Installing {' '.join(packages)}")
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("apt-get", "update")
        run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", *packages)


def start_engine() -> None:
    """Start dockerd apart from this program; stop_engine() ends it."""
    CACHE.mkdir(exist_ok=True)
    with DOCKERD_LOG.open("wb") as log:
        daemon = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    DOCKERD_PID.write_text(f"{daemon.pid}\n", encoding="ascii")
    deadline = time.monotonic() + ENGINE_SECONDS
    while not engine_answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            stop_engine()
            raise SystemExit(f"dockerd does not answer; see {DOCKERD_LOG}")
        time.sleep(0.5)
    say(f"Started dockerd, process {daemon.pid}, log {DOCKERD_LOG}")


def need_engine() -> None:
    if engine_answers():
        return
    if not can_install():
        raise SystemExit(
            "No Docker engine answers. Install Docker (Debian and Ubuntu: apt install docker.io), start it and make "
            "sure that this user may use it ('docker info' works)."
        )
    if not shutil.which("dockerd"):
        apt_install("docker.io")
    if not engine_answers():
        start_engine()


def stop_engine() -> None:
    """Stop the dockerd that start_engine() started, if it is still that process."""
    if not DOCKERD_PID.exists():
        return
    pid = int(DOCKERD_PID.read_text(encoding="ascii"))
    DOCKERD_PID.unlink()
    command = Path(f"/proc/{pid}/comm")
    if not command.exists() or command.read_text(encoding="ascii").strip() != "dockerd":
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + ENGINE_SECONDS
    while command.exists() and "State:\tZ" not in command.with_name("status").read_text(encoding="utf-8"):
        if time.monotonic() > deadline:
            raise SystemExit(f"dockerd, process {pid}, does not end; see {DOCKERD_LOG}")
        time.sleep(0.2)
    say(f"Stopped dockerd, process {pid}")


# Images


def image_exists(image: str) -> bool:
    return succeeds("docker", "image", "inspect", image)


def pull(suite: str) -> bool:
    return succeeds("docker", "pull", f"debian:{suite}", seconds=PULL_SECONDS)


def debian_mirror() -> str:
    """The mirror apt itself uses for Debian's main archive."""
    query = ("apt-get", "indextargets", "--format", "$(REPO_URI)")
    only = ("Created-By: Packages", "Component: main", "Origin: Debian", "Label: Debian")
    mirrors = run(*query, *only).split() or (run("apt-get", "update") and run(*query, *only).split())
    if not mirrors:
        raise SystemExit("No image registry answers and apt knows no Debian mirror to make base images from.")
    return mirrors[0]


def archive(suite: str) -> Path:
    """Where a base image made here is kept, for an engine that starts with nothing."""
    return CACHE / "images" / f"debian-{suite}.tar"


def bootstrap(suite: str, mirror: str) -> None:
    say(f"Making debian:{suite} with mmdebstrap")
    unfinished = archive(suite).with_suffix(".part")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    run("mmdebstrap", "--variant=apt", "--format=tar", suite, str(unfinished), f"deb {mirror} {suite} main")
    unfinished.rename(archive(suite))


def need_bootstrapper() -> None:
    if shutil.which("mmdebstrap"):
        return
    if not can_install():
        raise SystemExit("No image registry answers. Install mmdebstrap and run this as root, on Debian.")
    apt_install("mmdebstrap", "debian-archive-keyring")


def need_base_images() -> None:
    """Have debian:<suite> for every suite, from a registry or, where none answers, from the mirror."""
    missing = [suite for suite in SUITES if not image_exists(f"debian:{suite}")]
    with ThreadPoolExecutor() as pool:
        unpulled = [suite for suite, pulled in zip(missing, pool.map(pull, missing)) if not pulled]
        unmade = [suite for suite in unpulled if not archive(suite).exists()]
        if unmade:
            need_bootstrapper()
            list(pool.map(bootstrap, unmade, [debian_mirror()] * len(unmade)))
    for suite in unpulled:
        run("docker", "import", str(archive(suite)), f"debian:{suite}")


def image_name(suite: str, stage: str = "host") -> str:
    """The image's name holds a hash of everything it is built from."""
    content = hashlib.sha256()
    for name in ("Dockerfile", "sshd.conf"):
        content.update((HERE / name).read_bytes())
    return f"background-jobs-{stage}:{suite}-{content.hexdigest()[:12]}"


def build(suite: str, stage: str = "host") -> None:
    """Build one stage of the Dockerfile."""
    image = image_name(suite, stage)
    if not image_exists(image):
        say(f"Building {image}")
        options = ("--build-arg", f"SUITE={suite}", "--target", stage, "--tag", image)
        run("docker", "build", *options, str(HERE))


def need_images() -> None:
    if not all(image_exists(image_name(suite)) for suite in SUITES):
        need_base_images()
    with ThreadPoolExecutor() as pool:
        list(pool.map(build, SUITES))


# Access


def need_ssh_access() -> None:
    """A key pair, and an ssh configuration that uses it and trusts every host."""
    key = SSH / "id_ed25519"
    SSH.mkdir(parents=True, exist_ok=True)
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "background.jobs tests", "-f", str(key))
    (SSH / "config").write_text(SSH_CONFIG.format(key=key), encoding="utf-8")


# Commands


def prepare() -> None:
    need_engine()
    need_images()
    need_ssh_access()


def images() -> None:
    """Prepare everything and print the images' names as environment variables."""
    prepare()
    for suite in SUITES:
        print(f"BACKGROUND_JOBS_IMAGE_{suite.upper()}={image_name(suite)}")
    print(f"BACKGROUND_JOBS_IMAGE_SERVICES={image_name(SERVICES, 'services')}")


def services() -> None:
    """Prepare the image with the software of the reference documents as well."""
    prepare()
    build(SERVICES, "services")


def up(kind: tuple[str, int] = MANUAL) -> None:
    """Run one host per suite and write an inventory of them."""
    prepare()
    prefix, port = kind
    lines = []
    for number, suite in enumerate(SUITES, port):
        start_host(f"{prefix}-{suite}", suite, number)
        lines.append(f"    {suite}:\n      ansible_port: {number}\n      ansible_pipelining: true\n")
    inventory = CACHE / f"{prefix}.yml"
    inventory.write_text(INVENTORY_HEAD.format(config=SSH / "config") + "".join(lines), encoding="utf-8")
    print(inventory)


def fresh() -> None:
    """Run hosts that nothing has run on yet, beside those for manual work."""
    down(CORES)
    up(CORES)


def start_host(name: str, suite: str, port: int) -> None:
    """Run a host, unless it runs already from the image of today."""
    image = image_name(suite)
    if succeeds("docker", "inspect", name):
        state = run("docker", "inspect", "--format", "{{.State.Running}} {{.Config.Image}}", name)
        if state.split() == ["true", image]:
            return
        remove([name])
    publish = f"127.0.0.1:{port}:22"
    key = f"{SSH}/id_ed25519.pub:/etc/ssh/authorized_keys:ro"
    options = ("--name", name, "--hostname", suite, "--publish", publish, "--volume", key)
    run("docker", "run", "--detach", *options, image)


def down(kind: tuple[str, int] = MANUAL) -> None:
    """Remove the hosts that up() started."""
    names = [f"{kind[0]}-{suite}" for suite in SUITES]
    remove([name for name in names if succeeds("docker", "inspect", name)])
    (CACHE / f"{kind[0]}.yml").unlink(missing_ok=True)


def down_tests() -> None:
    """Remove the hosts that fresh() started, and those that an interrupted Molecule left."""
    if engine_answers():
        down(CORES)
    filters = ("--filter", f"label={LABEL}", "--filter", "label=owner=molecule")
    remove(run("docker", "ps", "--all", "--quiet", *filters).split() if engine_answers() else [])


def remove(containers: list[str]) -> None:
    if containers:
        run("docker", "rm", "--force", "--volumes", *containers)


COMMANDS: dict[str, Callable[[], None]] = {
    "images": images,
    "services": services,
    "up": up,
    "fresh": fresh,
    "down": down,
    "down-tests": down_tests,
    "stop-engine": stop_engine,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The managed hosts of the tests")
    parser.add_argument("commands", nargs="+", choices=COMMANDS)
    for command in parser.parse_args().commands:
        COMMANDS[command]()


if __name__ == "__main__":
    main()
