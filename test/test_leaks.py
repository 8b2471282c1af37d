# SPDX-License-Identifier: MIT
"""20,000 processes come and go: nothing is lost, and it does not get slower.

Under -icount the machine's clock counts instructions, so "not slower" is exact
and does not depend on the host.
"""
import pytest

ROUNDS = 20000
BATCH = 2000


def kernel_counts(shell) -> dict:
    """Frames and objects in use: name -> number."""
    text = shell.check('cat /proc/creance/memory')
    return {k.strip(): int(v.split()[0]) for k, v in
            (line.split(':', 1) for line in text.splitlines() if ':' in line)}


def batch(shell, count) -> float:
    """Seconds of the machine's clock for so many /bin/true."""
    out = shell.check(f'read a b < /proc/uptime; i=0; while [ $i -lt {count} ]; do /bin/true; '
                      'i=$((i+1)); done; read c d < /proc/uptime; echo $a $c', 600)
    start, end = (float(x) for x in out.split())
    return end - start


@pytest.mark.slow
def test_twenty_thousand_processes(machine):
    shell = machine(harts=1, mem='256M', icount=True).shell(300)
    batch(shell, BATCH)
    before = kernel_counts(shell)
    first = batch(shell, BATCH)
    for _ in range(ROUNDS // BATCH - 2):
        batch(shell, BATCH)
    last = batch(shell, BATCH)
    after = kernel_counts(shell)
    grown = {name: (before[name], after[name]) for name in before
             if after.get(name, 0) > before[name] + max(16, before[name] // 100)
             and 'free' not in name and not name.startswith('total')}
    assert not grown, grown
    assert last < 1.02 * first, (first, last)
