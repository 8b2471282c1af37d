# SPDX-License-Identifier: MIT
"""The timer gives the hart back: programs that never make a system call."""
import pytest


@pytest.fixture
def one_hart(machine):
    """One, whatever --harts says: on a second hart the shell would go on anyway."""
    return machine(harts=1).shell()


@pytest.mark.parametrize('count', [1, 10])
def test_infinite_loops_do_not_stop_the_shell(one_hart, count):
    shell = one_hart
    # Until it begins, a child has its parent's name.
    shell.check(f'for i in $(seq {count}); do spin & done; until [ $(pidof spin | wc -w) = {count} ]; do :; done')
    for i in range(3):
        assert shell.check(f'echo answer $(({i} + 1))', 120).strip() == f'answer {i + 1}'
    assert int(shell.check('pidof spin | wc -w', 120)) == count
    shell.check('killall -9 spin; wait', 120)
    assert shell.run('pidof spin', 120).status == 1


def test_interrupt_key_kills_an_infinite_loop(one_hart):
    shell = one_hart
    shell.start('spin')
    shell.console.settle(1.0)
    shell.send('\x03')
    assert shell.finish(120).status == 130


def test_loops_share_the_hart(machine):
    """Round robin: equal programs get equal time (of a clock that counts instructions,
    and it does so on one hart only)."""
    shell = machine(harts=1, icount=True).shell(300)
    shell.check('for i in 1 2 3 4; do spin & done; sleep 4', 600)
    times = [int(t) for t in shell.check(
        "for p in $(pidof spin); do awk '{ print $14 + $15 }' /proc/$p/stat; done", 120).split()]
    shell.check('killall -9 spin; wait', 120)
    assert len(times) == 4
    assert min(times) > 0.9 * max(times), times
