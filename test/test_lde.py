# SPDX-License-Identifier: MIT
"""lde: the lectures' tables from a live run, and the other views of it."""
import json
import os
import re

import pytest

import machine as m

COLUMNS = {'OS': 'os', 'Hardware': 'hardware', 'Program': 'program'}


def protocol(table: str) -> list:
    with open(os.path.join(m.TOP, 'test/data/protocol.json')) as f:
        data = json.load(f)[table]
    return [(row['who'], row['step']) for part in ('boot', 'run') for row in data[part]]


def tables(text: str) -> list:
    """Of `lde -t run`: for each table the rows (column, words, place, ms, tid)."""
    out = []
    for line in text.splitlines():
        field = line.split('\t')
        if field[0] == 'table':
            out.append([])
        elif out and field[0] in COLUMNS:
            out[-1].append((COLUMNS[field[0]], *field[1:]))
    return out


def assert_in_order(rows: list, wanted: list) -> None:
    """@wanted stands in @rows, in this order, with other rows between perhaps."""
    at = iter([row[:2] for row in rows])
    for row in wanted:
        assert row in at, f'no {row} at its place in:\n' + '\n'.join(map(str, rows))


@pytest.mark.parametrize('number, table', enumerate(['system_call', 'timer_interrupt']))
def test_run_prints_the_lectures_table(shell, number, table):
    rows = tables(shell.check('lde -t run /bin/true', 120))
    assert_in_order(rows[number], protocol(table))


def test_the_tables_on_four_harts(machine):
    shell = machine(harts=4).shell()
    both = tables(shell.check('lde -t run /bin/true', 120))
    assert_in_order(both[0], protocol('system_call'))
    assert_in_order(both[1], protocol('timer_interrupt'))


def test_the_table_is_of_real_events(shell):
    """Times never go back within the run, and the program's rows are one process's."""
    first, second = tables(shell.check('lde -t run /bin/true', 120))
    for rows in (first, second):
        times = [float(row[3]) for row in rows if row[2] != '-:0 -']
        assert times == sorted(times)
    run = {row[4] for row in first if row[1] in ('load program into memory', 'run main()',
                                                 'do work of syscall', 'trap (via exit())')}
    assert len(run) == 1
    a, b = [row[4] for row in second if row[1] in ('process A runs', 'process B runs')]
    assert a != b


def test_the_table_for_people(shell):
    text = shell.check('lde run /bin/true', 120)
    assert re.search(r'^OS +\| Hardware +\| Program *$', text, re.M)
    assert re.search(r'^load program into memory +\| +\|$', text, re.M)
    assert re.search(r'^ +\| +\| run main\(\)$', text, re.M)
    assert re.search(r'^ +\.\.\. \d+ system calls in all:\n.*exit_group 1', text, re.M | re.S)
    # Repetitions are folded: the slide's rows once, not once for each call.
    assert text.count('handle trap') == 1
    assert shell.check('lde -a run /bin/true', 120).count('handle trap') > 5


def test_values_and_registers(shell):
    text = shell.check('lde -v run /bin/true', 120)
    assert re.search(r'syscall: number=\w+ a0=', text)
    assert re.search(r'arch/riscv/trap\.S:\d+ save_registers\(\)\n +pc=[0-9a-f]+', text)
    assert re.search(r'kernel/proc/elf_map\.c:\d+ elf_map\(\)', text)
    assert re.search(r'arch/riscv/switch\.S:\d+ arch_switch\(\)\n +ra=[0-9a-f]+ +sp=ffffffe', text)


def test_the_status_is_the_programs(shell):
    assert shell.run('lde run sh -c "exit 7"', 120).status == 7
    result = shell.run('lde run sh -c "kill -9 \\$\\$"', 120)
    assert result.status == 137 and 'killed by SIGKILL' in result.output
    assert shell.run('lde run /no/such/program', 120).status == 127


def test_boot(shell):
    text = shell.check('lde boot | cat')  # a terminal may be too narrow
    for words in ('initialize trap table', 'remember address of syscall handler',
                  'start interrupt timer', 'start timer; interrupt CPU in X ms'):
        assert words in text
    assert re.search(r'stvec=0xffffffff8\w+ hartid=\d', text)


def test_calls(shell):
    text = shell.check('lde calls cat /etc/passwd', 120)
    assert re.search(r'^execve\("/usr/bin/cat", 0x\w+, 0x\w+\) = 0$', text, re.M)
    assert re.search(r'^openat\(AT_FDCWD, "/etc/passwd", O_RDONLY, 0\) = 3$', text, re.M)
    assert re.search(r'^read\(3, "root:x:0:0:.*"\.\.\., \d+\) = \d+$', text, re.M)
    assert re.search(r'^mmap\(NULL, 8192, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\)'
                     r' = 0x\w+$', text, re.M)
    assert 'exit_group(0) = ?\n+++ exited with 0 +++' in text
    assert text.index('execve') < text.index('openat')
    text = shell.run('lde calls cat /no/such/file', 120).output
    assert '"/no/such/file", O_RDONLY, 0) = -1 ENOENT (No such file or directory)' in text


def test_calls_of_children(shell):
    text = shell.check('lde calls sh -c "echo hello | cat"', 120)
    assert re.search(r'^clone\(.*\|SIGCHLD, .*\) = (\d+)$', text, re.M)
    assert re.search(r'^\[\S+ \d+\] write\(1, "hello\\n", 6\) = 6$', text, re.M)


@pytest.fixture
def counted(machine):
    """One hart whose clock counts instructions: elsewhere it goes on when the host has no time,
    and whoever ran has had that time."""
    return machine(harts=1, icount=True).shell(300)


# Wait until there are so many programs of that name (a child has its parent's until it begins).
UNTIL = 'until [ $(pidof {} | wc -w) = {} ]; do :; done'


def test_timeline(counted):
    text = counted.check("lde timeline sh -c 'spin & a=$!; spin & b=$!; sleep 0.3; kill $a $b'", 120)
    lanes = re.findall(r'^  spin \d+ +\|([ #+.-]{64})\| +([\d.]+) ms$', text, re.M)
    assert len(lanes) == 2
    first, second = (float(ms) for _, ms in lanes)
    assert 0.3 < first / second < 3


def test_top_sees_who_makes_no_events(machine):
    """A loop that has a hart for itself is never interrupted, and yet uses all of it."""
    shell = machine(harts=2).shell()
    text = shell.check(f'taskset 2 spin & {UNTIL.format("spin", 1)}; taskset 1 lde top -n 6 -s 0.5; '
                       'killall -9 spin', 120)
    users = [float(user) for user in re.findall(r'^ *\d+ spin +([\d.]+)', text, re.M)]
    # When a hart stands still under lde, which looks at each, it is lde that had the time.
    assert len(users) == 6 and sum(user > 80 for user in users[1:]) >= 2, text


def test_top(counted):
    text = counted.check(f'spin & a=$!; {UNTIL.format("spin", 1)}; lde top -n 2 -s 0.5; kill $a', 120)
    assert len(re.findall(r'^ *PID PROGRAM +%USER', text, re.M)) == 2
    spin = re.findall(r'^ *\d+ spin +([\d.]+) +([\d.]+)', text, re.M)
    assert len(spin) == 2 and all(float(user) > float(kernel) for user, kernel in spin)


def test_top_leaves_at_a_key(shell):
    shell.start('lde top -s 0.2')
    shell.expect(r'PID PROGRAM', 60)
    shell.send('q')
    assert shell.finish(60).status == 0


def test_tracing_is_off_afterwards(shell):
    shell.check('lde run /bin/true; lde -n 1 -s 0.1 top', 120)
    text = shell.check('cat /proc/creance/trace/control')
    assert text.startswith('off\nfilter all\n')
    assert ' switch ' in text


def test_a_small_machine(machine):
    """Rings take a share of memory, so there is room for programs beside them. (One
    hart: each has a ring, and more would leave less for programs.)"""
    shell = machine(harts=1, mem='40M', initrd=os.path.join(m.BUILD, 'rootfs.cpio')).shell()
    rows = tables(shell.check('lde -t run /bin/true', 120))
    assert_in_order(rows[0], protocol('system_call'))


def test_wrong_use(shell):
    assert shell.run('lde').status == 2
    assert shell.run('lde nonsense').status == 2
    assert shell.run('lde run').status == 2


SCRIPT = 'i=0; while [ $i -lt 500 ]; do /bin/busybox true; i=$((i+1)); done'


@pytest.mark.parametrize('harts', [1, 4])
def test_five_hundred_processes(machine, harts):
    """Every event, in order on each hart, none uncounted; and what it costs."""
    shell = machine(harts=harts, icount=harts == 1).shell(300)
    shell.check(f"echo '{SCRIPT}' > /tmp/script")
    result = shell.run('lde check sh /tmp/script', 600)
    print(result.output)
    assert result.status == 0, str(result)
    counts = re.findall(r'^\w+ rings: (\d+) events, (\d+) lost, 0 out of order', result.output, re.M)
    (events, lost), (kept, lost_then) = ((int(a), int(b)) for a, b in counts)
    assert lost == 0 and events > 500 * 100
    assert lost_then > 1000 and kept > 0
    # What the harts' timers add is up to the host, unless the clock counts instructions.
    assert abs(kept + lost_then - events) < events / (20 if harts == 1 else 4)
    slowdown = float(re.search(r'slowdown ([\d.]+)', result.output).group(1))
    if harts == 1:
        assert slowdown < 3  # by instructions; elsewhere the host's clock counts
