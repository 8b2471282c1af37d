# SPDX-License-Identifier: MIT
"""A disk that fails: the right error, and nothing is lost that was promised before.

QEMU's blkdebug counts the requests of a disk and lets one of them fail, or all from
then on. The mix of usr/test/powercut.c runs on it until the first error, which
must be EIO or EROFS; then it begins again beside what is there. When the disk
works again, its journal is replayed, e2fsck finds nothing, and what was done is
compared with the plan, as after a power cut (test_powercut.py): all that was
promised before the first error is there.

Many disks are in one machine, each fails at another request. In CI a few; each
kind of fault at every request there is with --thorough.
"""
import os
import re

import pytest

import machine as m
import mkrootfs
from test_ext4 import build, check, mkfs, run
from test_powercut import Plan, check_slot, list_tree, planner, read_out, replay

PROGRAM = '/usr/lib/creance/test/powercut'
COUNT, SLOTS = 60, 2
DISKS = 16  # in one machine

# What is counted, which requests fail then, once?
KINDS = {
    'write': ('write_aio', 'write', True),
    'read': ('read_aio', 'read', True),
    'flush': ('flush_to_disk', 'flush', True),
    'writes': ('write_aio', 'write', False),   # all from then on
    'disk': ('write_aio', '', False),          # and reads and flushes, too
}
FORMATS = {'ext4': '-t ext4 -b 4096 -J size=4', 'ext4-1k': '-t ext4 -b 1024 -J size=1',
           'ext3': '-t ext3 -b 1024 -J size=1'}
RIGHT = {'Input/output error', 'I/O error', 'Read-only file system'}


def rules(path: str, kind: str, k: int) -> None:
    """For blkdebug: the k-th request of a kind fails. Its states count them."""
    event, which, once = KINDS[kind]
    lines = []
    for state in range(1, k):
        lines.append(f'[set-state]\nevent = "{event}"\nstate = "{state}"\n'
                     f'new_state = "{state + 1}"')
    if k:
        lines.append(f'[inject-error]\nevent = "{event}"\nstate = "{k}"\nerrno = "5"\n'
                     f'once = "{"on" if once else "off"}"')
        if which:
            lines.append(f'iotype = "{which}"')
    with open(path, 'w') as f:
        f.write('\n'.join(lines) + '\n')


def script(kind: str, disk: str, options: str, seed: int) -> str:
    # The kernel's own messages would come in between.
    return (f'{{ if mount -t {kind} -o {options} /dev/{disk} /m || '
            f'mount -t {kind} -o {options} /dev/{disk} /m; then '
            f'{PROGRAM} run /m/s0 /tmp/reports 0 {seed} {COUNT}; '
            'echo 3 > /proc/sys/vm/drop_caches; find /m -type f -exec cat {} + > /dev/null; '
            f'{PROGRAM} run /m/s1 /tmp/reports 1 {seed} {COUNT}; umount /m; '
            f'mount -t {kind} -o {options} /dev/{disk} /m && find /m > /dev/null && umount /m; '
            'fi; } > /tmp/said 2>&1; cat /tmp/said')


def promised(plan: Plan, lines: list, slot: int) -> int:
    """The last operation before the first error that made a promise."""
    last = -1
    seen = [line for line in lines if line.startswith('powercut: ')]
    if slot < len(seen):
        found = re.match(r'powercut: operation (\d+)', seen[slot])
        last = int(found.group(1)) - 1 if found else COUNT
    return max((op for op in plan.promises if op <= last), default=0)


def note_errors(lines: list, seen: dict) -> None:
    for line in lines:
        if line == 'powercut: done':
            continue
        what = line.rsplit(': ', 1)[-1]
        assert what in RIGHT, line
        seen[what] = seen.get(what, 0) + 1


def check_disk(program, plans, image, folder, lines, number) -> None:
    replay(program, image, by_e2fsck=number % 2 == 1)
    read_out(image, folder)
    tree = list_tree(program, image)
    for slot in range(SLOTS):
        done = promised(plans[slot], lines, slot)
        top = f's{slot}/'
        mine = {n[len(top):]: v for n, v in tree.items() if n.startswith(top)}
        if f's{slot}' in tree:
            check_slot(plans[slot], slot, mine, os.path.join(folder, f's{slot}'), done)
        else:
            assert not done
    run('rm', '-rf', folder)


class Faults:
    """Disks that fail, DISKS in each machine."""

    def __init__(self, machine, tmp_path, name: str, kind: str, options: str) -> None:
        self.machine, self.tmp_path, self.options, self.kind = machine, tmp_path, options, kind
        self.fs = 'ext3' if name == 'ext3' else 'ext4'
        self.blank = mkfs(str(tmp_path / 'blank'), FORMATS[name], '12M')
        self.program = build('ext4-fast')
        self.plans = [Plan(run(planner(tmp_path), 'plan', str(slot), '7', str(COUNT)))
                      for slot in range(SLOTS)]
        self.errors, self.failed, self.tried = {}, 0, 0

    def run(self, ks: list, trouble_expected: bool = True) -> None:
        images, names = [], []
        for i, k in enumerate(ks):
            images.append(str(self.tmp_path / f'disk{i}'))
            run('cp', self.blank, images[-1])
            rules(str(self.tmp_path / f'rules{i}'), self.kind, k)
            names.append(f'blkdebug:{self.tmp_path}/rules{i}:{images[-1]}')
        console = self.machine(disk=','.join(names), bus='pci')
        shell = console.shell()
        shell.check('mkdir -p /m; : > /tmp/reports')
        for i, k in enumerate(ks):
            out = shell.run(script(self.fs, f'vd{chr(97 + i)}', self.options, 7), 120).output
            lines = [line for line in out.splitlines() if line]
            self.tried += 1
            self.failed += any(not line.startswith('powercut: done') for line in lines)
            note_errors(lines, self.errors)
            self.check(i, k, images[i], lines)
        self.stats = [line.split() for line in shell.check('cat /proc/diskstats').splitlines()]
        console.close()

    def check(self, i: int, k: int, image: str, lines: list) -> None:
        try:
            check_disk(self.program, self.plans, image, str(self.tmp_path / 'out'), lines, i)
        except AssertionError:
            print(f'request {k} of {self.kind}, {self.options}: {lines}')
            raise

    def num_requests(self) -> int:
        """On a disk that does not fail."""
        self.run([0])
        assert not self.errors, self.errors
        words = next(words for words in self.stats if words[2] == 'vda')
        return int(words[{'read': 3, 'flush': 18}.get(self.kind, 7)])


def first_sector(image: str, name: str, block: int) -> int:
    """Of a file's block, 4 KiB each."""
    out = run('debugfs', '-R', f'bmap {name} {block}', image)
    return int(out.splitlines()[-1]) * 8


@pytest.mark.parametrize('errors', ['remount-ro', 'continue'])
def test_errors_of_write_back_are_told_once(machine, lab, tmp_path, errors):
    """By fsync to each who has the file open, by syncfs to each who has any."""
    (tmp_path / 'source').mkdir()
    (tmp_path / 'source/file').write_bytes(b'x' * (2 << 20))
    image = mkfs(str(tmp_path / 'image'), FORMATS['ext4'], '16M', str(tmp_path / 'source'))
    at = first_sector(image, 'file', 300)
    (tmp_path / 'rules').write_text('[inject-error]\nevent = "write_aio"\niotype = "write"\n'
                                    f'errno = "5"\nsector = "{at}"\n')
    options = {}
    if lab.kernel == 'linux':
        mkrootfs.main(['linux'])
        options['initrd'] = os.path.join(m.BUILD, 'rootfs-linux.cpio')
    shell = machine(disk=f'blkdebug:{tmp_path}/rules:{image}', **options).shell(600)
    if lab.kernel == 'linux':
        shell.check('sh /modules/load', timeout=300)
    shell.check(f'mkdir -p /m; mount -t ext4 -o errors={errors} /dev/vda /m; echo kept > /m/kept; '
                'sync -d /m/kept')
    out = shell.run(f'/usr/lib/creance/test/disk /m/file {300 * 4096}').output
    assert 'PASSED' in out, out
    # No error of the file system itself: it can be written still.
    shell.check('echo more > /m/more; sync -d /m/more; umount /m')
    shell.check('mount -t ext4 /dev/vda /m')
    assert shell.check('cat /m/kept /m/more') == 'kept\nmore\n'
    shell.check('umount /m')
    shell.console.close()
    check(image)


@pytest.mark.parametrize('options', ['errors=remount-ro', 'errors=continue'])
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', FORMATS)
def test_every_request_fails(machine, tmp_path, name, kind, options, thorough):
    if not thorough and (name != 'ext4' or (kind != 'write' and 'continue' in options)):
        pytest.skip('a sample; all with --thorough')
    faults = Faults(machine, tmp_path, name, kind, options)
    if not thorough:
        faults.run([3, 10, 25, 60] + [61, 62, 63, 64] * ('continue' in options))
    else:
        most = faults.num_requests() * 11 // 10 + 1
        ks = list(range(1, most + 1))
        for at in range(0, most, DISKS):
            faults.run(ks[at:at + DISKS])
            if kind == 'flush' and not faults.failed:
                break
    print(f'{name}, {kind}, {options}: {faults.tried} trials, errors seen in {faults.failed}: '
          f'{faults.errors}')
    assert faults.failed


# ---- A disk that is full --------------------------------------------------------------

FULL = {
    # Takes all there is, and gives a little back.
    'blocks': ('for i in 1 2 3; do dd if=/dev/zero bs=4k 2>/dev/null >> /m/full; sync; done; '
               'truncate -s $(($(stat -c %s /m/full) - {left} * 4096)) /m/full; sync',
               'rm /m/full'),
    'inodes': ('mkdir /m/full; i=0; while touch /m/full/$i 2>/dev/null; do i=$((i + 1)); done; '
               'for j in $(seq {left}); do rm /m/full/$j; done',
               'rm -r /m/full'),
}


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.parametrize('what', FULL)
def test_full(machine, tmp_path, name, what, thorough):
    """ENOSPC, and nothing else: what was there stays, and all goes on when there is room."""
    if not thorough and name != 'ext4':
        pytest.skip('a sample; all with --thorough')
    fs = 'ext3' if name == 'ext3' else 'ext4'
    image, program = str(tmp_path / 'image'), build('ext4-fast')
    plans = [Plan(run(planner(tmp_path), 'plan', str(slot), '7', str(COUNT)))
             for slot in range(SLOTS)]
    lefts = range(0, 40) if thorough else (2, 9)
    names, images = [], []
    for left in lefts:
        images.append(f'{image}{left}')
        mkfs(images[-1], FORMATS[name] + ' -N 64', '12M')
    stopped = 0
    for at in range(0, len(images), DISKS):
        names = images[at:at + DISKS]
        console = machine(disk=','.join(names), bus='pci')
        shell = console.shell()
        shell.check('mkdir -p /m; : > /tmp/reports')
        said = []
        for i, left in enumerate(lefts[at:at + DISKS]):
            fill, free = FULL[what]
            said.append(shell.run(
                f'{{ mount -t {fs} /dev/vd{chr(97 + i)} /m; echo kept > /m/kept; '
                f'{fill.format(left=left)}; {PROGRAM} run /m/s0 /tmp/reports 0 7 {COUNT}; '
                f'{free}; sync; {PROGRAM} run /m/s1 /tmp/reports 1 7 {COUNT}; '
                '[ "$(cat /m/kept)" = kept ] || echo "lost"; umount /m; } > /tmp/said 2>&1; '
                'cat /tmp/said', 120).output.splitlines())
        console.close()
        for path, lines in zip(names, said):
            assert len(lines) == SLOTS and lines[1] == 'powercut: done', lines
            assert lines[0] == lines[1] or lines[0].endswith('No space left on device'), lines
            stopped += lines[0] != lines[1]
            check_disk(program, plans, path, str(tmp_path / 'out'), lines, 0)
    print(f'{name}, no {what}: {len(images)} disks, {stopped} times no room')
    assert stopped
