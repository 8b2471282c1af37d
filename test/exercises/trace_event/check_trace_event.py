# SPDX-License-Identifier: MIT
"""Checks of the exercise "trace_event"."""
import pytest

from ldelib import trace

ROOM = '/proc/creance/trace'
FOREVER = (1 << 64) - 1


@pytest.fixture(scope='module')
def shell(boot, program):
    """Its clock counts instructions: a deadline is not nearer because the host was slow."""
    return boot([program('waits.c')], icount=True)


@pytest.fixture(scope='module')
def form(shell):
    form = trace.Format(shell.check(f'cat {ROOM}/format'))
    if 'sleep' not in [name for name, _ in form.events.values()]:
        pytest.fail(f'there is no event "sleep" in {ROOM}/format', pytrace=False)
    return form


@pytest.fixture(scope='module')
def watch(shell, form):
    def run(command: str) -> list:
        settings = ['off', 'clear', 'events all', 'filter followed', 'follow children', 'on']
        shell.check("printf '%s\\n' " + ' '.join(f"'{s}'" for s in settings) +
                    f' > {ROOM}/control')
        shell.check(command)
        shell.check(f"printf 'off\\nunfollow\\n' > {ROOM}/control")
        shell.check(f'dd if={ROOM}/raw of=/tmp/raw bs=64k 2>/dev/null')
        return trace.Trace(form, shell.read('/tmp/raw')).events
    return run


@pytest.mark.points(2)
def test_is_described(form):
    """The format has the event with its argument, and one row in the OS column."""
    kind = next(k for k, (name, _) in form.events.items() if name == 'sleep')
    assert form.events[kind][1] == [('until', 'ns')]
    assert [(row.column, row.table) for row in form.rows[kind]] == [('os', 'none')]


@pytest.mark.points(3)
def test_each_wait_is_recorded_once(watch, form):
    """Two processes hand a byte to and fro 100 times: one event each time that one waits."""
    events = watch('waits pingpong')
    sleeps = [e for e in events if e.name == 'sleep']
    waits = [e for e in events if e.name == 'decision' and
             form.names.get(('why', e.args['why'])) == 'it waits' and
             e.args['before'] == e.tid != 0]
    assert len(sleeps) == len([e for e in waits if e.tid in {o.tid for o in sleeps}]) >= 95
    assert {e.args['until'] for e in sleeps} == {FOREVER}


@pytest.mark.points(3)
def test_who_sleeps_does_nothing_until_woken(watch):
    """After the event the thread does not get to user mode before a "wake" of it."""
    asleep = set()
    woken = 0
    for e in watch('waits pingpong'):
        if e.name == 'wake' and e.args['thread'] in asleep:
            asleep.discard(e.args['thread'])
            woken += 1
        elif e.name == 'sleep':
            asleep.add(e.tid)
        elif e.user and (e.is_return or e.is_trap):
            assert e.tid not in asleep, f'{e.name} of {e.tid}, which sleeps'
    assert woken >= 95


@pytest.mark.points(2)
def test_deadline(watch):
    """poll() for 300 ms: the event says until when."""
    waits = [e.args['until'] - e.time_ns for e in watch('waits poll')
             if e.name == 'sleep' and e.args['until'] != FOREVER]
    assert len(waits) == 1 and 280e6 < waits[0] < 305e6, waits
