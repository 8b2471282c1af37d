# SPDX-License-Identifier: MIT
"""Power cuts in the machine: nothing that was promised is lost.

usr/test/powercut.c does a mix of operations on a disk that records every
request (recorder.py), until QEMU is killed. From the record the power is cut at
random moments, and of what was not flushed some is lost, out of order. Each
disk is replayed (by the kernel's own code, as a program of the host, or by
e2fsck), checked by e2fsck, read by debugfs, and compared with the plan: the
names are those after one operation not earlier than what was promised; every
byte that was fsynced is there, and no byte is what it never was.

All of them: --thorough (1,000 cuts in 20 runs); 60 in two otherwise. The record
shows when the kernel is wrong about a device: with QEMU's NVMe, which takes no
notice of FUA, it finds what was lost. So the disks are virtio's here.
"""
import os
import random
import re
import sqlite3
import subprocess

import pytest

import machine as m
from recorder import Recorder
from test_ext4 import build, check, mkfs, run

CHUNK = 512
COUNT = 20000
FORMATS = {
    'ext4': ('-t ext4 -b 4096 -J size=4', '16M'),
    'ext4-1k': ('-t ext4 -b 1024 -J size=1', '8M'),
    'ext3': ('-t ext3 -b 1024 -J size=1', '8M'),
    'orphan-file': ('-t ext4 -b 4096 -O orphan_file -J size=4', '16M'),
}


# ---- What was planned ----------------------------------------------------------------

class File:
    """versions: (operation, size in chunks, {chunk: operation that wrote it})"""

    def __init__(self, op: int) -> None:
        self.versions = [(op, 0, {})]

    def at(self, op: int):
        """Its version after operation @op, or None."""
        found = None
        for version in self.versions:
            if version[0] > op:
                break
            found = version
        return found

    def write(self, op: int, first: int, count: int) -> None:
        _, size, chunks = self.versions[-1]
        chunks = {**chunks, **{c: op for c in range(first, first + count)}}
        self.versions.append((op, max(size, first + count), chunks))

    def truncate(self, op: int, size: int) -> None:
        chunks = {c: n for c, n in self.versions[-1][2].items() if c < size}
        self.versions.append((op, size, chunks))


class Plan:
    """The names after each operation, and what each promises."""

    def __init__(self, text: str) -> None:
        self.names = [{}]      # after operation i: name -> File, or None for a directory
        self.promises = {}     # operation -> File, name of a directory, or 'sync'
        for line in text.splitlines():
            self._add(line.split())

    def _add(self, words: list) -> None:
        op, verb, args = int(words[0]), words[1], words[2:]
        names = dict(self.names[-1])
        if verb == 'write':
            if args[0] not in names:
                names[args[0]] = File(op)
            names[args[0]].write(op, int(args[1]), int(args[2]))
        elif verb == 'truncate':
            names[args[0]].truncate(op, int(args[1]))
        elif verb == 'rename':
            names[args[1]] = names.pop(args[0])
        elif verb == 'link':
            names[args[1]] = names[args[0]]
        elif verb in ('unlink', 'rmdir'):
            del names[args[0]]
        elif verb == 'mkdir':
            names[args[0]] = None
        elif verb == 'fsync':
            self.promises[op] = names[args[0]]
        else:
            self.promises[op] = args[0] if verb == 'fsyncdir' else 'sync'
        assert op == len(self.names)
        self.names.append(names)

    def window(self, done: int) -> tuple:
        """The last sync up to @done, and the last operation that may have begun."""
        sync = max((op for op, what in self.promises.items()
                    if op <= done and what == 'sync'), default=0)
        begun = min((op for op in self.promises if op > done), default=len(self.names) - 1)
        return sync, begun


# ---- What was found --------------------------------------------------------------------

def shape(names: dict) -> dict:
    """name -> (directory?, how many links)"""
    links = {}
    for file in names.values():
        links[id(file)] = links.get(id(file), 0) + 1
    return {name: (file is None, 0 if file is None else links[id(file)])
            for name, file in names.items()}


def names_of(names: dict, file) -> list:
    return sorted(name for name, other in names.items() if other is file)


def entries(names: dict, folder: str) -> dict:
    return {name: id(file) for name, file in names.items()
            if (os.path.dirname(name) or '.') == folder}


def kept(plan: Plan, names: dict, op: int, begun: int) -> bool:
    """Is what operation @op promised about names still so?"""
    what = plan.promises[op]
    if what == 'sync':
        return True
    if isinstance(what, str):
        return any(entries(plan.names[j], what) == entries(names, what)
                   for j in range(op, begun + 1))
    return any(names_of(plan.names[j], what) == names_of(names, what)
               for j in range(op, begun + 1))


def values_of(file: File, chunk: int, since: int, begun: int) -> set:
    """The operations that chunk may come from; 0: zeros."""
    values = set()
    versions = [file.at(since)] + [v for v in file.versions if since < v[0] <= begun]
    for version in versions:
        values.add(version[2].get(chunk, 0) if version else 0)
    return values


def check_file(plan: Plan, slot: int, file: File, data: bytes, done: int, name: str) -> None:
    since, begun = plan.window(done)
    since = max([since] + [op for op, what in plan.promises.items()
                           if op <= done and what is file])
    sizes = [v[1] for v in [file.at(since)] + file.versions
             if v and (v is file.at(since) or since < v[0] <= begun)]
    if not file.at(since):
        sizes.append(0)
    assert len(data) % CHUNK == 0 and min(sizes) <= len(data) // CHUNK <= max(sizes), \
        f'{name} has {len(data)} bytes, not {sorted(set(sizes))} chunks; since operation ' \
        f'{since}, done {done}'
    for chunk in range(len(data) // CHUNK):
        part = data[chunk * CHUNK:(chunk + 1) * CHUNK]
        op = 0
        if part != bytes(CHUNK):
            words = [int.from_bytes(part[i:i + 8], 'little') for i in range(0, CHUNK, 8)]
            op = words[0] >> 32 & 0xffffff
            assert words == [slot << 56 | op << 32 | chunk << 8 | i for i in range(64)], \
                f'{name}: chunk {chunk} is a mixture: {words[0]:x} ... {words[-1]:x}'
        allowed = values_of(file, chunk, since, begun)
        assert op in allowed, \
            f'{name}: chunk {chunk} is of operation {op}, not {sorted(allowed)} (done {done})'


def check_slot(plan: Plan, slot: int, tree: dict, folder: str, done: int) -> None:
    """@tree: name -> (directory?, links) of the slot's directory."""
    sync, begun = plan.window(done)
    why = ['the names are not those after any operation']
    for j in range(begun, sync - 1, -1):
        names = plan.names[j]
        if shape(names) != tree:
            continue
        lost = [op for op in plan.promises if sync < op <= done
                and not kept(plan, names, op, begun)]
        if lost:
            why.append(f'as after {j}: the promises of {lost} were not kept')
            continue
        try:  # names alone may look the same after several operations
            for name, file in names.items():
                if file:
                    with open(os.path.join(folder, name), 'rb') as f:
                        check_file(plan, slot, file, f.read(), done, name)
            return
        except AssertionError as e:
            why.append(f'as after {j}: {e}')
    raise AssertionError(f'slot {slot}, sync {sync}, done {done}, begun {begun}: '
                         + '; '.join(why) + f': {tree}')


def list_tree(program: str, image: str) -> dict:
    """name -> (directory?, links), without the top's lost+found"""
    tree = {}
    for line in run(program, 'tree', image).splitlines():
        words = line.split(' ')
        if len(words) < 8:
            continue  # a message of the kernel
        name = words[-1][1:]
        folder = words[0].startswith('04')
        tree[name] = (folder, 0 if folder else int(words[2]))
    tree.pop('lost+found', None)
    return tree


# The totals in the super block are written when it is unmounted, by us as by Linux; nobody
# believes them before that. (Those of the groups are always right.)
TOTALS = re.compile(r'Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.\nFix\? yes\n')


def replay(program: str, image: str, by_e2fsck: bool) -> None:
    """After it, e2fsck has nothing to say."""
    if by_e2fsck:
        done = subprocess.run(['e2fsck', '-fy', '-E', 'fixes_only', image], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=m.limit_s(300))
        assert done.returncode in (0, 1), done.stdout
        assert '? yes' not in TOTALS.sub('', done.stdout), done.stdout
    else:
        run(program, 'run', image, input='')
    check(image)


def read_out(image: str, folder: str) -> None:
    os.makedirs(folder)
    run('debugfs', '-R', f'rdump / {folder}', image)


# ---- The mix -----------------------------------------------------------------------------

def planner(tmp_path) -> str:
    program = str(tmp_path / 'powercut')
    run('gcc', '-O2', '-o', program, os.path.join(m.TOP, 'usr/test/powercut.c'))
    return program


def reports(recorder: Recorder, event: int, slots: int) -> list:
    """The last operation that each slot had reported by then."""
    done = [0] * slots
    for e in recorder.events[:event]:
        if e.disk != 'reports' or e.data is None:
            continue
        for at in range(0, len(e.data), CHUNK):
            magic, slot, op = (int.from_bytes(e.data[at + i:at + i + 4], 'little')
                               for i in (0, 4, 8))
            if magic == 0x50435554:
                done[slot] = max(done[slot], op)
    return done


def boot(machine, recorder, bus: str, harts: int):
    console = machine(disk=f'{recorder.uri("disk")},{recorder.uri("reports")}', bus=bus,
                      harts=harts)
    shell = console.shell()
    shell.check('mkdir -p /m; mount -t ext4 /dev/vda /m || mount -t ext3 /dev/vda /m')
    return console, shell


def cut_and_check(recorder, tmp_path, program, event, rng, number, check_contents) -> None:
    image, folder = str(tmp_path / 'cut'), str(tmp_path / f'out{number}')
    disk = recorder.cut('disk', event, rng, rng.choice([512, 1024, 4096]))
    with open(image, 'wb') as f:
        f.write(disk)
    try:
        replay(program, image, by_e2fsck=number % 2 == 1)
        read_out(image, folder)
        check_contents(image, folder)
    except (AssertionError, FileNotFoundError):
        kept_as = os.path.join(m.LOGS, f'powercut-{number}.img')
        with open(kept_as, 'wb') as f:
            f.write(disk)
        print(f'cut {number} after event {event} of {len(recorder.events)}')
        raise
    subprocess.run(['rm', '-rf', folder], check=True)


@pytest.mark.parametrize('number', range(20))
def test_mix(machine, tmp_path, number, thorough):
    if number >= 2 and not thorough:
        pytest.skip('a sample of two runs; the others with --thorough')
    cuts = 50 if thorough else 30
    rng = random.Random(number)
    name = list(FORMATS)[number % len(FORMATS)]
    bus = ['modern', 'pci', 'mmio'][number % 3]  # not nvme: QEMU's forgets FUA
    slots = 3
    options, size = FORMATS[name]
    image = mkfs(str(tmp_path / 'image'), options, size)
    with open(image, 'rb') as f:
        recorder = Recorder(str(tmp_path / 'nbd'), {'disk': f.read(), 'reports': bytes(65536)})
    program, plan_of = build('ext4-fast'), planner(tmp_path)
    console, shell = boot(machine, recorder, bus, harts=rng.choice([1, 2, 4]))
    first = len(recorder.events)
    for slot in range(slots):
        shell.send(f'/usr/lib/creance/test/powercut run /m/s{slot} /dev/vdb {slot} {number} {COUNT} &\n')
    assert recorder.wait(first + rng.randrange(1500, 4000), m.limit_s(900))
    console.close()  # QEMU is killed
    assert 'powercut:' not in console.text, console.text[-500:]
    plans = [Plan(run(plan_of, 'plan', str(slot), str(number), str(COUNT)))
             for slot in range(slots)]
    events = len(recorder.events)

    def contents(done):
        def look(image, folder):
            tree = list_tree(program, image)
            for slot in range(slots):
                top = f's{slot}/'
                mine = {n[len(top):]: v for n, v in tree.items() if n.startswith(top)}
                if f's{slot}' in tree:
                    check_slot(plans[slot], slot, mine, os.path.join(folder, f's{slot}'),
                               done[slot])
                else:
                    assert not done[slot]
        return look

    promised = 0
    for i in range(cuts):
        event = events if i == 0 else rng.randrange(first, events + 1)
        done = reports(recorder, event, slots)
        promised = max(promised, sum(done))
        cut_and_check(recorder, tmp_path, program, event, rng, i, contents(done))
    recorder.close()
    print(f'{name} on {bus}: {events} events, {cuts} cuts, up to operation {promised}')
    assert promised > 100


# ---- A database -----------------------------------------------------------------------------

TRANSACTIONS = 400
SQLITE = os.path.join(m.BUILD, 'sqlite3/usr/bin/sqlite3')


def sql_script(mode: str) -> str:
    """EXTRA: FULL does not sync the directory after the journal was removed, which is the commit.
    Transaction i adds row i, changes row i/2, and now and then removes row i/3."""
    lines = [f'PRAGMA journal_mode={mode};', 'PRAGMA synchronous=EXTRA;',
             'PRAGMA wal_autocheckpoint=20;',
             'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INTEGER);', 'CREATE INDEX i ON t(c);']
    for i in range(1, TRANSACTIONS):
        lines += ['BEGIN;', f"INSERT INTO t VALUES({i}, hex(zeroblob({i * 37 % 1500})), 0);",
                  f'UPDATE t SET c={i} WHERE a={i // 2};']
        if i % 7 == 0:
            lines.append(f'DELETE FROM t WHERE a={i // 3};')
        lines += ['COMMIT;', f'.system /usr/lib/creance/test/powercut report /dev/vdb 0 {i}']
    return '\n'.join(lines) + '\n'


def rows_after(last: int) -> dict:
    rows = {}
    for i in range(1, last + 1):
        rows[i] = 0
        if i // 2 in rows:
            rows[i // 2] = i
        if i % 7 == 0:
            rows.pop(i // 3, None)
    return rows


def check_database(path: str, done: int) -> None:
    if not done and not os.path.exists(path):
        return
    with sqlite3.connect(path) as db:
        assert db.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name='i'").fetchall():
            assert not done
            return
        rows = dict(db.execute('SELECT a, c FROM t'))
    last = max(rows, default=0)
    assert done <= last <= done + 1, f'transaction {done} was reported, {last} is the last'
    assert rows == rows_after(last)


@pytest.mark.skipif(not os.path.exists(SQLITE), reason='scripts/fetch sqlite3')
@pytest.mark.parametrize('mode', ['wal', 'delete'])
def test_sqlite(machine, tmp_path, mode, thorough):
    """Debian's sqlite3: what was committed is there, and the database is whole."""
    rng = random.Random(mode)
    source = tmp_path / 'source'
    os.makedirs(source / 'd')
    with open(source / 'script', 'w') as f:
        f.write(sql_script(mode))
    run('cp', SQLITE, str(source / 'sqlite3'))
    image = mkfs(str(tmp_path / 'image'), '-t ext4 -b 4096 -J size=4', '16M', str(source))
    with open(image, 'rb') as f:
        recorder = Recorder(str(tmp_path / 'nbd'), {'disk': f.read(), 'reports': bytes(65536)})
    program = build('ext4-fast')
    console, shell = boot(machine, recorder, 'modern', harts=2)
    first = len(recorder.events)
    shell.send('/m/sqlite3 /m/d/db < /m/script\n')
    assert recorder.wait(first + rng.randrange(1500, 2500), m.limit_s(900))
    console.close()
    assert 'rror' not in console.text.split('ready')[-1], console.text[-500:]
    events = len(recorder.events)
    for i in range(100 if thorough else 15):
        event = events if i == 0 else rng.randrange(first, events + 1)
        done = reports(recorder, event, 1)[0]
        cut_and_check(recorder, tmp_path, program, event, rng, i,
                      lambda image, folder, done=done: check_database(f'{folder}/d/db', done))
    recorder.close()
    print(f'{mode}: {events} events, up to transaction {reports(recorder, events, 1)[0]}')
    assert reports(recorder, events, 1)[0] > 10
