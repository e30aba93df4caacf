# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The gates. `make help` names the usual ways to run them; `nox --list` names the sessions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.envdir = ".nox"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint"]

ROOT = Path(__file__).parent
CACHE = ROOT / ".cache"
RESULTS = CACHE / "results"
NAMESPACE = Path("ansible_collections", "background")
TREE = CACHE / "tree"
COLLECTIONS = CACHE / "collections"

# Each ansible-core and the Pythons of a controller that it supports.
CORES = {
    "2.16.0": ("3.11", "3.10", "3.12"),
    "2.16.19": ("3.12", "3.11", "3.10"),
    "2.17.14": ("3.11", "3.10", "3.12"),
    "2.18.19": ("3.11", "3.12", "3.13"),
    "2.19.14": ("3.11", "3.12", "3.13"),
    "2.20.10": ("3.12", "3.13", "3.14"),
    "2.21.5": ("3.12", "3.13", "3.14"),
    "2.22.0rc1": ("3.13", "3.14", "3.15"),
}
MAIN_CORE = "2.21.5"
# Older ones, with which ansible-core warns of this collection: the scenarios' plays run with them too.
UNSUPPORTED_CORES = {
    "2.14.18": ("3.9", "3.10", "3.11"),
    "2.15.13": ("3.9", "3.10", "3.11"),
}
TARGET_PYTHON = "3.8"  # the oldest that the tests themselves run with
# What else the program is tried with, on the side of the target alone: the oldest, and in `make check` these.
OLDEST_TARGET = "3.6"
OTHER_TARGETS = ("3.7", "3.13", "3.14")
# The last ansible-core for hosts with these Pythons, and a Python of a controller for it.
LAST_CORES = [nox.param("3.12", "2.16.19", "3.6", id="3.6"), nox.param("3.12", "2.17.14", "3.7", id="3.7")]

LONG_SCENARIOS = ("default", "faults")
# The reference documents, and odd hosts: `make test` has no time for them, `make check` runs them.
APART = ("documents", "fleet", "odd")

# Collections that Molecule's Docker driver needs, and what they need.
DRIVER_COLLECTIONS = ("community/docker", "community/library_inventory_filtering_v1", "ansible/posix")

# Where ansible-test keeps its bootstrap of pip, and its names: up to 2.17, in 2.18, and since.
GET_PIP = Path(".ansible", "test", "cache")
GET_PIP_NAMES = ("get_pip_23_1_2.py", "get_pip_24_2.py", "get_pip_25_2.py")


def add_pyenv_to_path() -> None:
    """Put pyenv's interpreters first: its shims exist for versions that are not switched on, and fail."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    directories = [str(python.parent) for python in versions.glob("3.*/bin/python3")]
    os.environ["PATH"] = os.pathsep.join([*directories, os.environ["PATH"]])


def interpreter(versions: tuple[str, ...]) -> str:
    """The first of these Pythons that is there, else the first, which nox then reports as missing."""
    return next((version for version in versions if shutil.which(f"python{version}")), versions[0])


add_pyenv_to_path()
MAIN_PYTHON = interpreter(CORES[MAIN_CORE])
EVERY_CORE, OLDER_CORES = (
    [nox.param(interpreter(versions), core, id=core) for core, versions in each.items()]
    for each in (CORES, UNSUPPORTED_CORES)
)


def install(session: nox.Session, requirements: str, core: str = MAIN_CORE) -> None:
    session.install(f"ansible-core=={core}", "--requirement", f"tests/requirements/{requirements}.txt")


def see_collection(session: nox.Session) -> None:
    """Let Ansible, pytest and mypy see this checkout under the collection's name."""
    link = TREE / NAMESPACE / "jobs"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(ROOT, link.parent))
    session.env["ANSIBLE_COLLECTIONS_PATH"] = f"{TREE}{os.pathsep}{COLLECTIONS}"


def copy_collection(purpose: str) -> Path:
    """A copy of what git has or would add, for tools that look around in the whole checkout."""
    copy = CACHE / "copy" / purpose / NAMESPACE / "jobs"
    shutil.rmtree(copy, ignore_errors=True)
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    # A repository of its own, or ansible-test and antsibull-docs ask this one, which ignores the copy.
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    return copy


def need_driver_collections(session: nox.Session) -> None:
    """Unpack the collections for Molecule's driver from the Ansible package."""
    requirements = ROOT / "tests" / "requirements" / "collections.txt"
    unpacked = COLLECTIONS / requirements.name
    if unpacked.exists() and unpacked.read_bytes() == requirements.read_bytes():
        return
    shutil.rmtree(COLLECTIONS, ignore_errors=True)
    session.run("pip", "download", "--no-deps", "--dest", session.create_tmp(), "--requirement", str(requirements))
    (wheel,) = Path(session.create_tmp()).glob("ansible-*.whl")
    wanted = tuple(f"ansible_collections/{name}/" for name in DRIVER_COLLECTIONS)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(COLLECTIONS, [name for name in archive.namelist() if name.startswith(wanted)])
    wheel.unlink()
    shutil.copy2(requirements, unpacked)


@nox.session(python=MAIN_PYTHON)
def lint(session: nox.Session) -> None:
    """Formatters, linters, types, changelog and licences."""
    install(session, "lint")
    see_collection(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("yamllint", "--strict", ".")
    session.run("codespell")
    plugins = "ansible_collections.background.jobs.plugins"
    # Targets have Python 3.6 and newer; 3.10 is the oldest that mypy knows.
    session.run("mypy", "--python-version", "3.10", "-p", f"{plugins}.module_utils")
    session.run("mypy", "-p", f"{plugins}.plugin_utils")
    programs = ("tests/hosts/hosts.py", "tests/run.py", "tests/bench/bench.py", "tests/release.py")
    pages = ("tests/docs/migration.py", "tests/docs/record.py")
    session.run("mypy", "noxfile.py", *programs, *pages, "extensions/ansible_lint/rules/unreaped_async.py")
    session.run("antsibull-changelog", "lint")
    session.run("reuse", "lint", "--quiet")
    session.run("ansible-lint")
    # The rule runs where ansible-lint is, without what other unit tests need.
    session.run("pytest", "--noconftest", f"--junit-xml={RESULTS}/lint.xml", "tests/unit/lint")


@nox.session
@nox.parametrize(("python", "core"), EVERY_CORE)
def unit(session: nox.Session, core: str) -> None:
    """Unit tests: all with the newest core, the controller's with the oldest, between them what asks the core."""
    install(session, "unit", core)
    see_collection(session)
    plugins = "tests/unit/plugins"
    tests = [f"{plugins}/action/test_{name}.py" for name in ("hostile", "launch")]
    names = ("_results/test_answer", "_core/test_voice", "test_output_of_modules")
    tests += [f"{plugins}/plugin_utils/{name}.py" for name in names]
    if core == min(CORES):
        tests = [f"{plugins}/plugin_utils"]
        tests += [f"{plugins}/action/test_{name}.py" for name in ("hostile", "launch", "run", "shape")]
    if core == max(CORES):
        tests = [plugins, "tests/unit/docs", "tests/bench"]
    session.run("pytest", f"--junit-xml={RESULTS}/unit-{core}.xml", *(session.posargs or tests))


@nox.session(python=TARGET_PYTHON, venv_backend="venv")  # virtualenv has given Python 3.8 up
def targets(session: nox.Session) -> None:
    """What runs on targets, without Ansible: unit tests and faults; some of them with the oldest Python of a target."""
    session.install("--requirement", "tests/requirements/targets.txt")
    see_collection(session)
    tests = ("tests/unit/plugins/module_utils", "tests/unit/faults")
    session.run("pytest", f"--junit-xml={RESULTS}/targets.xml", *(session.posargs or tests))
    run_program(session, OLDEST_TARGET)


@nox.session(python=TARGET_PYTHON, venv_backend="venv")
def pythons(session: nox.Session) -> None:
    """The program with the other Pythons that a target may have."""
    session.install("--requirement", "tests/requirements/targets.txt")
    see_collection(session)
    for version in OTHER_TARGETS:
        run_program(session, version)


def run_program(session: nox.Session, version: str) -> None:
    """Let this Python serve the requests of tests, and run their jobs, where it is there."""
    python = shutil.which(f"python{version}")
    if python is None:
        session.warn(f"There is no Python {version}: the program was not tried with it")
        return
    units = ("module_utils/_supervisor/test_main.py", "module_utils/_serve", "plugin_utils/_core/test_sources.py")
    tests = [f"tests/unit/plugins/{unit}" for unit in units]
    tests += [f"tests/unit/faults/test_{name}.py" for name in ("cancel", "lost", "order", "releases", "results")]
    result = f"--junit-xml={RESULTS}/{session.name.partition('-')[0]}-{version}.xml"
    session.run("pytest", result, *(session.posargs or tests), env={"TARGET_PYTHON": python})


@nox.session
@nox.parametrize(("python", "core", "target"), LAST_CORES)
def entries(session: nox.Session, core: str, target: str) -> None:
    """Each entry, used on a host with an old Python, which is this machine: on standard input and in a module."""
    python = shutil.which(f"python{target}")
    if python is None:
        session.skip(f"There is no Python {target}")
    session.install(f"ansible-core=={core}")
    see_collection(session)
    directory = Path(session.create_tmp(), "async")
    plays = ["tests/artifact/play.yml", *(f"playbooks/{name}.yml" for name in ("list", "logs", "cancel", "prune"))]
    variables = f"ansible_python_interpreter={python} ansible_async_dir={directory} group=artifact older_than=0"
    options = ("--inventory", "here,", "--connection", "local", "--extra-vars", variables)
    for pipelining in ("True", "False"):
        shutil.rmtree(directory, ignore_errors=True)
        session.run("ansible-playbook", *options, *plays, env={"ANSIBLE_PIPELINING": pipelining})


@nox.session(python=interpreter(CORES[max(CORES)]))
def coverage(session: nox.Session) -> None:
    """How many lines of plugin_utils and module_utils unit tests and faults run, on the side of the target too."""
    install(session, "unit", max(CORES))
    session.install("--requirement", "tests/requirements/coverage.txt")
    see_collection(session)
    data = CACHE / "coverage"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    (packages,) = Path(session.virtualenv.location).glob("lib/python*/site-packages")
    start = packages / "measure.pth"
    start.write_text(f"import sys; sys.path.append({str(ROOT / 'tests' / 'coverage')!r}); import measure\n", "utf-8")
    tests = [f"tests/unit/{kind}" for kind in ("plugins", "faults", "docs")]
    try:
        # To be measured makes processes slower, and a few tests see that. Which tests fail is not asked here.
        session.run("pytest", "-p", "measure", *(session.posargs or tests), success_codes=[0, 1])
    finally:
        start.unlink()
    session.run("coverage", "combine", "--quiet", f"--data-file={data / 'data'}", str(data))
    session.run("coverage", "report", f"--data-file={data / 'data'}")


@nox.session
@nox.parametrize(("python", "core"), EVERY_CORE)
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity with all Pythons that are there, in a copy and with a home of its own."""
    session.install(f"ansible-core=={core}")
    home = CACHE / "ansible-test"
    (home / GET_PIP).mkdir(parents=True, exist_ok=True)
    for name in GET_PIP_NAMES:
        (home / GET_PIP / name).write_text("import ensurepip\n\nensurepip.bootstrap()\n", encoding="utf-8")
    (packages,) = Path(session.virtualenv.location).glob("lib/python*/site-packages")
    for wanted in (packages / "ansible_test" / "_data" / "requirements").glob("sanity.*.txt"):
        # A release candidate wants a commit of dill, which GitHub alone has. A release of it will do.
        text = wanted.read_text(encoding="utf-8")
        wanted.write_text(re.sub(r"^(\w+) @ https://\S+", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    session.chdir(copy_collection(f"sanity-{core}"))
    environment = {"HOME": str(home)}
    session.run("ansible-test", "sanity", "--venv", "--requirements", "--color", *session.posargs, env=environment)


def build(session: nox.Session, purpose: str) -> Path:
    """Build the collection from a copy; returns the archive."""
    built = CACHE / "built" / purpose
    shutil.rmtree(built, ignore_errors=True)
    with session.chdir(copy_collection(purpose)):
        session.run("ansible-galaxy", "collection", "build", "--output-path", str(built), silent=True)
    (archive,) = built.glob("*.tar.gz")
    return archive


@nox.session
@nox.parametrize(("python", "core"), EVERY_CORE)
def artifact(session: nox.Session, core: str) -> None:
    """What users get: built, installed where nothing else is, and each entry used."""
    install(session, "artifact", core)
    purpose = f"artifact-{core}"
    archive = build(session, purpose)
    place = archive.parent / "installed"
    options = ("--offline", "--force", "--collections-path", str(place))  # wherever else it is
    session.run("ansible-galaxy", "collection", "install", *options, str(archive), silent=True)
    installed, source = place / NAMESPACE / "jobs", CACHE / "copy" / purpose / NAMESPACE / "jobs"
    # To run the examples takes as long as all the rest: `nox -s artifact -- tests/artifact` does it.
    tests = session.posargs or ["tests/artifact/test_artifact.py", "-k", "not examples_run"]
    environment = {"INSTALLED": str(installed), "SOURCE": str(source)}
    session.run("pytest", f"--junit-xml={RESULTS}/artifact-{core}.xml", *tests, env=environment)


@nox.session(python=MAIN_PYTHON)
def importer(session: nox.Session) -> None:
    """What Galaxy does with an upload, without an error and without a warning."""
    install(session, "importer")
    archive = build(session, "importer")
    session.chdir(archive.parent)
    environment = {"HOME": str(archive.parent), "GALAXY_IMPORTER_LOG_LEVEL_MAIN": "WARNING"}
    said = session.run("python", "-m", "galaxy_importer.main", archive.name, env=environment, silent=True)
    if said:
        session.error(f"galaxy-importer is not content:\n{said}")


@nox.session(python=MAIN_PYTHON)
def browser(session: nox.Session) -> None:
    """The page of a timeline in a Chromium without a window."""
    install(session, "browser")
    see_collection(session)
    session.run("pytest", f"--junit-xml={RESULTS}/browser.xml", *(session.posargs or ["tests/unit/browser"]))


@nox.session(python=MAIN_PYTHON)
def runner(session: nox.Session) -> None:
    """Two nodes of a workflow, as ansible-runner runs them."""
    install(session, "runner")
    see_collection(session)
    session.run("pytest", "--noconftest", f"--junit-xml={RESULTS}/runner.xml", "tests/runner")


@nox.session(python=False)
def images(session: nox.Session) -> None:
    """Docker and the images of the hosts, which `molecule` and `cores` would else wait for."""
    session.run("python3", "tests/hosts/hosts.py", "images")


@nox.session(python=MAIN_PYTHON)
def molecule(session: nox.Session) -> None:
    """All Molecule scenarios but those apart, side by side, or molecule with the arguments after `--`."""
    need_molecule(session)
    if session.posargs:
        if set(APART) & set(session.posargs):
            session.run("python", "tests/hosts/hosts.py", "services")
        session.run("molecule", *session.posargs)
        return
    found = {config.parent.name for config in ROOT.glob("extensions/molecule/*/molecule.yml")}
    # The longest first, so that the others fill the time beside them.
    run_scenarios(session, [*LONG_SCENARIOS, *sorted(found - {*LONG_SCENARIOS, *APART})], os.cpu_count() or 1)


@nox.session(python=MAIN_PYTHON)
def documents(session: nox.Session) -> None:
    """The scenarios of the reference documents, one after the other."""
    need_molecule(session)
    session.run("python", "tests/hosts/hosts.py", "services")
    run_scenarios(session, list(APART), places=1)


def need_molecule(session: nox.Session) -> None:
    install(session, "molecule")
    see_collection(session)
    need_driver_collections(session)
    images = session.run("python", "tests/hosts/hosts.py", "images", silent=True, stderr=None)
    session.env.update(dict(line.split("=", 1) for line in str(images).splitlines()))


def run_scenarios(session: nox.Session, scenarios: list[str], places: int) -> None:
    with ThreadPoolExecutor(max_workers=places) as pool:
        passed = list(pool.map(lambda scenario: run_scenario(session, scenario), scenarios))
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = f'<testsuite tests="{len(passed)}" errors="0" failures="{passed.count(False)}" skipped="0"/>\n'
    (RESULTS / f"{session.name.partition('-')[0]}.xml").write_text(summary, encoding="ascii")
    if not all(passed):
        session.error("A scenario failed")


def run_scenario(session: nox.Session, scenario: str) -> bool:
    """Run a scenario with its output in a file, which is shown if the scenario fails."""
    log = CACHE / f"molecule-{scenario}.log"
    with log.open("w", encoding="utf-8") as output:
        try:
            session.run("molecule", "test", "--scenario-name", scenario, stdout=output, env={"NO_COLOR": "1"})
        except CommandFailed:
            session.warn(f"{log.read_text(encoding='utf-8')}\nScenario {scenario} failed; the log is {log}")
            return False
    session.log(f"Scenario {scenario} passed")
    return True


@nox.session
@nox.parametrize(("python", "core"), [EVERY_CORE[0], EVERY_CORE[-1]])
def cores(session: nox.Session, core: str) -> None:
    """The plays of the scenarios: the oldest ansible-core on the oldest host, the newest on the newest."""
    run_plays(session, "cores", core, "bullseye" if core == min(CORES) else "trixie")


@nox.session
@nox.parametrize(("python", "core"), [*OLDER_CORES, *EVERY_CORE[1:-1]])
def others(session: nox.Session, core: str) -> None:
    """The plays of the scenarios with each other ansible-core, and with those before that still work."""
    run_plays(session, "others", core, "bookworm")


def run_plays(session: nox.Session, name: str, core: str, host: str) -> None:
    session.install(f"ansible-core=={core}")
    see_collection(session)
    inventory = str(session.run("python", "tests/hosts/hosts.py", "fresh", silent=True, stderr=None)).strip()
    plays = {f"interop/{name}": host for name in ("converge", "verify")}
    plays.update({f"default/{name}": host for name in ("modules", "states")})
    plays["default/keywords"] = "bullseye,trixie"  # delegate_to needs another
    plays["default/verify"] = host
    for play, limit in plays.items():
        options = ("--inventory", inventory, "--limit", limit)
        session.run("ansible-playbook", *options, f"extensions/molecule/{play}.yml")
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = f'<testsuite tests="{len(plays)}" errors="0" failures="0" skipped="0"/>\n'
    (RESULTS / f"{name}-{core}.xml").write_text(summary, encoding="ascii")


@nox.session(python=MAIN_PYTHON)
def docs(session: nox.Session) -> None:
    """The documentation as HTML in .cache/docs/html, without an error in any of its blocks, examples and links."""
    install(session, "docs")
    pages = CACHE / "docs"
    shutil.rmtree(pages, ignore_errors=True)
    collection = copy_collection("docs")
    session.env["ANSIBLE_COLLECTIONS_PATH"] = str(collection.parents[2])
    references = ("--validate-collection-refs", "all", "--check-extra-docs-refs", "--disallow-unknown-collection-refs")
    session.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", *references, str(collection))
    rst = pages / "rst"
    rst.mkdir(mode=0o700, parents=True)
    options = ("--use-current", "--fail-on-error", "--squash-hierarchy", "--dest-dir", str(rst))
    session.run("antsibull-docs", "collection", *options, "background.jobs")
    settings = ("-c", "docs/docsite", "-d", str(pages / "doctrees"), "-q", "--nitpicky", "--fail-on-warning")
    session.run("sphinx-build", *settings, "--keep-going", str(rst), str(pages / "html"))
    session.log(f"The documentation is {pages / 'html' / 'index.html'}")


@nox.session(python=MAIN_PYTHON)
def record(session: nox.Session) -> None:
    """Run what the documentation shows, and put outputs and pictures into it; needs a Chromium for the timeline."""
    install(session, "record")
    session.run("python", "tests/docs/record.py", *session.posargs)


@nox.session(python=MAIN_PYTHON)
def bench(session: nox.Session) -> None:
    """Measure beside builtin async and Mitogen, which has an environment of its own, and write docs/benchmarks.md."""
    install(session, "bench")
    mitogen = CACHE / "bench" / "mitogen"
    session.run("python", "-m", "venv", str(mitogen))
    wanted = (f"ansible-core=={MAIN_CORE}", "--requirement", "tests/requirements/mitogen.txt")
    session.run(str(mitogen / "bin" / "pip"), "install", "--quiet", *wanted, external=True)
    session.run("python", "tests/bench/bench.py", *session.posargs)
