# SPDX-License-Identifier: MIT
"""Checks of the exercise "ticket_lock"."""
import pytest

FILE = 'usr/course/ticket.h'


@pytest.fixture(scope='module')
def tickets(program):
    return program('tickets.c', wanted=[FILE])


@pytest.fixture(scope='module')
def two_harts(boot, tickets):
    return boot([tickets], harts=2)


@pytest.fixture(scope='module')
def one_hart(boot, tickets):
    return boot([tickets], harts=1, icount=True)


@pytest.mark.points(3)
def test_excludes(two_harts):
    """4 threads on 2 harts add to one number 20000 times each: none is lost."""
    assert two_harts.check('tickets exclude', 300) == '80000\n'


@pytest.mark.points(3)
def test_serves_in_the_order_of_arrival(two_harts):
    """8 threads that came one after the other get it one after the other."""
    assert two_harts.check('tickets order', 300) == '0 1 2 3 4 5 6 7\n'


@pytest.mark.points(2)
def test_numbers_wrap_around(two_harts):
    """It still works when it was used so often that its numbers begin anew."""
    assert two_harts.check('tickets many', 300) == 'ok\n'


@pytest.mark.points(2)
def test_gives_the_hart_away(one_hart):
    """On one hart a waiter yields: 1000 hand-overs take less than 1000 quanta would."""
    assert int(one_hart.check('tickets yield', 300)) < 1000
