# SPDX-License-Identifier: MIT
"""trace.py - read the protocol trace: records of /proc/creance/trace/{raw,boot}

Everything about the records' meaning comes from the machine's own
/proc/creance/trace/format; kernel/trace/README.md describes both.
"""
import struct
from dataclasses import dataclass, field

HEAD = struct.Struct('<QQHHBBBBii')
CHUNK = struct.Struct('<HHIQ')


@dataclass
class Format:
    """What the lines of "format" say."""
    timebase: int = 0
    events: dict = field(default_factory=dict)    # kind: (name, [(argument, type)])
    rows: dict = field(default_factory=dict)      # kind: [(column, table, words, step)]
    places: dict = field(default_factory=dict)    # number: (kind, file, line, function)
    chunks: dict = field(default_factory=dict)    # type: name
    words: dict = field(default_factory=dict)     # name: [word]
    names: dict = field(default_factory=dict)     # (domain, value): text
    syscalls: dict = field(default_factory=dict)  # number: (name, arguments)


def parse_format(text: str) -> Format:
    form = Format()
    for line in text.splitlines():
        kind, *f = line.split('\t')
        if kind == 'timebase':
            form.timebase = int(f[0])
        elif kind == 'event':
            args = [tuple(word.split(':')) for word in f[2].split()]
            form.events[int(f[0])] = (f[1], args)
        elif kind == 'row':
            form.rows.setdefault(int(f[0]), []).append((f[1], f[2], f[3], int(f[4])))
        elif kind == 'place':
            form.places[int(f[0])] = (int(f[1]), f[2], int(f[3]), f[4])
        elif kind == 'chunk':
            form.chunks[int(f[0])] = f[1]
        elif kind == 'words':
            form.words[f[0]] = f[1].split()
        elif kind == 'name':
            form.names[f[0], int(f[1])] = f[2]
        elif kind == 'syscall':
            form.syscalls[int(f[0])] = (f[1], f[2])
    return form


@dataclass
class Event:
    time: int
    order: int
    place: int
    name: str
    mode: int
    hart: int
    pid: int
    tid: int
    args: dict
    chunks: dict  # name: (address, bytes)

    def __getattr__(self, name):
        try:
            return self.args[name]
        except KeyError:
            raise AttributeError(name) from None


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def parse_chunks(form: Format, data: bytes) -> dict:
    chunks, at = {}, 0
    while at < len(data):
        kind, size, zero, address = CHUNK.unpack_from(data, at)
        assert zero == 0
        at += CHUNK.size
        chunks[form.chunks[kind]] = (address, data[at:at + size])
        at += (size + 7) // 8 * 8
    return chunks


def parse_records(form: Format, data: bytes) -> list:
    """The events in @data, as they stand: each hart's in order."""
    events, at = [], 0
    while at < len(data):
        time, order, words, place, kind, mode, hart, num, pid, tid = HEAD.unpack_from(data, at)
        assert words * 8 >= HEAD.size and at + words * 8 <= len(data), f'a torn record at {at}'
        name, types = form.events[kind]
        if name != 'pad':
            values = struct.unpack_from(f'<{num}Q', data, at + HEAD.size)
            assert num == len(types), name
            args = {arg: signed(value) if kind_ == 'd' else value
                    for (arg, kind_), value in zip(types, values)}
            chunks = parse_chunks(form, data[at + HEAD.size + num * 8:at + words * 8])
            events.append(Event(time, order, place, name, mode, hart, pid, tid, args, chunks))
        at += words * 8
    return events


def describe(form: Format, event: Event) -> str:
    """One line for a person."""
    types = dict(next(args for name, args in form.events.values() if name == event.name))
    words = []
    for name, value in event.args.items():
        kind = types[name]
        if kind == 'syscall':
            value = form.syscalls.get(value, (str(value),))[0]
        elif (kind, value) in form.names:
            value = form.names[kind, value]
        elif kind == 'x':
            value = f'{value:#x}'
        words.append(f'{name}={value}')
    for name, (address, data) in event.chunks.items():
        if name in ('text', 'name'):
            words.append(f'{name}[{address}]={data!r}')
    return (f'{event.time} {event.order} hart{event.hart} {event.pid}/{event.tid} '
            f'{"US"[event.mode]} {event.name} {" ".join(words)}')


class Tracer:
    """The trace of the machine behind a shell."""

    def __init__(self, shell):
        self.shell = shell
        self.form = parse_format(shell.check('cat /proc/creance/trace/format'))

    def control(self, *commands: str) -> None:
        text = '\\n'.join(commands)
        self.shell.check(f"printf '{text}\\n' > /proc/creance/trace/control")

    def read(self, name: str = 'raw') -> list:
        # A pipe's reader must not find half a record: one read is a whole number.
        self.shell.check(f'dd if=/proc/creance/trace/{name} of=/tmp/trace bs=64k 2>/dev/null')
        events = parse_records(self.form, self.shell.read('/tmp/trace'))
        self.shell.check('rm /tmp/trace')
        return sorted(events, key=lambda event: event.order)

    def lost(self) -> dict:
        """hart: (recorded, lost)"""
        text = self.shell.check('cat /proc/creance/trace/lost')
        rows = [line.split() for line in text.splitlines()]
        return {int(row[1]): (int(row[3]), int(row[5])) for row in rows}
