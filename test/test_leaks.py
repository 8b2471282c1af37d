# SPDX-License-Identifier: MIT
"""20,000 processes come and go: nothing is lost, and it does not get slower.

The kernel counts its frames and objects itself (/proc/creance/memory). Speed is
a ratio within the run, the best of several batches early and late, so that a
busy host does not matter.
"""
import os
import time

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
    """Host seconds for a thousand times /bin/true: fork, exec, exit, wait."""
    start = time.monotonic()
    shell.check(f'i=0; while [ $i -lt {BATCH} ]; do /bin/true; i=$((i+1)); done', 300)
    return time.monotonic() - start


def test_twenty_thousand_processes(machine):
    shell = machine(harts=1, mem='256M', initrd=os.path.join(m.BUILD, 'rootfs.cpio')).shell()
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
    assert min(times[-5:]) < 1.3 * min(times[:5]), times
