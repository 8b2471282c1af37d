# SPDX-License-Identifier: MIT
"""conftest.py - what every test can ask for (pytest's fixtures)

    machine(...)   a function that boots a machine: machine(harts=4, mem='64M')
    shell          a shell in a machine that is booted once and shared by tests;
                   if a test leaves it dead, the next one gets a fresh machine
    host           the folder of the programs built for the host (test/host)
    reboot         a function that makes `shell`'s machine a fresh one

Each test's part of the serial line is kept in build/test-logs/ and shown when
the test fails. Options:

    --kernel linux    Debian's Linux instead of our kernel: is the test right?
    --serial DEVICE   a board on a serial line instead of QEMU
    --harts N         of every machine whose test does not need a number of its own
                      (else: 1 for the shared machine, 2 for others)
    --boots N         of eight harts, in test_smp.py
    --thorough        all crash states, all mutated images: hours, not minutes
    --files N         on each disk, in test_trees.py
    --operations N    of usr/test/fsx, in test_fsx.py
    --record          write down what Linux does as what is expected (test_paths.py)
    --minutes N       of test_stress.py
    --stress-seed N   of its first round
"""
import fcntl
import os
import re
import subprocess

import pytest

import machine as m


def pytest_addoption(parser):
    group = parser.getgroup('creance')
    group.addoption('--kernel', default='', help='an Image, or "linux"')
    group.addoption('--serial', default='', help='run on the board at this serial line')
    group.addoption('--harts', default='', help='of machines whose test does not choose')
    group.addoption('--boots', default='1', help='how often test_smp.py boots eight harts')
    group.addoption('--thorough', action='store_true', help='everything, not a sample')
    group.addoption('--files', default='2000', help='on each disk, in test_trees.py')
    group.addoption('--operations', default='20000', help='of fsx, in test_fsx.py')
    group.addoption('--record', action='store_true', help='with --kernel linux: expect this')
    group.addoption('--minutes', default='1', help='of test_stress.py')
    group.addoption('--stress-seed', default='1', help='of the first round of test_stress.py')
    group.addoption('--machine-append', default='', help='further arguments for the kernel')


def log_name(item) -> str:
    name = item.nodeid.split('/')[-1].replace('.py::', '-')
    return os.path.join(m.LOGS, re.sub(r'[^\w.=-]+', '_', name) + '.log')


class Lab:
    """The machines of this test run, and what the present test used of them."""

    def __init__(self, config):
        self.kernel = config.getoption('--kernel')
        self.serial = config.getoption('--serial')
        self.harts = config.getoption('--harts')
        self.append = config.getoption('--machine-append')
        self.worker = os.environ.get('PYTEST_XDIST_WORKER', 'main')
        self.shared = None
        self.seen = 0

    def boot(self, log: str, **options):
        if self.serial:
            return m.Board(self.serial, log)
        options.setdefault('kernel', self.kernel)
        options.setdefault('mem', '512M')
        options['append'] = ' '.join(filter(None, [
            'quiet' if options['kernel'] == 'linux' else '', self.append,
            options.get('append', '')]))
        options.setdefault('initrd', os.path.join(m.BUILD, 'rootfs-test.cpio'))
        options.setdefault('harts', self.harts)
        return m.Machine(log, **options)

    def shell(self):
        if self.shared and not self.shared.ok():
            self.stop()
        if not self.shared:
            log = os.path.join(m.LOGS, f'shared-machine-{self.worker}.log')
            console = self.boot(log, harts=self.harts or '1')
            self.seen = 0
            try:
                self.shared = console.shell()
            except m.MachineError:
                console.close()
                raise
        return self.shared

    def stop(self):
        if self.shared:
            self.shared.console.close()
            self.shared = None


@pytest.fixture(scope='session')
def lab(pytestconfig):
    """The test run's machines; tests use `machine` and `shell`."""
    lab = Lab(pytestconfig)
    yield lab
    lab.stop()


@pytest.fixture(scope='session')
def thorough(pytestconfig):
    """Everything is wanted, not the sample that CI takes."""
    return pytestconfig.getoption('--thorough')


@pytest.fixture
def machine(lab, request):
    """Boot a machine of this test's own; it is stopped when the test ends."""
    booted = request.node.booted = []

    def boot(**options):
        if lab.serial:
            pytest.skip('this test boots a machine of its own; not on a board')
        suffix = f'-{len(booted)}' if booted else ''
        console = lab.boot(log_name(request.node).replace('.log', suffix + '.log'), **options)
        booted.append(console)
        return console

    yield boot
    for console in booted:
        console.close()


@pytest.fixture
def shell(lab, request):
    """A shell in the shared machine."""
    shell = lab.shell()
    begin = len(shell.console.text) if lab.seen else 0
    lab.seen += 1
    request.node.shell_text = lambda: shell.console.text[begin:]
    yield shell
    os.makedirs(m.LOGS, exist_ok=True)
    with open(log_name(request.node), 'w') as f:
        f.write(shell.console.text[begin:])


@pytest.fixture
def reboot(lab):
    """Make the shared machine a fresh one: reboot() returns its shell."""
    def again():
        lab.stop()
        return lab.shell()
    return again


@pytest.fixture(scope='session')
def host():
    """The folder of the programs, built once although several workers ask for them."""
    folder = os.path.join(m.BUILD, 'host')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(m.BUILD, '.host.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(['make', '-s', '-j2', '-f', 'test/host/Makefile'], cwd=m.TOP,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return folder


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the end of the serial line with a failure."""
    report = (yield).get_result()
    if report.failed and hasattr(item, 'funcargs'):
        text = ''
        if hasattr(item, 'shell_text'):
            text = item.shell_text()
        for console in getattr(item, 'booted', []):
            text += console.text
        if text:
            lines = text.replace('\r', '').splitlines()
            report.sections.append(('serial line (whole: ' + os.path.relpath(log_name(item)) + ')',
                                    '\n'.join(lines[-60:])))
