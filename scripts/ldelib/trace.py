# SPDX-License-Identifier: MIT
"""trace.py - events out of the records of /proc/creance/trace

Idea: what an event is called, what its arguments are, which rows of the
lectures' tables it stands for and which line of the source performs it, all
comes from the machine's own "format" file; nothing of it is written down here.
So a kernel with more events needs no other tool. (kernel/trace/README.md
describes the two formats.) A few names have a meaning here: "pad", "switch",
"wake", and those that begin with "trap_" and "return_".
"""
import bisect
import os
import struct
import subprocess
from dataclasses import dataclass, field

HEAD = struct.Struct('<QQHHBBBBii')
CHUNK = struct.Struct('<HHIQ')
COLUMNS = ('os', 'hardware', 'program')
EVENT_STEP = 0  # in a row: done where the event is recorded


class BadTrace(Exception):
    """The bytes are not what the format file says."""


@dataclass
class Row:
    """A row of the lectures' tables that an event stands for."""
    column: str
    table: str   # system_call, timer_interrupt, both, none
    words: str
    place: int   # number of the place that does it, -1: unknown


@dataclass
class Place:
    kind: int
    file: str
    line: int
    function: str


class Format:
    """What "format" says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.timebase, self.clock, self.harts, self.kernel = 0, (0, 0, 0), 0, 0
        self.events: dict = {}    # kind: (name, [(argument, type)])
        self.places: dict = {}    # number: Place
        self.chunks: dict = {}    # type: name
        self.words: dict = {}     # name: [word]
        self.names: dict = {}     # (domain, value): text
        self.syscalls: dict = {}  # number: (name, arguments)
        rows: list = []
        for line in text.splitlines():
            word, *f = line.split('\t')
            try:
                self._take(word, f, rows)
            except (ValueError, IndexError) as e:
                raise BadTrace(f'format: cannot read "{line}": {e}') from None
        if not self.events or not self.timebase:
            raise BadTrace('format: no events, or no timebase')
        steps = {place.kind: number for number, place in self.places.items()}
        self.rows: dict = {}      # kind: [Row]
        for kind, column, table, words, step in rows:
            where = -1 if step == EVENT_STEP else steps.get(step, -1)
            self.rows.setdefault(kind, []).append(Row(column, table, words, where))

    def _take(self, word: str, f: list, rows: list) -> None:
        if word == 'timebase':
            self.timebase = int(f[0])
        elif word == 'clock':
            self.clock = tuple(int(n) for n in f[0].split())
        elif word == 'harts':
            self.harts = int(f[0])
        elif word == 'kernel':
            self.kernel = int(f[0], 0)
        elif word == 'event':
            self.events[int(f[0])] = (f[1], [tuple(w.split(':')) for w in f[2].split()])
        elif word == 'row':
            rows.append((int(f[0]), f[1], f[2], f[3], int(f[4])))
        elif word == 'place':
            self.places[int(f[0])] = Place(int(f[1]), f[2], int(f[3]), f[4])
        elif word == 'chunk':
            self.chunks[int(f[0])] = f[1]
        elif word == 'words':
            self.words[f[0]] = f[1].split()
        elif word == 'name':
            self.names[f[0], int(f[1])] = f[2]
        elif word == 'syscall':
            self.syscalls[int(f[0])] = (f[1], f[2] if len(f) > 2 else '')

    def nanoseconds(self, ticks: int) -> int:
        """Since boot."""
        mult, shift, base = self.clock
        return (ticks - base) * mult >> shift if mult else ticks * 10**9 // self.timebase


@dataclass
class Event:
    time_ns: int
    order: int
    hart: int
    pid: int
    tid: int
    user: bool        # a trap from user mode, or a return to it
    name: str
    args: dict        # name: value (signed where the type is d)
    types: dict       # name: type
    place: int
    rows: list        # of Row
    texts: dict = field(default_factory=dict)      # argument number: string
    registers: dict = field(default_factory=dict)  # register: value, of the trap frame
    saved: dict = field(default_factory=dict)      # of the context that is left
    restored: dict = field(default_factory=dict)   # of the context that is loaded
    stacks: dict = field(default_factory=dict)     # "from", "to": (address, [words])
    runnable: list = field(default_factory=list)   # tids
    program: str = ''                              # name of the thread's program
    result: int = None                             # of a system call, once it is known


    @property
    def is_trap(self) -> bool:
        return self.name.startswith('trap_') and 'cause' in self.args

    @property
    def is_return(self) -> bool:
        return self.name.startswith('return_')


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def words_of(data: bytes) -> list:
    return list(struct.unpack_from(f'<{len(data) // 8}Q', data))


class Trace:
    """All events of a run in order, and what is known of its threads."""

    def __init__(self, form: Format, raw: bytes, boot: bytes = b'', lost: str = '') -> None:
        self.form = form
        # Events of the boot may be in both.
        events = {e.order: e for e in self._records(boot)}
        of_boot = len(events)
        events.update((e.order, e) for e in self._records(raw))
        self.events = [events[order] for order in sorted(events)]
        self._never_back()
        self.first_of_run = min(of_boot, len(events) - 1)  # index
        if not self.events:
            raise BadTrace('there is not a single event')
        self.lost = lost
        self.programs: dict = {}  # tid: name
        self.pids: dict = {}      # tid: pid
        self._find_names()
        self._join_results()

    def _never_back(self) -> None:
        """A hart may be held up between reading the clock and taking its number. The
        numbers are right, so a time that is older than the one before is moved on."""
        last = self.events[0].time_ns if self.events else 0
        for e in self.events:
            e.time_ns = last = max(last, e.time_ns)

    def _find_names(self) -> None:
        """A thread's name comes with a switch to it; who is never switched to after
        execve (it has a hart for itself) is called after the file."""
        files: dict = {}  # tid: what execve was given
        for e in self.events:
            self.pids[e.tid] = e.pid
            if e.program:
                self.programs[e.tid] = e.program
            elif e.name == 'syscall' and 0 in e.texts and \
                    self.form.syscalls.get(e.args['number'], ('',))[0] == 'execve':
                files[e.tid] = os.path.basename(e.texts[0])
            elif e.name == 'program_load' and e.tid in files:
                self.programs[e.tid] = files.pop(e.tid)

    def _join_results(self) -> None:
        calls: dict = {}  # tid: its call under way
        for e in self.events:
            if e.name == 'syscall':
                calls[e.tid] = e
            elif e.name == 'syscall_done' and e.tid in calls:
                calls.pop(e.tid).result = e.args.get('result')

    def _records(self, data: bytes) -> list:
        events, at = [], 0
        while at < len(data):
            if at + HEAD.size > len(data):
                raise BadTrace(f'a torn record at byte {at}')
            ticks, order, words, place, kind, mode, hart, num, pid, tid = HEAD.unpack_from(data, at)
            end = at + words * 8
            if end < at + HEAD.size + num * 8 or end > len(data) or kind not in self.form.events:
                raise BadTrace(f'a broken record at byte {at}')
            name, types = self.form.events[kind]
            if name != 'pad':
                values = struct.unpack_from(f'<{num}Q', data, at + HEAD.size)
                event = Event(
                    self.form.nanoseconds(ticks), order, hart, pid, tid, mode == 0, name,
                    {arg: signed(value) if type_ == 'd' else value
                     for (arg, type_), value in zip(types, values)},
                    dict(types), place, self.form.rows.get(kind, []))
                self._chunks(event, data[at + HEAD.size + num * 8:end])
                events.append(event)
            at = end
        return events

    def _chunks(self, event: Event, data: bytes) -> None:
        at = 0
        while at + CHUNK.size <= len(data):
            type_, size, _, address = CHUNK.unpack_from(data, at)
            at += CHUNK.size
            piece, name = data[at:at + size], self.form.chunks.get(type_, '')
            at += (size + 7) // 8 * 8
            context = self.form.words.get('context', [])
            if name == 'text':
                event.texts[address] = piece.decode('utf-8', 'replace')
            elif name == 'name':
                event.program = piece.decode('utf-8', 'replace')
            elif name == 'registers':
                event.registers = dict(zip(self.form.words.get('registers', []), words_of(piece)))
            elif name == 'context_from':
                event.saved = dict(zip(context, words_of(piece)))
            elif name == 'context_to':
                event.restored = dict(zip(context, words_of(piece)))
            elif name in ('stack_from', 'stack_to'):
                event.stacks[name[6:]] = (address, words_of(piece))
            elif name == 'runnable':
                event.runnable = list(struct.unpack_from(f'<{len(piece) // 4}i', piece))

    # ---- in words ----------------------------------------------------------------

    def thread_name(self, tid: int) -> str:
        if tid == 0:
            return 'idle'
        return f'{self.programs.get(tid, "thread")} {tid}'

    def syscall_text(self, event: Event) -> str:
        """A call as strace writes it: name(arguments), with strings where known."""
        number = event.args.get('number')
        name, declared = self.form.syscalls.get(number, (f'call {number}', ''))
        values = [v for k, v in event.args.items() if k != 'number']
        words = []
        for i, part in enumerate(p.strip() for p in declared.split(',')):
            if part in ('', 'void') or i >= len(values):
                break
            if i in event.texts:
                words.append('"' + event.texts[i].replace('\\', '\\\\').replace(
                    '\n', '\\n').replace('"', '\\"') + '"')
            elif '*' in part or abs(signed(values[i])) > 0xffff:
                words.append(hex(values[i]) if values[i] else 'NULL' if '*' in part else '0')
            else:
                words.append(str(signed(values[i])))
        result = '' if event.result is None else f' = {event.result}'
        return f'{name}({", ".join(words)}){result}'

    def value_text(self, type_: str, value: int) -> str:
        if type_ == 'syscall':
            return self.form.syscalls.get(value, (str(value), ''))[0]
        if (type_, value) in self.form.names:
            return self.form.names[type_, value]
        if type_ == 'x':
            return hex(value)
        if type_ == 'b':
            return 'yes' if value else 'no'
        if type_ == 'ns':
            return 'never' if value == (1 << 64) - 1 else f'{value / 1e6:g} ms'
        if type_ == 'tid':
            return self.thread_name(value)
        return str(value)

    def args_text(self, event: Event) -> list:
        """[(argument, value in words)]"""
        return [(name, self.value_text(event.types[name], value))
                for name, value in event.args.items()]

    def short(self, event: Event) -> str:
        """What to say of an event beside its rows; '' if nothing."""
        args = event.args
        if event.name == 'syscall':
            return self.syscall_text(event)
        if event.name == 'switch':
            return f'{self.thread_name(args["from"])} → {self.thread_name(args["to"])}'
        if event.is_trap:
            cause = self.value_text('cause', args['cause'])
            return f'{cause} at {args.get("address", args["pc"]):#x}'
        if event.is_return:
            return f'to {args["pc"]:#x}'
        skip = ('frame', 'space', 'page_table', 'top')
        return ', '.join(f'{k} {v}' for k, v in self.args_text(event) if k not in skip)

    def place_of(self, event: Event, row: Row) -> int:
        return event.place if row.place < 0 else row.place

    def lost_events(self) -> int:
        """From the text of "lost": hart N recorded R lost L ..."""
        total = 0
        for line in self.lost.splitlines():
            words = line.split()
            if 'lost' in words:
                total += int(words[words.index('lost') + 1])
        return total


# ---- which function is at an address ----------------------------------------------

class Symbols:
    """Names of kernel addresses, from the ELF file that the machine runs."""

    def __init__(self, elf: str) -> None:
        self.addresses, self.names = [], []
        nm = os.environ.get('CROSS_COMPILE', 'riscv64-linux-gnu-') + 'nm'
        try:
            out = subprocess.run([nm, '-n', elf], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL, check=False).stdout
        except FileNotFoundError:
            return
        for line in out.splitlines():
            address, _, rest = line.partition(' ')
            kind, _, name = rest.partition(' ')
            if kind in 'tT' and not name.startswith(('.', '$')):
                self.addresses.append(int(address, 16))
                self.names.append(name)

    def find(self, address: int) -> str:
        """'function+0x12', or ''."""
        i = bisect.bisect_right(self.addresses, address) - 1
        if i < 0 or i == len(self.addresses) - 1 or address - self.addresses[i] > 1 << 16:
            return ''
        return f'{self.names[i]}+{address - self.addresses[i]:#x}'
