# SPDX-License-Identifier: MIT
"""Checks of the exercise "frames"."""
import re

import pytest


@pytest.fixture(scope='module')
def shell(boot, program):
    return boot([program('present.c')])


def said(shell, what: str) -> str:
    return shell.check(f'present {what}').strip()


@pytest.mark.points(2)
def test_format(shell):
    """Lines of two addresses and the rights, in order."""
    lines = shell.check('cat /proc/self/frames').splitlines()
    assert len(lines) > 10
    assert all(re.fullmatch(r'[0-9a-f]{13}000 [0-9a-f]{13}000 [r-][w-][x-]', x) for x in lines)
    addresses = [line.split()[0] for line in lines]
    assert addresses == sorted(addresses) and len(set(addresses)) == len(lines)


@pytest.mark.points(3)
def test_only_pages_that_are_present(shell):
    """Of 8 pages that were mapped, the 3 that were written to are there, each in a frame of its own."""
    assert said(shell, 'touched') == '3 present, 3 frames, 3 rw-'


@pytest.mark.points(2)
def test_reading_shows_the_page_of_zeros(shell):
    """Pages that were only read are all the same frame, read-only."""
    assert said(shell, 'zeros') == '4 present, 1 frames, 0 rw-'


@pytest.mark.points(3)
def test_fork_and_copy_on_write(shell):
    """After fork both have the same frame, read-only; after a write they do not."""
    assert said(shell, 'fork') == 'before: same r--, after: other rw-'
