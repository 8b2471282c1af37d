# SPDX-License-Identifier: MIT
"""page.py - a run as one HTML page that needs nothing else

Idea: the page holds the events (JSON, compressed), the lines of source that
perform the steps, the chart library and our own script (page/page.js). It is
opened from a file; nothing is fetched.

The chart library is uPlot, from npm, at the version that page/package-lock.json
pins by its hash; it comes into build/npm when a page is first made.
"""
import base64
import fcntl
import filecmp
import gzip
import html
import json
import os
import shutil
import subprocess

from ldelib.trace import COLUMNS, Symbols, Trace

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = os.path.join(TOP, 'scripts/ldelib/page')
NPM = os.path.join(TOP, 'build/npm')
DIST = os.path.join(NPM, 'node_modules/uplot/dist')
AROUND = 7  # lines of source shown before and after the one
STEP = 'TRACE_STEP('


class NoLibrary(Exception):
    """The chart library is not there and cannot be got."""


def install_library() -> None:
    """Have npm put uPlot into build/npm, at the pinned version; nothing if it is there."""
    stamp = os.path.join(NPM, 'package-lock.json')
    wanted = os.path.join(PARTS, 'package-lock.json')
    if os.path.exists(DIST) and os.path.exists(stamp) and \
            filecmp.cmp(stamp, wanted, shallow=False):
        return
    if not shutil.which('npm'):
        raise NoLibrary('npm is not installed; `scripts/setup lde` installs it')
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(os.path.join(PARTS, name), NPM)
    result = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'],
                            cwd=NPM, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False)
    if result.returncode:
        os.unlink(stamp)
        raise NoLibrary('npm could not get the chart library:\n' + result.stdout[-2000:])


def chart_library() -> tuple:
    """uPlot's script and style sheet."""
    os.makedirs(NPM, exist_ok=True)
    with open(os.path.join(NPM, '.lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may be about to do the same
        install_library()
    texts = []
    for name in ('uPlot.iife.min.js', 'uPlot.min.css'):
        with open(os.path.join(DIST, name), encoding='utf-8') as f:
            texts.append(f.read())
    return tuple(texts)


def part(name: str) -> str:
    with open(os.path.join(PARTS, name), encoding='utf-8') as f:
        return f.read()


def source(file: str, line: int) -> dict:
    """The lines around one, as they are in this tree."""
    try:
        with open(os.path.join(TOP, file), encoding='utf-8') as f:
            lines = f.read().splitlines()
    except OSError:
        return {'first': line, 'marked': [line], 'lines': ['(not in this tree)']}
    first = max(1, line - AROUND)
    # In assembly a line without an instruction names the one below it.
    marked = [line, line + 1] if STEP in ''.join(lines[line - 1:line]) else [line]
    return {'first': first, 'marked': marked, 'lines': lines[first - 1:line + AROUND]}


def spans(trace: Trace) -> list:
    """[hart, from, to, tid, in the kernel] in ns: who had each hart, in which mode."""
    out, now = [], {}  # hart: [since, tid, kernel]
    end = trace.events[-1].time_ns
    for e in trace.events:
        state = (e.tid, not (e.is_return and e.user))
        if e.hart in now:
            since, *before = now[e.hart]
            if tuple(before) == state:
                continue
            out.append([e.hart, since, e.time_ns, before[0], int(before[1])])
        now[e.hart] = [e.time_ns, *state]
    return out + [[hart, since, end, tid, int(kernel)]
                  for hart, (since, tid, kernel) in now.items()]


class Data:
    """What page.js reads; its head describes the form."""

    def __init__(self, trace: Trace, symbols: Symbols) -> None:
        self.trace, self.symbols = trace, symbols
        self.registers: dict = {}  # tid: its registers as they were last known
        self.strings: dict = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def word(self, value: int) -> str:
        name = self.symbols.find(value) if value >= self.trace.form.kernel > 0 else ''
        return f'{value:#x}' + (f'  {name}' if name else '')

    def changes(self, event) -> list:
        """[[register number, value]] against what this thread had last."""
        names = self.trace.form.words.get('registers', [])
        before = self.registers.get(event.tid, {})
        self.registers[event.tid] = event.registers
        return [[i, f'{event.registers[name]:#x}'] for i, name in enumerate(names)
                if name in event.registers and before.get(name) != event.registers[name]]

    def event(self, e) -> dict:
        args = [[self.string(k), self.string(
            v if e.types[k] != 'x' else self.word(e.args[k]))] for k, v in self.trace.args_text(e)]
        if e.runnable:
            names = ', '.join(self.trace.thread_name(t) for t in e.runnable)
            args.append([self.string('runnable'), self.string(names)])
        for number, text in e.texts.items():
            args.append([self.string(f'text of argument {number}'), self.string(repr(text))])
        out = {'n': self.string(e.name), 's': self.string(self.trace.short(e)), 'p': e.place,
               'a': args}
        if e.registers:
            out['r'] = self.changes(e)
        if e.saved:
            out['c'] = [[self.string(name), self.word(e.saved[name]),
                         self.word(e.restored.get(name, 0))] for name in e.saved]
        if e.stacks:
            out['k'] = {side: [f'{address:#x}', [self.word(w) for w in words]]
                        for side, (address, words) in e.stacks.items()}
        return out

    def all(self, command: str) -> dict:
        trace = self.trace
        base = trace.events[0].time_ns
        rows, kinds = [], {}
        for e in trace.events:
            if e.name not in kinds:
                kinds[e.name] = []
                for row in (r for r in e.rows if r.column in COLUMNS):
                    kinds[e.name].append(len(rows))
                    rows.append([COLUMNS.index(row.column), row.words, row.place, row.table])
        used = {e.place for e in trace.events} | {row[2] for row in rows if row[2] >= 0}
        places = {n: p for n, p in trace.form.places.items() if n in used}
        details = [self.event(e) for e in trace.events]
        return {
            'command': command, 'base': base, 'run': trace.first_of_run, 'harts': max(trace.form.harts, *(e.hart + 1 for e in trace.events)),
            'lost': trace.lost_events(),
            'threads': {t: [trace.thread_name(t), p] for t, p in trace.pids.items()},
            'registers': trace.form.words.get('registers', []),
            'places': {n: [p.file, p.line, p.function] for n, p in places.items()},
            'sources': {n: source(p.file, p.line) for n, p in places.items()},
            'rows': rows, 'kinds': kinds,
            'time': [e.time_ns - base for e in trace.events],
            'hart': [e.hart for e in trace.events], 'tid': [e.tid for e in trace.events],
            'detail': details,
            'spans': [[h, a - base, b - base, t, k] for h, a, b, t, k in spans(trace)],
            'strings': list(self.strings),
        }


def as_html(trace: Trace, command: str, elf: str) -> str:
    script, style = chart_library()
    data = json.dumps(Data(trace, Symbols(elf)).all(command), separators=(',', ':'))
    packed = base64.b64encode(gzip.compress(data.encode(), mtime=0)).decode()
    fill = {'TITLE': html.escape(command), 'LIBRARY_STYLE': style, 'STYLE': part('page.css'),
            'LIBRARY': script, 'DATA': packed, 'SCRIPT': part('page.js')}
    out = part('page.html')
    for name, text in fill.items():
        out = out.replace(f'@{name}@', text)
    return out
