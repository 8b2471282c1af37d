# SPDX-License-Identifier: MIT
"""Checks of the exercise "free_list"."""
import re

import pytest

ORDERS = 12
HART_FRAMES = 64  # frames that the harts keep beside the lists, and a little more


@pytest.fixture(scope='module')
def shell(boot):
    return boot(mem='256M')


def blocks(shell) -> list:
    return [int(n) for n in shell.check('cat /proc/buddyinfo').split()[4:]]


def pages(counts: list) -> int:
    return sum(count << order for order, count in enumerate(counts))


@pytest.mark.points(2)
def test_format(shell):
    """One line in Linux's format, with a number for each order."""
    text = shell.check('cat /proc/buddyinfo')
    assert re.fullmatch(r'Node 0, zone   Normal( +\d+){%d}\n' % ORDERS, text), text


@pytest.mark.points(3)
def test_adds_up_to_free_memory(shell):
    """The blocks together are as large as MemFree says."""
    free_kib = int(shell.check("awk '/^MemFree/ { print $2 }' /proc/meminfo"))
    assert abs(pages(blocks(shell)) - free_kib // 4) < HART_FRAMES * 2


@pytest.mark.points(3)
def test_follows_what_is_taken_and_given_back(shell):
    """A file of 64 MiB in memory takes 16384 frames; removing it gives them back."""
    before = pages(blocks(shell))
    shell.check('dd if=/dev/zero of=/tmp/big bs=1M count=64 2>/dev/null')
    during = pages(blocks(shell))
    shell.check('rm /tmp/big')
    after = pages(blocks(shell))
    assert 16384 - 256 < before - during < 16384 + 512
    assert abs(after - before) < 512


@pytest.mark.points(2)
def test_blocks_merge_again(shell):
    """After all that the largest order has blocks again: buddies merged."""
    assert blocks(shell)[-1] > 10
