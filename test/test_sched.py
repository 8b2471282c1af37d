# SPDX-License-Identifier: MIT
"""Scheduling in the machine: shares, the lectures' figures, real time.

Machines whose clock counts instructions (--icount), so nothing depends on the
host; --shift makes them slow ones, which are sooner done.
"""
import json
import os
import re

import pytest

import machine as m

QUANTUM_MS = 10
# Sixteen, for four harts: no weight is more than a hart's share.
NICE = [-3] * 2 + [-1] * 3 + [0] * 5 + [2] * 3 + [5] * 3
JOBS = '/usr/lib/creance/test/jobs'
POLICY_FILE = '/sys/kernel/sched/policy'


@pytest.fixture
def only_ours(pytestconfig):
    if pytestconfig.getoption('--kernel'):
        pytest.skip('about our policies')


def slow(machine, harts: int, append: str = ''):
    """A machine of 125 million instructions a second.

    Several harts take turns under --icount; in QEMU 7.2 one that computes does
    not let the others have theirs.
    """
    if harts > 1 and not os.path.exists(os.path.join(m.BUILD, 'qemu10/.fetched')):
        pytest.skip('scripts/fetch qemu10')
    return machine(harts=harts, icount=True, shift=3, append=append,
                   qemu='10' if harts > 1 else '').shell(600)


def jobs(shell, *arguments: str) -> dict:
    text = shell.check(' '.join([JOBS, *arguments]), 600)
    rows = re.findall(r'^(\w+) turnaround ([\d.]+) response ([-\d.]+) ran ([\d.]+)', text, re.M)
    return {name: {'turnaround': float(t), 'response': float(r), 'ran': float(ran)}
            for name, t, r, ran in rows}


def test_shares_on_four_harts(machine, only_ours):
    """16 threads with nice values, 4 harts, 5 s: shares within 3 % of their weights.

    Counted from the moment at which all of them wake up on one hart.
    """
    shell = slow(machine, 4)
    spec = [f'J{i}:0:100000:nice={nice}' for i, nice in enumerate(NICE)]
    ran = [job['ran'] for job in jobs(shell, '-w', '0', '-u', '5020', *spec).values()]
    weights = [1024 / 1.25 ** nice for nice in NICE]
    shares = [(t / sum(ran)) / (w / sum(weights)) for t, w in zip(ran, weights)]
    assert sum(ran) > 0.97 * 4 * 5000
    assert all(0.97 < s < 1.03 for s in shares), list(zip(NICE, ran, shares))


def test_policy_changes_under_load(machine, only_ours):
    shell = slow(machine, 4)
    assert re.match(r'\[fair\] rr mlfq stride lottery', shell.check(f'cat {POLICY_FILE}'))
    shell.check('for i in 1 2 3 4 5 6 7 8 9; do spin & done; nice spin &')
    for name in ('rr', 'mlfq', 'stride', 'lottery', 'fair', 'mlfq', 'fair'):
        shell.check(f'echo {name} > {POLICY_FILE}; sleep 0.1', 300)
        assert f'[{name}]' in shell.check(f'cat {POLICY_FILE}', 300)
    assert shell.run(f'echo fifo > {POLICY_FILE}', 120).status != 0
    assert '[fair]' in shell.check(f'cat {POLICY_FILE}', 120)
    assert int(shell.check('pidof spin | wc -w', 120)) == 10
    shell.check('killall -9 spin; wait', 300)


# (sched=, jobs, expected: what, job, value): as in data/schedsim.json, within a quantum.
FIGURES = {
    'fifo-convoy': ('fair', ['A:0:100:fifo=1', 'B:0:10:fifo=1', 'C:0:10:fifo=1'],
                    [('turnaround', 'A', 100), ('turnaround', 'B', 110), ('turnaround', 'C', 120)]),
    'rr-response': ('rr', ['A:0:45', 'B:0:45', 'C:0:45'],  # not to end with a quantum
                    [('response', 'A', 0), ('response', 'B', 10), ('response', 'C', 20),
                     ('turnaround', 'A', 125), ('turnaround', 'B', 130), ('turnaround', 'C', 135)]),
    'mlfq-short': ('mlfq', ['A:0:180', 'B:100:20'],
                   [('response', 'B', 0), ('turnaround', 'B', 20), ('turnaround', 'A', 200)]),
}


@pytest.mark.parametrize('name', FIGURES)
def test_figures_of_the_lectures(machine, only_ours, name):
    policy, spec, expected = FIGURES[name]
    got = jobs(slow(machine, 1, f'sched={policy}'), *spec)
    for what, job, value in expected:
        assert got[job][what] == pytest.approx(value, abs=QUANTUM_MS), (name, got)


@pytest.mark.parametrize('policy', ['stride', 'lottery', 'fair'])
def test_shares_of_a_hart(machine, only_ours, policy):
    """Nice values are tickets: 3 s; exact for stride and fair, by luck in a lottery."""
    got = jobs(slow(machine, 1, f'sched={policy}'), '-u', '3000', 'A:0:9000:nice=0',
               'B:0:9000:nice=3', 'C:0:9000:nice=-4')
    weights = {'A': 1024, 'B': 524, 'C': 2500}
    for job, weight in weights.items():
        share = weight / sum(weights.values()) * 3000
        # Of 300 draws: four standard deviations.
        slack = 350 if policy == 'lottery' else 0.02 * share + QUANTUM_MS
        assert got[job]['ran'] == pytest.approx(share, abs=slack), got


def test_real_time_is_soon(machine, only_ours):
    """A SCHED_FIFO thread beside 200 processes and pipes: late by less than Linux is at worst.

    scripts/wakelat runs both; what Linux 6.12 gave is written down here.
    """
    with open(os.path.join(m.TOP, 'test/data/wakelat.json')) as f:
        linux = json.load(f)['linux']['worst']
    shell = machine(harts=1, icount=True).shell(600)
    text = shell.check('/usr/bin/wakelat -n 200', 900)
    assert sum(int(n) for n in re.findall(r'^latency \d+ (\d+)', text, re.M)) == 200
    assert int(re.search(r'^worst (\d+)', text, re.M).group(1)) <= linux


def test_cyclictest(shell):
    """Debian's rt-tests: unmodified, three threads."""
    if shell.run('command -v cyclictest').status:
        pytest.skip('no rt-tests in the file system')
    text = shell.check('cyclictest -q -m -p 80 -t 3 -i 2000 -l 100', 300)
    rows = re.findall(r'^T: \d.*C: *(\d+) Min: *(\d+) Act: *(\d+) Avg: *(\d+) Max: *(\d+)', text, re.M)
    assert len(rows) == 3 and any(int(r[0]) == 100 for r in rows), text
