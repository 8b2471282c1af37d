# SPDX-License-Identifier: MIT
"""Checks of the exercise "syscall"."""
import pytest


@pytest.fixture(scope='module')
def ask(boot, program):
    shell = boot([program('readcount.c')], harts=2)
    return lambda what: shell.check(f'readcount {what}', 300).strip()


@pytest.mark.points(2)
def test_exists(ask):
    """The call exists: it does not return -1 with ENOSYS."""
    assert ask('exists') == 'ok'


@pytest.mark.points(3)
def test_counts_each_read(ask):
    """1000 reads make it 1000 larger."""
    assert ask('counts') == '1000'


@pytest.mark.points(2)
def test_counts_only_reads(ask):
    """Reads that fail count; pread, readv and write do not."""
    assert ask('only') == '10'


@pytest.mark.points(3)
def test_loses_none_on_two_harts(ask):
    """4 processes on 2 harts, 20000 reads each: not one is lost."""
    assert ask('parallel') == '80000'
