# SPDX-License-Identifier: MIT
"""The profiler: every instruction is counted, under the calls that led to it."""
import os
import re
import subprocess
import tempfile

import pytest

import machine as m


@pytest.fixture
def profile(pytestconfig):
    """profile(test): {'a;b;c': instructions per operation} and what was printed."""
    if pytestconfig.getoption('--kernel') or pytestconfig.getoption('--serial'):
        pytest.skip('the profiler knows the symbols of our kernel, in QEMU')

    with tempfile.TemporaryDirectory() as out:
        def run(test: str, operations: int):
            done = subprocess.run(
                [os.path.join(m.TOP, 'scripts/profile'), test, '--operations', str(operations),
                 '--output', out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=900 * m.SCALE)
            if "'plugin' is not a" in done.stdout or 'plugin: invalid option' in done.stdout:
                pytest.skip('this QEMU was built without plugins')
            assert done.returncode == 0, done.stdout[-3000:]
            with open(os.path.join(out, test + '.folded')) as f:
                rows = [line.rsplit(' ', 1) for line in f]
            return {stack: int(n) / operations for stack, n in rows}, done.stdout
        yield run


def test_every_instruction_of_a_call_is_counted(profile):
    """What the profile adds up to is what the program's clock said."""
    stacks, text = profile('null_syscall', 1000)
    clock = float(re.search(r'clock: ([\d.]+)', text).group(1))
    assert abs(sum(stacks.values()) - clock) < 1, text
    assert stacks['[user]'] < 20
    assert any(s.startswith('trap_entry;handle_syscall;sys_getppid') for s in stacks)


def test_stacks_follow_switches_between_threads(profile):
    """A thread that slept goes on in its own calls, not in those of the one before."""
    stacks, _ = profile('fork_exit_wait', 64)
    # Not those that an interrupt preempted: these come back wherever they were.
    woke = {s.split(';')[2] for s in stacks if ';finish_switch' in s and
            s.startswith('trap_entry') and ';trap_from_kernel' not in s}
    assert 'sys_wait4' in woke, woke
    # The child never comes back from its last switch: what follows is its parent.
    assert not any('exit' in call for call in woke), woke
