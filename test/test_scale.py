# SPDX-License-Identifier: MIT
"""Many: 10,000 processes and 20,000 threads at a time, in 2 GiB.

One more must not cost more than the hundredth did, the tools that list them all
must work, and when they have gone nothing of them is left. Costs are counted in
instructions (--icount, on one hart: several take turns there, and their clock is
not one of instructions). usr/bench/many.c makes them; it also runs on Linux.
"""
import os
import re

import machine as m
from test_leaks import kernel_counts

PROCESSES, THREADS, FEW = 10000, 20000, 1000
LISTINGS = ['ps -e', 'busybox ps', 'ls /proc']
ONCE = ['top -b -n 1', 'busybox top -b -n 1', 'ls /proc/$PPID/task']


def many(shell, processes: int, threads: int, commands: list) -> tuple:
    """What `many` printed: costs {what: (first, last)}, and {command: (lines, ns)}."""
    quoted = ' '.join("'" + command + " | wc -l'" for command in commands)
    text = shell.check(f'many -p {processes} -t {threads} {quoted}', 1800)
    costs = {w: (float(a), float(b)) for w, a, b in re.findall(
        r'^(\w+) \d+ first (\d+) last (\d+)', text, re.M)}
    lines = re.findall(r'^(\d+)\ncommand \d+ status 0 ns (\d+)', text, re.M)
    assert len(lines) == len(commands), text
    return costs, {c: (int(n), float(ns)) for c, (n, ns) in zip(commands, lines)}


def test_ten_thousand_processes(machine):
    shell = machine(harts=1, mem='2G', icount=True).shell(300)
    _, few = many(shell, FEW, 0, LISTINGS)
    many(shell, PROCESSES, 100, [])  # what is made at the first use, and kept
    before = kernel_counts(shell)
    costs, listed = many(shell, PROCESSES, THREADS, LISTINGS + ONCE)
    print(costs, listed)
    for what in ('processes', 'threads', 'ends'):
        first, last = costs[what]
        assert last < 1.3 * first, costs
    for command in LISTINGS:
        assert listed[command][0] >= PROCESSES
        assert listed[command][1] < 1.3 * PROCESSES / FEW * few[command][1], (few, listed)
    assert listed['top -b -n 1'][0] >= PROCESSES
    assert listed['busybox top -b -n 1'][0] >= PROCESSES
    assert listed['ls /proc/$PPID/task'][0] == THREADS + 1
    after = kernel_counts(shell)
    lost = {name: (before[name], after[name]) for name in before
            if name.startswith('slab_') and after[name] > before[name] + max(64, before[name] // 50)}
    assert not lost, lost
    assert before['frames_free'] - after['frames_free'] < before['frames_free'] // 200, (
        before, after)


def test_all_are_killed_at_once(machine):
    """kill -1 leaves the first process, which starts a new shell; and nothing else."""
    console = machine(mem='512M')
    shell = console.shell()
    shell.check('many -p 1500 true', 300)
    before = kernel_counts(shell)
    shell.send('exec many -p 1500 "kill -9 -1"\n')
    shell = m.Shell(console, 300)
    shell.check('while [ $(ls -d /proc/[0-9]* | wc -l) -gt 20 ]; do sleep 1; done', 300)
    after = kernel_counts(shell)
    assert after['slab_process'] <= before['slab_process'] + 16, (before, after)
    assert after['slab_thread'] <= before['slab_thread'] + 16, (before, after)
    assert after['frames_free'] > 0.99 * before['frames_free'], (before, after)


def test_orphans_of_a_parent_that_ends(machine):
    """Their new parent is the first process, which collects them when they are killed."""
    shell = machine(mem='512M').shell()
    shell.check('many -p 1500 true', 300)
    before = kernel_counts(shell)
    shell.run('many -p 1500 \'kill -9 $PPID\'', 300)
    assert int(shell.check('pidof many | wc -w', 300)) == 1500
    shell.check('killall -9 many; while pidof many >/dev/null; do sleep 1; done', 300)
    after = kernel_counts(shell)
    assert after['slab_process'] <= before['slab_process'] + 16, (before, after)
    assert after['frames_free'] > 0.99 * before['frames_free'], (before, after)


def test_more_than_memory_holds(machine):
    """Whoever asks for too many is refused, or killed; the machine goes on."""
    shell = machine(mem='96M', initrd=os.path.join(m.BUILD, 'rootfs.cpio')).shell()
    for what in ('-p 100000 -t 0', '-p 0 -t 100000'):
        result = shell.run(f'many {what}', 600)
        assert result.status in (3, 137), result
        if result.status == 3:
            assert re.search('refused after .*(temporarily unavailable|allocate memory)',
                             result.output), result
        shell.check('while pidof many >/dev/null; do sleep 1; done; /bin/true', 300)
    assert shell.check('echo still here').strip() == 'still here'
