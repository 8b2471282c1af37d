# SPDX-License-Identifier: MIT
"""20,000 processes come and go: nothing is lost, and it does not get slower.

The kernel counts its frames and objects itself (/proc/creance/memory). Speed is
in instructions: under -icount the machine's clock counts them, so a busy host
does not matter.
"""
import os

import machine as m

BATCH = 1000
BATCHES = 20


def kernel_counts(shell) -> dict:
    """Frames and objects in use: name -> number."""
    out = {}
    for line in shell.check('cat /proc/creance/memory').splitlines():
        words = line.replace(':', ' ').split()
        if len(words) >= 2 and words[1].isdigit():
            out[words[0]] = int(words[1])
    return out


def batch(shell) -> float:
    """Seconds of the machine's clock for a thousand times fork, exec, exit, wait."""
    out = shell.check(f'read a b < /proc/uptime; i=0; while [ $i -lt {BATCH} ]; do /bin/true; '
                      'i=$((i+1)); done; read c d < /proc/uptime; echo $a $c', 300)
    start, end = (float(x) for x in out.split())
    return end - start


def test_twenty_thousand_processes(machine):
    shell = machine(harts=1, mem='256M', icount=True,
                    initrd=os.path.join(m.BUILD, 'rootfs.cpio')).shell(300)
    batch(shell)
    before = kernel_counts(shell)
    times = [batch(shell) for _ in range(BATCHES)]
    after = kernel_counts(shell)
    assert before['slab_process'] >= 1
    grown = {name: (before[name], after[name]) for name in before
             if 'free' not in name and after[name] > before[name] + max(16, before[name] // 100)}
    assert not grown, grown
    lost = before['frames_free'] - after['frames_free']
    assert lost <= before['frames_free'] // 1000 + 64, (before, after)
    assert sum(times[-5:]) < 1.02 * sum(times[:5]), times
