# SPDX-License-Identifier: MIT
"""Checks of the exercise "fcfs"."""
import pytest


@pytest.fixture(scope='module')
def shell(boot, program):
    shell = boot([program('batch.c')], append='sched=fcfs', icount=True)
    if 'no policy' in shell.console.text:
        pytest.fail('the kernel knows no policy of the name "fcfs"', pytrace=False)
    return shell


def run(shell, *lengths) -> list:
    """(event, job, time in ms) in the order in which it happened."""
    text = shell.check('batch ' + ' '.join(map(str, lengths)), 300)
    rows = [line.split() for line in text.splitlines()]
    return [(what, int(job), int(ms)) for what, job, ms in rows]


@pytest.mark.points(2)
def test_is_chosen_by_name(shell):
    """The kernel knows a policy of the name "fcfs"."""
    assert 'sched=fcfs' in shell.check('cat /proc/cmdline')


@pytest.mark.points(4)
def test_each_runs_to_its_end(shell):
    """Four long jobs: each begins only when the one before it has ended."""
    events = [(what, job) for what, job, _ in run(shell, 100, 100, 100, 100)]
    assert events == [(what, job) for job in (1, 2, 3, 4) for what in ('begin', 'end')]


@pytest.mark.points(2)
def test_the_convoy_effect(shell):
    """Short jobs behind a long one take at least as long as it did."""
    ends = {job: ms for what, job, ms in run(shell, 300, 10, 10) if what == 'end'}
    assert 300 <= ends[1] <= ends[2] <= ends[3] <= 400


@pytest.mark.points(2)
def test_yield_goes_to_the_end(shell):
    """Jobs that yield after each tenth of their work take turns."""
    events = [(what, job) for what, job, _ in run(shell, 'yield', 50, 50, 50)]
    assert events == [(what, job) for what in ('begin', 'end') for job in (1, 2, 3)]
