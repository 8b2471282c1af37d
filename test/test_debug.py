# SPDX-License-Identifier: MIT
"""The kernel with its own checks on: `make DEBUG=1`.

Undefined behaviour, locks taken in the wrong order, overwritten stacks and
memory used after its release are reported by the kernel while it does ordinary
work and what usr/test asks of it.
"""
import fcntl
import os
import re
import subprocess

import pytest

import machine as m
import test_abi
import test_broken
from test_broken import whole_tree  # noqa: F401  pylint: disable=unused-import

IMAGE = os.path.join(m.BUILD, 'obj-debug/Image')
REPORT = re.compile(r'.*(?:UBSAN|lock order|taken twice|not held|written after its free|'
                    r'assertion failed|stack frame was overwritten|PANIC|WARNING).*')
# These take long, and what they do to the kernel the others do as well.
LONG = {'churn', 'io_stress'}


@pytest.fixture
def checked(machine, pytestconfig):
    """A shell on a debug kernel with four harts."""
    if pytestconfig.getoption('--kernel'):
        pytest.skip('another kernel was asked for')
    build_debug_kernel()
    return machine(kernel=IMAGE, harts=4).shell()


def build_debug_kernel():
    env = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
    with open(os.path.join(m.BUILD, '.debug.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers ask for it
        done = subprocess.run(['make', 'DEBUG=1', 'build/obj-debug/Image'], cwd=m.TOP, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def assert_no_reports(shell):
    reports = REPORT.findall(shell.console.text)
    assert not reports, '\n'.join(reports)


def test_debug_kernel_has_nothing_to_report(checked):
    shell = checked
    for program in test_abi.PROGRAMS:
        if program in LONG:
            continue
        result = shell.run(f'cd /tmp && /usr/lib/creance/test/{program}', 300)
        assert result.status == 0, result.output[-2000:]
        assert_no_reports(shell)


def test_locks_are_counted(checked):
    checked.check('echo 0 > /proc/creance/locks')
    checked.check('for i in 1 2 3 4; do (for j in 1 2 3 4 5; do ls / >/dev/null; done) & done; wait')
    rows = {row.split()[0]: [int(n) for n in row.split()[1:]]
            for row in checked.check('cat /proc/creance/locks').splitlines()[1:]}
    for lock in ('run_queue', 'process_tree', 'dentry', 'page_table', 'vm_space'):
        acquired, contended, _, _ = rows[lock]
        assert acquired > 20 and contended < acquired, lock


def test_debug_kernel_runs_debian(checked):
    shell = checked
    for name in ('t0-bb-shell', 't0-bb-files', 't1-bash-lang', 't1-coreutils-files', 't1-findutils'):
        assert shell.run(f'/srv/run/{name}', 300).status == 0, name
    for kind in ('memory', 'files', 'pipes', 'threads', 'forks'):
        shell.run(f'/usr/lib/creance/test/hog {kind}', 300)
    shell.check('ls -lR /proc /sys /dev >/dev/null 2>&1; true', 120)
    shell.check('cd /proc && for f in * self/* sys/*/*; do head -c 9999 $f >/dev/null 2>&1; done; '
                'true', 120)
    assert_no_reports(shell)
    shell.send('poweroff\n')
    assert shell.console.wait_off(60) == 0
    assert_no_reports(shell)


def test_instruction_that_the_firmware_forbids(machine, pytestconfig, tmp_path, whole_tree):
    """Trying it is a trap that no sret ends; the kernel must undo what the hart did."""
    if pytestconfig.getoption('--kernel'):
        pytest.skip('another kernel was asked for')
    build_debug_kernel()
    changes, _ = test_broken.TREES['an instruction there is not']
    tree = test_broken.changed_tree(whole_tree, changes, str(tmp_path / 'tree.dtb'))
    shell = test_broken.start_with_tree(machine, IMAGE, tmp_path, tree).shell()
    assert 'the firmware forbids it' in shell.console.text
    assert_no_reports(shell)
