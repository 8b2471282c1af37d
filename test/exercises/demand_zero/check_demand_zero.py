# SPDX-License-Identifier: MIT
"""Checks of the exercise "demand_zero"."""
import pytest


@pytest.fixture(scope='module')
def more(boot, program):
    shell = boot([program('touch_pages.c')])
    return lambda how, pages: int(shell.check(f'touch_pages {how} {pages}'))


@pytest.mark.points(4)
def test_written_pages_count(more):
    """Writing to 500 fresh pages: the counter grows by 500."""
    assert 500 <= more('write', 500) <= 508


@pytest.mark.points(2)
def test_mapping_alone_costs_nothing(more):
    """Asking for 5000 pages without touching them: it does not grow."""
    more('write', 1)
    assert more('nothing', 5000) <= 8


@pytest.mark.points(2)
def test_read_pages_do_not_count(more):
    """Reading 500 fresh pages: it does not grow; writing them afterwards: by 500."""
    more('write', 1)
    assert more('read', 500) <= 8
    assert 500 <= more('read-write', 500) <= 508


@pytest.mark.points(2)
def test_copies_do_not_count(more):
    """Copy-on-write after fork is not demand zeroing: it does not grow by those."""
    more('write', 1)
    assert more('fork', 500) <= 40
