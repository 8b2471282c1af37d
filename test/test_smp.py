# SPDX-License-Identifier: MIT
"""Several harts: that all of them run, come and go, and do not race.

The rest of the suite runs on one hart; `pytest --harts 4` runs it on four. Here
is what CI takes of that, and what only several harts can do. On demand:
`pytest --boots 100 test_smp.py` for the first test.
"""
import os

import pytest

import machine as m

# A child of the shell ignores SIGTERM, as the shell does, until it begins: the loops get SIGKILL.

# Where threads, processes and harts meet.
PROGRAMS = ['futexes', 'signals', 'process', 'execs', 'pipe', 'memory', 'memory_random',
            'fpu', 'unix', 'epoll', 'links']
CPU = '/sys/devices/system/cpu'


@pytest.fixture(scope='module')
def harts4(lab):
    """A shell on four harts, booted once for this file."""
    if lab.serial:
        pytest.skip('boots a machine of its own; not on a board')
    console = lab.boot(os.path.join(m.LOGS, f'harts4-{lab.worker}.log'), harts=4)
    yield console.shell()
    console.close()


def test_boots(machine, request):
    """Eight harts start whenever they do; each time all are there."""
    for _ in range(int(request.config.getoption('--boots'))):
        console = machine(harts=8)
        shell = console.shell(300)
        assert shell.check('nproc').strip() == '8'
        console.send('poweroff -f\n')
        assert console.wait_off(120) == 0


def test_all_harts_are_told_of(harts4):
    assert harts4.check('nproc').strip() == '4'
    assert harts4.check('grep -c ^processor /proc/cpuinfo').strip() == '4'
    assert harts4.check('grep -c "^cpu[0-9]" /proc/stat').strip() == '4'
    assert harts4.check(f'cat {CPU}/online').strip() == '0-3'


@pytest.mark.parametrize('program', PROGRAMS)
def test_abi_on_four_harts(harts4, program):
    result = harts4.run(f'cd /tmp && /usr/lib/creance/test/{program}', 300)
    assert result.status == 0, '\n'.join(
        line for line in result.output.splitlines() if line.startswith('not ok'))


def test_frames_of_harts_lie_apart(harts4, pytestconfig):
    """Each hart's memory is in regions of its own, also what another hart freed."""
    if pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('no promise of the system calls')
    harts4.check('/usr/lib/creance/test/regions 4', 300)


def test_threads_of_one_process_run_at_once(harts4):
    """Four busy loops make progress on four harts: each is on one of its own."""
    harts4.check('P=; for i in 1 2 3 4; do (while :; do :; done) & P="$P $!"; done')
    seen = harts4.check(
        'n=0; until [ $n = 4 ]; do n=$(for p in $P; do cut -d" " -f39 /proc/$p/stat; '
        'done | sort -u | wc -l); done; echo $n', 120)
    harts4.check('kill -9 $P; wait')
    assert seen.strip().splitlines()[-1] == '4'


def test_harts_come_and_go_under_load(harts4):
    """What ran on a hart that stops goes on elsewhere; pinned threads too."""
    harts4.check('P=; for i in 1 2 3; do (while :; do ls / >/dev/null; done) & P="$P $!"; done')
    harts4.check('taskset 8 sh -c "while :; do :; done" & P="$P $!"')
    for _ in range(3):
        harts4.check(f'for c in {CPU}/cpu[0-9]/online; do echo 0 > $c; done', 120)
        assert len(harts4.check(f'cat {CPU}/online').strip()) == 1
        assert harts4.check('nproc').strip() == '1'
        harts4.check(f'for c in {CPU}/cpu[0-9]/online; do echo 1 > $c; done', 120)
        assert harts4.check(f'cat {CPU}/online').strip() == '0-3'
    harts4.check('kill -9 $P; wait')
    assert harts4.run(f'echo 2 > {CPU}/$(cd {CPU}; ls -d cpu?/online | head -1)').status != 0


def test_maxcpus(machine):
    shell = machine(harts=4, append='maxcpus=2').shell()
    assert shell.check('nproc').strip() == '2'
    offline = shell.check(f'for c in {CPU}/cpu[0-9]/online; do '
                          '[ $(cat $c) = 1 ] || echo $c; done').split()
    assert len(offline) == 2
    shell.check(f'echo 1 > {offline[0]}')
    assert shell.check('nproc').strip() == '3'


def interrupts(shell) -> dict:
    """/proc/interrupts: {first column: [count for each hart]}"""
    lines = shell.check('cat /proc/interrupts').splitlines()
    harts = len(lines[0].split())
    return {row.split(':')[0].strip(): [int(n) for n in row.split(':')[1].split()[:harts]]
            for row in lines[1:]}


def console_irq(shell) -> str:
    """The number of the serial port's interrupt: it has just told of what we typed."""
    return shell.check("sed -n 's/^ *\\([0-9]*\\):.*\\(ttyS\\|serial\\|uart\\).*/\\1/p' /proc/interrupts").split()[0]


def test_interrupts_are_counted_by_hart(machine):
    shell = machine(harts=4).shell()
    lines = shell.check('cat /proc/interrupts').splitlines()
    assert lines[0].split() == ['CPU0', 'CPU1', 'CPU2', 'CPU3']
    for _ in range(20):  # until somebody was woken up on another hart, here and there
        shell.check('for i in 1 2 3 4; do (for j in 1 2 3; do ls / >/dev/null; done) & done; wait')
        seen = interrupts(shell)
        if sum(1 for n in seen['IPI0'] if n) >= 2:
            break
    assert sum(1 for n in seen['IPI0'] if n) >= 2, seen
    assert sum(seen['0']) > 0
    total = int(shell.check("awk '/^intr/ { print $2 }' /proc/stat"))
    assert total >= sum(sum(row) for row in seen.values())


def test_device_interrupts_go_where_they_are_sent(machine):
    """... and elsewhere when that hart stops: what we type goes on being read."""
    shell = machine(harts=4).shell()
    irq = console_irq(shell)
    for hart in (1, 3, 0, 2):
        shell.check(f'echo {1 << hart:x} > /proc/irq/{irq}/smp_affinity')
        before = interrupts(shell)[irq]
        shell.check('echo typed')
        after = interrupts(shell)[irq]
        assert after[hart] > before[hart], (hart, before, after)
        assert [a for h, a in enumerate(after) if h != hart] == [b for h, b in enumerate(before) if h != hart]
    boot = shell.check(f'cd {CPU}; for c in cpu?; do [ -e $c/online ] || echo $c; done').split()
    away = next(h for h in range(4) if f'cpu{h}' not in boot)
    shell.check(f'echo {1 << away:x} > /proc/irq/{irq}/smp_affinity')
    shell.check(f'echo 0 > {CPU}/cpu{away}/online', 120)
    assert int(shell.check(f'cat /proc/irq/{irq}/effective_affinity'), 16) != 1 << away
    assert shell.check(f'cat /proc/irq/{irq}/smp_affinity').strip() == f'{1 << away:x}'
    assert shell.run(f'echo {1 << away:x} > /proc/irq/{irq}/smp_affinity').status != 0
    assert shell.run(f'echo x > /proc/irq/{irq}/smp_affinity').status != 0
    assert shell.run(f'echo 0 > /proc/irq/{irq}/smp_affinity').status != 0
@pytest.mark.parametrize('asid,used', [('off', 0), ('4', 4), ('', 16)])
def test_address_space_numbers(machine, asid, used):
    """Without numbers, with so few that they are given out again all the time, with all.

    Processes that map, change and unmap the same addresses on four harts see what is theirs.
    """
    console = machine(harts=4, append=f'asid={asid}' if asid else '')
    shell = console.shell()
    assert f'numbers of 16 bits, {used} used' in console.text
    shell.check('for i in $(seq 60); do /bin/true; done')
    for program in ('memory', 'process', 'execs'):
        result = shell.run(f'cd /tmp && /usr/lib/creance/test/{program}', 300)
        assert result.status == 0, (program, result.output[-2000:])
