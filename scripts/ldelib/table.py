# SPDX-License-Identifier: MIT
"""table.py - the three-column table of a run, as plain text or Markdown

Idea: what a program does between a trap and the return from it is one episode;
equal episodes that follow each other (the same kinds of events, the same system
call) are shown once and counted. The words of the rows are the machine's.
"""
from ldelib.trace import COLUMNS, Event, Trace

HEADINGS = {'os': 'OS', 'hardware': 'Hardware', 'program': 'Program'}
WIDTH = 41
MOST_UNITS = 4  # of episodes that repeat together


class Episode:
    """Events of one thread from a trap to its return, or a single other event."""

    def __init__(self, first: Event) -> None:
        self.events = [first]

    def key(self) -> tuple:
        return (self.events[0].tid,) + tuple(
            (e.name, e.args.get('number') if e.name == 'syscall' else None) for e in self.events)


class Repeated:
    """Episodes (or repetitions) that came several times one after the other."""

    def __init__(self, parts: list, times: int) -> None:
        self.parts, self.times = parts, times

    def key(self) -> tuple:
        return (self.times, *(part.key() for part in self.parts))


def episodes(trace: Trace) -> list:
    out, open_ = [], {}
    for event in trace.events:
        if event.is_trap:
            open_[event.tid] = Episode(event)
            out.append(open_[event.tid])
        elif event.name == 'switch':  # belongs to two threads: what follows is another episode
            open_.clear()
            out.append(Episode(event))
        elif event.tid in open_:
            open_[event.tid].events.append(event)
            if event.is_return:
                del open_[event.tid]
        else:
            out.append(Episode(event))
    return out


def fold(nodes: list) -> list:
    """First single episodes that repeat, then pairs, threes and fours of these."""
    for unit in range(1, MOST_UNITS + 1):
        keys = [node.key() for node in nodes]
        out, i = [], 0
        while i < len(nodes):
            times = 1
            while keys[i:i + unit] == keys[i + times * unit:i + (times + 1) * unit]:
                times += 1
            if times > 1:
                out.append(Repeated(nodes[i:i + unit], times))
                i += unit * times
            else:
                out.append(nodes[i])
                i += 1
        nodes = out
    return nodes


class Writer:
    """(column or '', text) for each line of the table."""

    def __init__(self, trace: Trace, verbose: bool) -> None:
        self.trace, self.verbose = trace, verbose
        self.running = None
        self.lines: list = []

    def node(self, node) -> None:
        if isinstance(node, Episode):
            for event in node.events:
                self.event(event)
            return
        for part in node.parts:
            self.node(part)
        these = f'these {len(node.parts)} together ' if len(node.parts) > 1 else ''
        self.lines.append(('', f'... {these}{node.times} times in all'))

    def event(self, event: Event) -> None:
        if (event.hart, event.tid) != self.running:
            self.running = (event.hart, event.tid)
            self.lines.append(('', f'hart {event.hart}: {self.trace.thread_name(event.tid)}'))
        note = self.trace.short(event)
        rows = [row for row in event.rows if row.column in COLUMNS]
        for i, row in enumerate(rows):
            self.lines.append((row.column, row.words + (f': {note}' if note and i == 0 else '')))
        if not rows and self.verbose:
            self.lines.append(('os', f'({event.name}: {note})'))
        if self.verbose and event.registers:
            self.lines.append(('', '  '.join(f'{k}={v:x}' for k, v in event.registers.items())))


def lines(trace: Trace, folded: bool = True, verbose: bool = False) -> list:
    writer = Writer(trace, verbose)
    every = episodes(trace)
    for node in fold(every) if folded else every:
        writer.node(node)
    return writer.lines


def header(trace: Trace) -> list:
    events = trace.events
    span = (events[-1].time_ns - events[0].time_ns) / 1e6 if events else 0
    text = [f'{len(events)} events in {span:.3f} ms on {trace.form.harts} harts']
    if trace.lost_events():
        text.append(f'{trace.lost_events()} events were lost: the rings were full')
    return text


def wrap(text: str, width: int) -> list:
    out = []
    while len(text) > width:
        cut = text.rfind(' ', 1, width + 1)
        cut = cut if cut > width // 3 else width
        out.append(text[:cut].rstrip())
        text = '  ' + text[cut:].strip()
    return out + [text]


def as_text(trace: Trace, folded: bool = True, verbose: bool = False) -> str:
    out = header(trace) + ['', ' | '.join(HEADINGS[c].ljust(WIDTH) for c in COLUMNS).rstrip(),
                           '-+-'.join('-' * WIDTH for _ in COLUMNS)]
    for column, text in lines(trace, folded, verbose):
        if not column:
            out.append(f'-- {text}')
            continue
        for piece in wrap(text, WIDTH):
            cells = [piece.ljust(WIDTH) if c == column else ' ' * WIDTH for c in COLUMNS]
            out.append(' | '.join(cells).rstrip())
    return '\n'.join(out) + '\n'


def as_markdown(trace: Trace, folded: bool = True, verbose: bool = False) -> str:
    out = [*header(trace), '', '| ' + ' | '.join(HEADINGS[c] for c in COLUMNS) + ' |',
           '|' + '---|' * len(COLUMNS)]
    for column, text in lines(trace, folded, verbose):
        text = text.replace('|', '\\|').replace('<', '&lt;').replace('\n', ' ')
        if column:
            out.append('| ' + ' | '.join(text if c == column else '' for c in COLUMNS) + ' |')
        else:
            out.append(f'| *{text}* |' + ' |' * (len(COLUMNS) - 1))
    return '\n'.join(out) + '\n'
