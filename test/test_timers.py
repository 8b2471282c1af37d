# SPDX-License-Identifier: MIT
"""Timers on machines so slow that a microsecond is not one instruction."""
import pytest


@pytest.mark.parametrize('shift', [0, 7])
def test_fastest_timers_let_a_program_go_on(machine, pytestconfig, shift):
    """A signal's way into a handler and back takes longer than the interval.

    One of 1,000 million instructions a second, and one of 8.
    """
    if shift and pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('on so slow a machine, Linux 6.12 does nothing else')
    shell = machine(harts=1, icount=True, shift=shift).shell(600)
    text = shell.check('/usr/lib/creance/test/timers fastest', 600)
    assert text.count('ok beside') == 5 and 'not ok' not in text
