# SPDX-License-Identifier: MIT
"""Checks of the exercise "semaphore"."""
import pytest


@pytest.fixture(scope='module')
def programs(program):
    return [program('zem.c', wanted=['usr/course/zemaphore.h'])]


@pytest.fixture(scope='module')
def zem(boot, programs):
    shell = boot(programs, harts=2)
    return lambda what: shell.check(f'zem {what}', 300).strip()


@pytest.fixture(scope='module')
def counted_zem(boot, programs):
    """Where the clock counts instructions: elsewhere it goes on when the host has no time."""
    shell = boot(programs, harts=1, icount=True)
    return lambda what: shell.check(f'zem {what}', 300).strip()


@pytest.mark.points(2)
def test_orders_two_threads(zem):
    """Value 0: the parent goes on only after the child has posted."""
    assert zem('order') == 'child parent'


@pytest.mark.points(2)
def test_is_a_lock(zem):
    """Value 1: 4 threads on 2 harts add to one number, none is lost."""
    assert zem('lock') == '80000'


@pytest.mark.points(2)
def test_lets_n_in(zem):
    """Value 3: never more than 3 of 6 threads are inside, and 3 at some time."""
    assert zem('bound') == '3'


@pytest.mark.points(2)
def test_bounded_buffer(zem):
    """2 producers, 2 consumers, a buffer of 4: every item arrives once."""
    assert zem('buffer') == 'ok'


@pytest.mark.points(2)
def test_who_waits_sleeps(counted_zem):
    """A thread that waits for half a second uses hardly any time of the hart."""
    assert int(counted_zem('sleep')) < 100
