# SPDX-License-Identifier: MIT
"""chrome.py - a run in the Trace Event Format, for Perfetto's UI and chrome://tracing

Idea: two views of the same events. The pseudo-process "harts" has one track for
each hart: who ran, and within that when the kernel did. Each process has one
track for each thread: its traps, and within them the time off the hart. A
wake-up is an arrow from the waker to where the woken thread runs again.

Invariants
  C1  On each track every B has its E, and they nest.
  C2  Time stamps of the whole file never go back.

Source: "Trace Event Format", the document of the Catapult project: B, E, i, M,
C, s and f events; ts in microseconds.
"""
import json

from ldelib.trace import Event, Trace

HARTS_PID = 1 << 23  # larger than any pid: Linux's PID_MAX_LIMIT is 2^22
INSTANTS = ('wake', 'signal', 'signal_deliver', 'process_create', 'exit', 'program_load',
            'decision', 'mark', 'lost')


class Writer:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.out: list = []
        self.stacks: dict = {}   # (pid, tid): names of open slices
        self.flows: dict = {}    # tid: id of the arrow that ends where it runs next
        self.on_hart: dict = {}  # hart: tid
        self.calls = self._calls()
        # The first events of the boot are older than the clock.
        self.start_ns = min(0, trace.events[0].time_ns)

    def _calls(self) -> dict:
        """order of a trap event: the system call that it became."""
        calls, traps = {}, {}
        for e in self.trace.events:
            if e.is_trap:
                traps[e.tid] = e
            elif e.name == 'syscall' and e.tid in traps:
                calls[traps.pop(e.tid).order] = e
        return calls

    # ---- single events -----------------------------------------------------------

    def add(self, phase: str, name: str, event: Event, pid: int, tid: int, **more) -> None:
        self.out.append({'ph': phase, 'name': name, 'cat': 'lde', 'ts': (event.time_ns - self.start_ns) / 1000,
                         'pid': pid, 'tid': tid, **more})

    def begin(self, name: str, event: Event, track: tuple, **more) -> None:
        self.stacks.setdefault(track, []).append(name)
        self.add('B', name, event, *track, **more)

    def end(self, event: Event, track: tuple, name: str = '') -> None:
        """End the innermost slice, or nothing, if that is not called @name."""
        stack = self.stacks.get(track)
        if stack and (not name or stack[-1] == name):
            self.add('E', stack.pop(), event, *track)

    # ---- the two views -----------------------------------------------------------

    def hart(self, event: Event) -> None:
        track = (HARTS_PID, event.hart)
        running = self.on_hart.get(event.hart)
        if running != event.tid or event.name == 'switch':
            while self.stacks.get(track):
                self.end(event, track)
            self.begin(self.trace.thread_name(event.tid), event, track)
            self.on_hart[event.hart] = event.tid
            if event.name == 'switch':
                self.begin('kernel', event, track)
        if event.is_trap:
            self.begin('kernel', event, track)
        elif event.is_return and event.user:
            while self.stacks[track][1:]:
                self.end(event, track)
        elif event.is_return and len(self.stacks[track]) > 2:
            self.end(event, track)

    def arguments(self, event: Event) -> dict:
        where = self.trace.form.places.get(event.place)
        args = dict(self.trace.args_text(event))
        if where:
            args['source'] = f'{where.file}:{where.line} {where.function}'
        return args

    def thread(self, event: Event) -> None:
        track = (event.pid, event.tid)
        if event.tid in self.flows and event.name != 'switch':
            # C1 of arrows: they end in a slice.
            self.begin('runs again', event, track)
            self.add('f', 'wake', event, *track, id=self.flows.pop(event.tid), bp='e')
            self.end(event, track)
        if event.is_trap:
            call = self.calls.get(event.order)
            name = self.trace.syscall_text(call) if call else \
                event.name[5:].replace('_', ' ')
            self.begin(name, event, track, args=self.arguments(event))
        elif event.is_return:
            self.end(event, track)
            while event.user and self.stacks.get(track):
                self.end(event, track)
        elif event.name in INSTANTS:
            self.add('i', event.name.replace('_', ' '), event, *track, s='t',
                     args=self.arguments(event))
        if event.name == 'wake' and event.tid:
            self.begin('wakes', event, track)
            self.add('s', 'wake', event, *track, id=event.order)
            self.end(event, track)
            self.flows[event.args['thread']] = event.order
        elif event.name == 'decision':
            self.add('C', f'ready on hart {event.hart}', event, HARTS_PID, event.hart,
                     args={'threads': event.args.get('ready', 0)})

    def switch(self, event: Event) -> None:
        for key, name in (('from', ''), ('to', 'off the hart')):
            tid = event.args[key]
            pid = self.trace.pids.get(tid)
            if pid is None or tid == 0:
                continue
            if name:
                self.end(event, (pid, tid), name)
            else:
                self.begin('off the hart', event, (pid, tid), args=self.arguments(event))

    def names(self) -> None:
        def meta(what: str, pid: int, tid: int, **args) -> None:
            self.out.append({'ph': 'M', 'name': what, 'cat': '__metadata', 'ts': 0, 'pid': pid,
                             'tid': tid, 'args': args})

        meta('process_name', HARTS_PID, 0, name='harts')
        meta('process_sort_index', HARTS_PID, 0, sort_index=-1)
        for hart in sorted({e.hart for e in self.trace.events}):
            meta('thread_name', HARTS_PID, hart, name=f'hart {hart}')
        for pid in sorted(set(self.trace.pids.values())):
            name = self.trace.programs.get(pid, 'kernel' if pid == 0 else 'process')
            meta('process_name', pid, pid, name=f'{name} {pid}' if pid else name)
        for tid, pid in sorted(self.trace.pids.items()):
            meta('thread_name', pid, tid, name=self.trace.thread_name(tid))

    def run(self) -> dict:
        self.names()
        for event in self.trace.events:
            self.hart(event)
            if event.name == 'switch':
                self.switch(event)
            self.thread(event)
        for track in list(self.stacks):
            while self.stacks[track]:
                self.end(self.trace.events[-1], track)
        return {'traceEvents': self.out, 'displayTimeUnit': 'ns',
                'otherData': {'lost events': self.trace.lost_events()}}


def as_json(trace: Trace) -> str:
    return json.dumps(Writer(trace).run(), separators=(',', ':'))
