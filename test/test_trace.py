# SPDX-License-Identifier: MIT
"""The protocol trace: what it says happened, in that order, all of it."""
import json
import os
import re
from collections import Counter

import pytest

import machine as m
import trace

ASSEMBLY = 256  # numbers of steps that stand in the source apart from an event


@pytest.fixture
def tracer(shell):
    tracer = trace.Tracer(shell)
    tracer.control('off', 'unfollow', 'clear')
    yield tracer
    tracer.control('off', 'unfollow', 'clear', 'filter all', 'events all', 'registers off',
                   'stacks off', 'text on')


def record(tracer, command: str, *settings: str) -> list:
    """Events of a command that the shell runs, and of what the shell does for it."""
    tracer.control('clear', 'filter followed', 'follow children', *settings, 'on')
    tracer.shell.run(command)
    tracer.control('off', 'unfollow')
    return tracer.read()


def of_process(events: list, program: bytes) -> list:
    """Events of the process that ran @program, from its exec on."""
    start = next(i for i, e in enumerate(events)
                 if e.name == 'program_load' and e.chunks['text'][1].endswith(program))
    pid = events[start].pid
    begin = max(i for i, e in enumerate(events[:start])
                if e.name == 'memory_create' and e.pid == pid)
    return [e for e in events[begin:] if e.pid == pid]


# ---- The description -----------------------------------------------------------------

def protocol() -> dict:
    with open(os.path.join(m.TOP, 'test/data/protocol.json')) as f:
        return json.load(f)


@pytest.mark.parametrize('table', ['system_call', 'timer_interrupt'])
def test_every_row_of_the_lecture_is_an_events_row(tracer, table):
    rows = {(column, words) for rows in tracer.form.rows.values()
            for column, in_table, words, _ in rows if in_table in (table, 'both')}
    data = protocol()[table]
    wanted = {(row['who'], row['step']) for part in ('boot', 'run') for row in data[part]}
    assert wanted <= rows, wanted - rows
    assert rows <= wanted, rows - wanted


def test_every_place_is_in_the_source(tracer):
    kinds = set()
    for kind, file, line, function in tracer.form.places.values():
        kinds.add(kind)
        with open(os.path.join(m.TOP, file)) as f:
            lines = f.read().splitlines()
        near = '\n'.join(lines[line - 4:line + 3])
        assert re.search(r'TRACE|PLACE\(', near), f'{file}:{line}'
        assert function in '\n'.join(lines), f'{file}: {function}'
    for number, (name, _) in tracer.form.events.items():
        assert number in kinds or name in ('pad', 'lost'), f'no place records {name}'
    for rows in tracer.form.rows.values():
        for _, _, words, step in rows:
            assert step == 0 or step in kinds, f'{words}: no place for step {step}'


def test_rows_are_done_where_the_documents_say(tracer):
    """docs/protocol.md names the functions that the trace names."""
    with open(os.path.join(m.TOP, 'docs/protocol.md')) as f:
        text = f.read()
    documented = {}
    for step, function in re.findall(r'^\| (?:os|hardware) \| ([^|]+?) \| `([^`]+)`', text, re.M):
        documented.setdefault(step, set()).add(function)
    steps = {kind: function for kind, _, _, function in tracer.form.places.values()
             if kind >= ASSEMBLY}
    for rows in tracer.form.rows.values():
        for _, table, words, step in rows:
            if table != 'none' and step:
                assert steps[step] in documented[words], words


# ---- Order and completeness ----------------------------------------------------------

def test_a_program_from_its_birth_to_its_end(tracer):
    events = record(tracer, '/bin/true')
    life = of_process(events, b'/bin/true')
    names = [e.name for e in life]
    birth = ['memory_create', 'program_load', 'user_stack', 'kernel_stack', 'syscall_done',
             'return_program']
    # An interrupt may come between.
    assert names[0] == birth[0] and [n for n in names if n in birth][:6] == birth
    pid = life[0].pid
    created = next(e for e in events if e.name == 'process_create' and e.child == pid)
    removed = next(e for e in events if e.name == 'process_remove' and e.gone == pid)
    assert created.order < life[0].order < removed.order
    assert names.index('exit') < names.index('memory_free')
    # What the program finds is what was prepared for it.
    stack, frame, back = (next(e for e in life if e.name == n)
                          for n in ('user_stack', 'kernel_stack', 'return_program'))
    assert stack.sp == frame.sp == back.sp and frame.pc == back.pc
    assert stack.argc == 1


def test_traps_and_returns_alternate(tracer):
    life = of_process(record(tracer, '/usr/bin/ls /'), b'/usr/bin/ls')
    inside = False
    for e in life[life.index(next(e for e in life if e.name == 'return_program')) + 1:]:
        if e.name.startswith('trap_') and e.mode == 0:
            assert not inside, e
            inside = True
        elif e.name.startswith('return_') and e.name != 'return_kernel':
            assert inside, e
            inside = False
    assert sum(e.name == 'trap_syscall' for e in life) > 10
    assert sum(e.name == 'trap_fault' for e in life) > 10
    for i, e in enumerate(life):
        if e.name == 'trap_syscall':
            # An interrupt of the kernel may come first.
            assert next(x.name for x in life[i:] if 'syscall' in x.name and x is not e) == 'syscall'


def test_a_system_call_is_told_with_its_strings(tracer):
    life = of_process(record(tracer, '/usr/bin/cat /etc/passwd'), b'/usr/bin/cat')
    calls = [e for e in life if e.name == 'syscall']
    numbers = {name: number for number, (name, _) in tracer.form.syscalls.items()}
    opened = next(e for e in calls if e.number == numbers['openat'] and
                  e.chunks['text'][1] == b'/etc/passwd')
    assert opened.chunks['text'][0] == 1  # the second argument
    written = next(e for e in calls if e.number == numbers['write'])
    assert written.chunks['text'][1].startswith(b'root:x:0:0:')
    assert written.a0 == 1
    i = life.index(written)
    done = next(e for e in life[i:] if e.name == 'syscall_done')
    assert done.number == numbers['write'] and done.result == written.a2


def test_only_those_who_are_followed(tracer):
    tracer.shell.check('spin & echo $! > /tmp/spin')
    spin = int(tracer.shell.check('cat /tmp/spin'))
    events = record(tracer, '/bin/true')
    tracer.shell.check(f'kill -9 {spin}')
    assert events
    for e in events:
        about = {e.tid} | {e.args[n] for n in ('child', 'gone', 'thread', 'process', 'from', 'to',
                                              'chosen', 'child_thread') if n in e.args}
        if e.name in ('trap_syscall', 'trap_fault', 'trap_timer', 'syscall', 'return_syscall'):
            assert e.tid != spin, e
        assert about != {spin}, e


def test_a_reader_is_not_in_what_it_reads(tracer):
    tracer.control('filter all', 'clear', 'on')
    size = int(tracer.shell.check('cat /proc/creance/trace/raw | wc -c'))
    tracer.shell.check('cat /proc/creance/trace/raw > /tmp/raw & echo $! > /tmp/pid; wait')
    tracer.control('off')
    pid = tracer.shell.check('cat /tmp/pid')
    events = trace.parse_records(tracer.form, tracer.shell.read('/tmp/raw'))
    assert size > 0
    raw = tracer.form
    numbers = {name: number for number, (name, _) in raw.syscalls.items()}
    reads = [e for e in events if e.pid == int(pid) and e.name == 'syscall' and
             e.number == numbers['read'] and e.a2 > 1000]
    assert len(reads) <= 1, 'cat reads what its reading made'


def test_what_is_lost_is_counted_exactly(tracer):
    """The same 5000 calls into a ring that is large enough and into one that is not."""
    command = 'dd if=/dev/zero of=/dev/null bs=1 count=5000 2>/dev/null'
    size = tracer.shell.check('sed -n "s/^size //p" /proc/creance/trace/control').strip()
    tracer.control('size 8192')
    events = record(tracer, command, 'events syscall lost', 'text off')
    total = {hart: recorded for hart, (recorded, lost) in tracer.lost().items()}
    assert all(lost == 0 for _, lost in tracer.lost().values())
    assert sum(total.values()) == len(events) > 10000

    tracer.control('size 64')
    kept = record(tracer, command, 'events syscall lost', 'text off')
    recorded, lost = (sum(v[i] for v in tracer.lost().values()) for i in (0, 1))
    assert recorded == len(kept) < 2000
    assert recorded + lost == len(events)

    # The next event of each hart that lost some says how many.
    tracer.control('filter all', 'on')
    tracer.shell.check('h=0; while [ $h -lt $(nproc) ]; do '
                       'taskset -c $h sh -c "echo end > /proc/creance/trace/mark"; h=$((h + 1)); done')
    tracer.control('off')
    told = [e for e in tracer.read() if e.name == 'lost']
    assert sum(e.events for e in told) == lost
    tracer.control(f'size {size}')


def test_a_small_buffer_gets_whole_records(tracer):
    tracer.control('clear', 'filter followed', 'follow children', 'on')
    tracer.shell.run('/bin/true')
    tracer.control('off', 'unfollow')
    assert tracer.shell.run('dd if=/proc/creance/trace/raw bs=16 count=1 2>&1').status != 0
    tracer.shell.check('/bin/busybox dd if=/proc/creance/trace/raw of=/tmp/raw bs=512 2>/dev/null')
    events = trace.parse_records(tracer.form, tracer.shell.read('/tmp/raw'))
    assert len(events) == sum(recorded for recorded, _ in tracer.lost().values())


def test_settings_are_checked(shell):
    control = '/proc/creance/trace/control'
    for bad in ('nonsense', 'size 0', 'size 99999999', 'filter some', 'events nonsense',
                'registers maybe', 'follow 4000000', 'follow x'):
        assert shell.run(f'echo {bad} > {control}').status != 0, bad
    shell.check(f'echo on > {control}')
    assert shell.run(f'echo size 128 > {control}').status != 0  # only while it is off
    shell.check(f'echo off > {control}; echo clear > {control}')
    text = shell.check(f'cat {control}')
    assert text.startswith('off\nfilter all\nsize ')
    assert shell.run('su nobody -s /bin/sh -c "cat /proc/creance/trace/raw"').status != 0


# ---- The boot ------------------------------------------------------------------------

def test_the_boot_is_kept(shell):
    tracer = trace.Tracer(shell)
    events = tracer.read('boot')
    names = Counter(e.name for e in events)
    harts = int(shell.check('nproc'))
    assert names['trap_table'] == harts and names['timer_start'] >= 1
    first = events[0]
    assert first.name == 'trap_table'
    entry = [words[0] for words in (line.split() for line in
                                    os.popen(f'riscv64-linux-gnu-nm {m.BUILD}/kernel.elf'))
             if words[-1] == 'trap_entry']
    if os.path.exists(os.path.join(m.BUILD, 'kernel.elf')):
        assert f'{first.stvec:016x}' in entry


def test_tracing_from_the_first_moment(machine):
    """One hart: the order of all events is that of its ring."""
    shell = machine(harts=1, append='trace=on trace_size=16384').shell()
    tracer = trace.Tracer(shell)
    tracer.control('off')
    assert all(lost == 0 for _, lost in tracer.lost().values())
    events = tracer.read()
    assert [e.order for e in events] == sorted(set(e.order for e in events))
    init = next(e for e in events if e.name == 'process_create')
    assert init.child == 1
    loaded = [e.chunks['text'][1] for e in events if e.name == 'program_load']
    assert loaded[0] in (b'/init', b'/sbin/init')


def test_time_from_the_cycle_counter(machine):
    """As on harts whose rdtime is a trap: stamps are made of cycles, and agree with time."""
    shell = machine(harts=1, icount=True, append='trace_clock=cycle').shell(300)
    tracer = trace.Tracer(shell)
    events = record(tracer, 'for i in 1 2 3; do usleep 100000; ls / >/dev/null; done', 'filter all')
    assert shell.check("dmesg | grep -c 'stamps from the cycle counter'").strip() == '1'
    for before, after in zip(events, events[1:]):
        assert before.time <= after.time
    timers = [e for e in events if e.name == 'timer']
    assert len(timers) >= 3
    # A timer event says what the time counter said, in ns since the boot.
    ns = 1e9 / tracer.form.timebase
    apart = [e.time * ns - e.now for e in timers]
    assert max(apart) - min(apart) < 1e6, apart


# ---- Two programs and one hart -------------------------------------------------------

def test_two_loops_alternate_at_the_quantum(machine):
    """Registers to A's kernel stack and from B's, in turn; equal shares of two seconds."""
    shell = machine(harts=1, icount=True, append='sched=rr').shell(300)
    tracer = trace.Tracer(shell)
    tracer.control('filter followed', 'follow children', 'registers on',
                   'events switch decision trap_timer return_timer lost', 'on')
    shell.run('spin & a=$!; spin & b=$!; sleep 2.2; kill $a $b; wait', 300)
    tracer.control('off')
    events = tracer.read()
    assert not any(e.name == 'lost' for e in events)
    words = tracer.form.words['context']
    spins = [tid for tid, _ in Counter(e.args['to'] for e in events
                                       if e.name == 'switch').most_common(2)]
    a, b = spins
    both = [e for e in events if e.name == 'switch' and {e.args['from'], e.args['to']} == {a, b}]
    saved, turns = {}, []
    for e in (e for e in events if e.name == 'switch'):
        context_from = dict(zip(words, memory_words(e.chunks['context_from'][1])))
        context_to = dict(zip(words, memory_words(e.chunks['context_to'][1])))
        assert (e.from_sp, e.from_ra) == (context_from['sp'], context_from['ra'])
        assert e.args['from'] not in spins or 0 < e.from_sp - e.from_stack < 16384
        assert e.args['to'] not in spins or 0 < e.to_sp - e.to_stack < 16384
        # What is restored is what was saved when it left.
        if e.args['to'] in saved:
            assert context_to == saved[e.args['to']]
        saved[e.args['from']] = context_from
    for before, after in zip(both, both[1:]):
        # Seldom somebody else (the shell) comes between, and A goes on after it.
        if before.args['to'] == after.args['from']:
            turns.append((after.time - before.time) * 1000 / tracer.form.timebase)
    assert len(both) > 150 and len(turns) > 0.95 * len(both)
    turns.sort()
    assert 9.9 < turns[len(turns) // 2] < 10.2, 'the quantum is 10 ms'
    # Each turn ends by a timer interrupt of the one and a return into the other.
    reasons = Counter(tracer.form.names['why', e.why] for e in events
                      if e.name == 'decision' and {e.chosen, e.before} == {a, b})
    assert reasons['its quantum is used up'] >= 0.98 * sum(reasons.values())
    shares = time_shares(events, spins, 2.0 * tracer.form.timebase)
    print('shares of 2 s:', {tid: f'{100 * s:.2f} %' for tid, s in shares.items()})
    assert all(abs(s - 0.5) < 0.02 for s in shares.values()), shares


def memory_words(data: bytes) -> list:
    return [int.from_bytes(data[i:i + 8], 'little') for i in range(0, len(data), 8)]


def time_shares(events: list, spins: list, ticks: float) -> dict:
    """Of the time that one of @spins had the hart, from when both run, for @ticks."""
    switches = [e for e in events if e.name == 'switch']
    begin = next(e.time for e in switches if {e.args['from'], e.args['to']} == set(spins))
    had = dict.fromkeys(spins, 0.0)
    for e, after in zip(switches, switches[1:]):
        start, end = max(e.time, begin), min(after.time, begin + ticks)
        if e.args['to'] in had and end > start:
            had[e.args['to']] += end - start
    return {tid: t / sum(had.values()) for tid, t in had.items()}
