# SPDX-License-Identifier: MIT
"""Scheduling in the machine: shares, the lectures' figures, real time.

Machines whose clock counts instructions (--icount), so nothing depends on the
host; --shift makes them slow ones, which are sooner done.
"""
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess

import pytest

import machine as m

# Sixteen, for four harts: no weight is more than a hart's share.
NICE = [-3] * 2 + [-1] * 3 + [0] * 5 + [2] * 3 + [5] * 3
JOBS = '/usr/lib/creance/test/jobs'
POLICY_FILE = '/sys/kernel/sched/policy'


@pytest.fixture
def only_ours(pytestconfig):
    if pytestconfig.getoption('--kernel'):
        pytest.skip('about our policies')


def slow(machine, harts: int, append: str = '', shift: int = 3):
    """A machine of 125 million instructions a second, or 250.

    Several harts take turns under --icount; in QEMU 7.2 one that computes does
    not let the others have theirs.
    """
    if harts > 1 and not os.path.exists(os.path.join(m.BUILD, 'qemu10/.fetched')):
        pytest.skip('scripts/fetch qemu10')
    return machine(harts=harts, icount=True, shift=shift, append=append,
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


@pytest.fixture(scope='session')
def lectures(host):
    """scripts/lectures, as a module; the simulator is built."""
    loader = importlib.machinery.SourceFileLoader('lectures', os.path.join(m.TOP, 'scripts/lectures'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('lectures', loader))
    loader.exec_module(module)
    return module


def test_figures_of_the_lectures(machine, only_ours, lectures):
    """What happens to a job happens within a quantum of when it does in the simulator.

    And there it is as in the book: test_schedsim.py.
    """
    shell = slow(machine, 1, shift=2)
    seen = []
    for name, work, simulated, got in lectures.measure(shell, []):
        apart = lectures.differences(work, simulated, got)
        assert max(apart.values()) <= lectures.QUANTUM_MS, (name, apart, got)
        seen.append(work['policy'])
    assert {'fair', 'rr', 'mlfq', 'stride', 'lottery'} == set(seen)


@pytest.mark.parametrize('policy', ['rr', 'stride', 'lottery', 'fair'])
def test_shares_of_a_hart(machine, only_ours, lectures, policy):
    """Three nice values for 3 s: what each ran is to a quantum what it does in the simulator."""
    jobs = [{'name': name, 'run': 9000, 'nice': nice} for name, nice in (('A', 0), ('B', 3), ('C', -4))]
    work = {'policy': policy, 'unit_ms': 1, 'until': 3000, 'jobs': jobs}
    got = lectures.in_machine(slow(machine, 1, shift=2), work, '')
    apart = lectures.differences(work, lectures.in_simulator(work), got)
    assert max(apart.values()) <= lectures.QUANTUM_MS, (apart, got)


def test_page_of_the_lectures(lectures):
    """docs/policies.md has the simulator's figures of today."""
    with open(lectures.SAVED) as f:
        saved = json.load(f)
    with open(lectures.PAGE) as f:
        assert f.read() == lectures.page(saved), 'scripts/lectures --save writes it anew'


def test_settings_of_mlfq(shell, only_ours):
    """/sys/kernel/sched/mlfq: only while another policy is used; nonsense is refused."""
    path = '/sys/kernel/sched/mlfq'
    before = shell.check(f'cat {path}').strip()
    assert shell.run(f'echo mlfq > {POLICY_FILE}; echo 0 10:10 > {path}').status != 0
    shell.check(f'echo fair > {POLICY_FILE}; echo 0 5:10 20:40 > {path}')
    assert shell.check(f'cat {path}').strip() == '0 5:10 20:40'
    for text in ('0', '0 10', '0 0:10', '0 10:10:10', '0' + 9 * ' 1:1', '-1 10:10', 'x', '0 10:10 y'):
        assert shell.run(f'echo "{text}" > {path}').status != 0, text
    # Who slept while there were more levels is not lost.
    shell.check(f'echo mlfq > {POLICY_FILE}; spin & sleep 0.2; echo fair > {POLICY_FILE}; '
                f'echo 0 10:10 > {path}; echo mlfq > {POLICY_FILE}; sleep 0.1; kill -9 $!; wait')
    shell.check(f'echo fair > {POLICY_FILE}; echo {before} > {path}')


def test_real_time_is_soon(machine, only_ours, tmp_path):
    """A SCHED_FIFO thread beside 200 processes, pipes and a disk: late by less than Linux is at worst.

    scripts/wakelat runs both; what Linux 6.12 gave is written down here.
    """
    with open(os.path.join(m.TOP, 'test/data/wakelat.json')) as f:
        linux = json.load(f)['linux']['worst']
    disk = str(tmp_path / 'storm.ext4')
    with open(disk, 'wb') as f:
        f.truncate(64 << 20)
    subprocess.run([shutil.which('mkfs.ext4') or '/usr/sbin/mkfs.ext4', '-q', '-F', disk], check=True)
    shell = machine(harts=1, icount=True, disk=disk).shell(600)
    shell.check('mkdir -p /tmp/disk; mount -t ext4 /dev/vda /tmp/disk', 300)
    text = shell.check('/usr/bin/wakelat -n 300 -d /tmp/disk', 900)
    assert sum(int(n) for n in re.findall(r'^latency \d+ (\d+)', text, re.M)) == 300
    storm = dict(re.findall(r'^storm (\w+) (\d+)', text, re.M))
    assert set(storm) == {'pipe', 'write', 'names', 'direct', 'cold'} and '0' not in storm.values(), storm
    assert int(re.search(r'^worst (\d+)', text, re.M).group(1)) <= linux, text


def test_cyclictest(machine):
    """Debian's rt-tests: unmodified, three SCHED_FIFO threads, with histograms; where the clock
    counts instructions, so nobody is late because of the host."""
    shell = machine(harts=1, icount=True).shell(600)
    if shell.run('command -v cyclictest').status:
        pytest.skip('no rt-tests in the file system')
    text = shell.check('cyclictest -q -m --policy=fifo -p 80 -t 3 -i 2000 -l 100 -h 100000 | '
                       "grep -v '^[0-9]* 000000\\s000000\\s000000$'", 300)
    cycles = re.search(r'^# Total: (\d+) (\d+) (\d+)', text, re.M)
    assert cycles and max(int(n) for n in cycles.groups()) == 100, text
    assert re.search(r'^# Max Latencies: \d+ \d+ \d+', text, re.M)
    assert all(int(n) == 0 for n in re.search(r'^# Histogram Overflows: (\d+) (\d+) (\d+)', text,
                                              re.M).groups()), text
    text = shell.check('cyclictest -q -m -p 80 -t 3 -i 2000 -l 100', 300)
    rows = re.findall(r'^T: \d.*C: *(\d+) Min: *(\d+) Act: *(\d+) Avg: *(\d+) Max: *(\d+)', text, re.M)
    assert len(rows) == 3 and any(int(r[0]) == 100 for r in rows), text
