# SPDX-License-Identifier: MIT
"""conftest.py - what the checks of the exercises can ask for

    student          the tree that is graded (--tree, else this one)
    boot(...)        a shell in a machine with the student's kernel and, in
                     /bin, the programs of the exercise: boot(['try'])
    program(source)  a C program of the exercise, compiled for the machine

Idea: a check says what a right answer does. Whatever keeps it from being asked
(no compiler, a tree that does not build, a machine that does not boot) is not
an answer, so it is raised as NotGraded and reported as what it is.

Each test's docstring is what the student reads; @pytest.mark.points(n) is what
it is worth (1 without). scripts/grade reads the outcomes from --grade-results.
"""
import json
import os
import shutil
import subprocess
import sys

import pytest

import machine as m

sys.path.insert(0, os.path.join(m.TOP, 'scripts'))
import mkcpio  # noqa: E402

CROSS = 'riscv64-linux-gnu-gcc'


class NotGraded(Exception):
    """The question could not be asked. @kind: tool, build or boot."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def pytest_addoption(parser):
    group = parser.getgroup('exercises')
    group.addoption('--tree', default=m.TOP, help='the tree to grade')
    group.addoption('--grade-results', default='', help='write the outcomes here, as JSON')
    group.addoption('--not-graded', default='', metavar='KIND:WHY',
                    help='ask nothing: note for each test why it could not be asked')


def pytest_configure(config):
    config.addinivalue_line('markers', 'points(n): what a test of an exercise is worth')
    config.grade_outcomes = []


@pytest.fixture(scope='session')
def student(pytestconfig):
    return os.path.abspath(pytestconfig.getoption('--tree'))


@pytest.fixture(scope='module')
def program(request, student, tmp_path_factory):
    """Compile C files of the exercise; files of the student's tree are found by <usr/...>."""
    here = os.path.dirname(request.module.__file__)
    out = tmp_path_factory.mktemp('programs')

    def build(*sources, wanted=()):
        for name in wanted:
            if not os.path.exists(os.path.join(student, name)):
                pytest.fail(f'there is no {name} yet', pytrace=False)
        if not shutil.which(CROSS):
            raise NotGraded('tool', f'{CROSS} is not installed; `scripts/setup run` installs it')
        paths = [os.path.join(student if '/' in s else here, s) for s in sources]
        name = os.path.splitext(os.path.basename(sources[0]))[0]
        result = subprocess.run(
            [CROSS, '-std=gnu17', '-O2', '-g', '-w', '-static', '-pthread', '-I', student,
             *paths, '-o', str(out / name)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            raise NotGraded('build', f'{sources[0]} does not compile:\n{result.stdout}')
        return str(out / name)

    return build


@pytest.fixture(scope='module')
def boot(request, student, lab, tmp_path_factory):
    """Boot the student's kernel, with programs (files of the host) in /bin."""
    booted = []

    def start(programs=(), **options):
        initrd = str(tmp_path_factory.mktemp('initrd') / 'root.cpio')
        extra = mkcpio.Tree()
        for path in programs:
            with open(path, 'rb') as f:
                extra.file('bin/' + os.path.basename(path), f.read(), 0o755)
        with open(os.path.join(student, 'build/rootfs.cpio'), 'rb') as f:
            root = f.read()
        with open(initrd, 'wb') as f:  # the kernel unpacks one archive after the other
            f.write(root + extra.archive())
        name = f'exercise-{os.path.basename(os.path.dirname(request.module.__file__))}'
        log = os.path.join(m.LOGS, f'{name}-{lab.worker}-{len(booted)}.log')
        options.setdefault('harts', 1)
        console = lab.boot(log, kernel=os.path.join(student, 'build/Image'), initrd=initrd,
                           **options)
        booted.append(console)
        try:
            return console.shell()
        except m.MachineError as e:
            raise NotGraded('boot', f'the machine does not boot to a shell: {e}') from None

    yield start
    for console in booted:
        console.close()


# ---- outcomes, for scripts/grade ------------------------------------------------

def note(item, outcome: str, seconds: float, message: str) -> None:
    points = item.get_closest_marker('points')
    item.config.grade_outcomes.append({
        'exercise': os.path.basename(os.path.dirname(str(item.path))),
        'test': item.name,
        'claim': ' '.join((item.function.__doc__ or item.name).split()),
        'points': points.args[0] if points else 1,
        'outcome': outcome,
        'seconds': round(seconds, 2),
        'message': message[:3000],
    })


def pytest_collection_modifyitems(config, items):
    kind, _, why = config.getoption('--not-graded').partition(':')
    if kind:
        for item in items:
            note(item, kind, 0, why)
        items.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == 'teardown' or (report.when == 'setup' and report.passed):
        return
    error = call.excinfo.value if call.excinfo else None
    outcome = 'passed' if report.passed else 'failed'
    if isinstance(error, NotGraded):
        outcome = error.kind
    elif report.failed and report.when == 'setup' and not isinstance(
            error, (AssertionError, pytest.fail.Exception)):
        outcome = 'tool'
    note(item, outcome, report.duration, '' if report.passed else str(error))


def pytest_sessionfinish(session):
    path = session.config.getoption('--grade-results')
    if path:
        with open(path, 'w') as f:
            json.dump(session.config.grade_outcomes, f, indent=1)
