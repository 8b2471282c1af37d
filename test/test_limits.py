# SPDX-License-Identifier: MIT
"""Greed: whoever takes too much is refused or killed, and nothing is lost."""
import os
import re
import time

import pytest

import machine as m

HOG = '/usr/lib/creance/test/hog'


def free_kib(shell) -> int:
    """Free memory when the machine has come to rest: init may still be at
    reaping a thousand orphans."""
    reading = "sleep 1; awk '/^MemFree/ { print $2 }' /proc/meminfo"
    last, now = 0, int(shell.check(reading, 120))
    for _ in range(20):
        if now <= last:
            break
        last, now = now, int(shell.check(reading, 120))
    return max(last, now)


@pytest.fixture
def small(machine):
    """A machine with little memory, so that it is used up soon."""
    return machine(mem='128M', initrd=os.path.join(m.BUILD, 'rootfs-abi.cpio')).shell()


def free_again(shell, wanted: float) -> int:
    """Free memory once at least @wanted is free, or after some minutes. Not at once:
    the orphans of a fork bomb are init's to collect, one a second."""
    give_up = time.monotonic() + m.limit_s(60)
    while True:
        free = free_kib(shell)
        if free >= wanted or time.monotonic() > give_up:
            return free
        shell.check('sleep 1')


@pytest.mark.parametrize('kind', ['forks', 'memory', 'files', 'threads', 'pipes'])
def test_greed(small, kind):
    shell = small
    # Once for what is made on first use (caches, kept stacks).
    shell.run(f'{HOG} {kind}', 300)
    shell.check('sleep 2')
    before = free_kib(shell)
    result = shell.run(f'{HOG} {kind}', 300)
    assert result.status in (0, 137), result
    assert shell.check('echo still here', 120).strip() == 'still here'
    shell.check('i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i+1)); done', 120)
    after = free_again(shell, 0.99 * before)
    assert after >= 0.99 * before, (before, after, result.output)


def test_shell_fork_bomb(small):
    """The classic, typed in; the survivors are killed from outside."""
    shell = small
    shell.check('ulimit -u 2>/dev/null; true')
    result = shell.run(f'sh -c "{HOG} forks; {HOG} forks"', 300)
    assert 'all gone' in result.output
    assert re.search('refused', result.output)
    assert shell.check('echo alive', 120).strip() == 'alive'
