# SPDX-License-Identifier: MIT
"""Disks: what is written is on them, what is on them is read, however they are attached.

The patterns are made on the host, so both sides can say what a sector must hold.
"""
import hashlib
import os
import struct
import subprocess
import uuid
import zlib

import pytest

import machine as m
import mkrootfs

SECTOR = 512
MIB = 1 << 20


def pattern(size: int, seed: int) -> bytes:
    """Bytes in which every sector differs from every other."""
    return b''.join(hashlib.sha512(struct.pack('<II', seed, i)).digest() * 8
                    for i in range(size // SECTOR))


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def contents(path: str) -> bytes:
    with open(path, 'rb') as f:
        return f.read()


@pytest.fixture
def disk(tmp_path):
    """disk(data) makes an image; returns its path."""
    made = []

    def make(data: bytes) -> str:
        path = str(tmp_path / f'disk{len(made)}.img')
        made.append(path)
        with open(path, 'wb') as f:
            f.write(data)
        return path
    return make


# ---- Bytes, on every way to a disk -----------------------------------------------

WAYS = {'mmio': 'vd?', 'modern': 'vd?', 'pci': 'vd?', 'nvme': 'nvme?n1'}


@pytest.mark.parametrize('harts', [1, 4])
@pytest.mark.parametrize('bus', WAYS)
def test_disk_holds_what_the_host_sees(machine, disk, bus, harts):
    """Read all of one disk; copy pieces of odd sizes to odd places of the other."""
    source = pattern(4 * MIB, 1)
    target = bytearray(pattern(4 * MIB, 2))
    paths = [disk(source), disk(bytes(target))]
    shell = machine(disk=','.join(paths), bus=bus, harts=harts).shell()
    names = sorted(shell.check(f'ls /dev/{WAYS[bus]}').split())
    sums = {shell.check(f'md5sum < {n}').split()[0]: n for n in names}
    a, b = sums[md5(source)], sums[md5(bytes(target))]
    for at, size in [(0, 512), (4096 * 3 + 100, 5000), (MIB - 1, 2), (2 * MIB, 300000)]:
        target[at:at + size] = source[at:at + size]
        shell.check(f'dd if={a} of={b} bs=64k count={size} skip={at} seek={at} conv=notrunc '
                    'iflag=skip_bytes,count_bytes oflag=seek_bytes status=none')
    shell.check('sync')
    assert contents(paths[1]) == bytes(target)
    shell.check('echo 3 > /proc/sys/vm/drop_caches')
    assert shell.check(f'md5sum < {b}').split()[0] == md5(bytes(target))
    assert contents(paths[0]) == source


def test_disk_past_the_cache(machine, disk):
    """O_DIRECT and the cache show the same bytes; an unaligned request is EINVAL."""
    data = bytearray(pattern(2 * MIB, 3))
    path = disk(bytes(data))
    shell = machine(disk=path).shell()
    assert shell.check('dd if=/dev/vda bs=128k iflag=direct status=none | md5sum').split()[0] \
        == md5(bytes(data))
    shell.check('cat /dev/vda > /dev/null')
    shell.check('dd if=/dev/vda of=/dev/vda bs=4k count=3 skip=5 seek=100 oflag=direct '
                'conv=notrunc status=none')
    data[100 * 4096:103 * 4096] = data[5 * 4096:8 * 4096]
    assert contents(path) == bytes(data)
    assert shell.check('md5sum < /dev/vda').split()[0] == md5(bytes(data))
    assert 'Invalid argument' in shell.run('/usr/bin/dd if=/dev/vda of=/dev/null bs=100 count=1 '
                                           'iflag=direct').output


def test_disk_ends_where_it_ends(machine, disk):
    path = disk(pattern(MIB, 4))
    shell = machine(disk=path).shell()
    out = shell.run('dd if=/dev/zero of=/dev/vda bs=64k').output
    assert 'No space left' in out and '16+0 records out' in out
    shell.check('sync')
    assert contents(path) == bytes(MIB)
    assert shell.check('/usr/sbin/blockdev --getsize64 --getss --getpbsz --getro /dev/vda').split() == \
        [str(MIB), '512', '512', '0']
    shell.check('blockdev --setro /dev/vda')
    assert shell.check('/usr/sbin/blockdev --getro /dev/vda') .strip() == '1'
    assert 'not permitted' in shell.run('dd if=/dev/zero of=/dev/vda count=1').output
    assert shell.check('cat /proc/partitions').split()[4:] == ['254', '0', '1024', 'vda']


def test_read_only_disk(machine, disk):
    path = disk(pattern(MIB, 5))
    os.chmod(path, 0o444)
    shell = machine(more=('-drive', f'file={path},format=raw,if=none,id=d,read-only=on',
                          '-device', 'virtio-blk-device,drive=d')).shell()
    assert shell.check('/usr/sbin/blockdev --getro /dev/vda').strip() == '1'
    assert 'not permitted' in shell.run('dd if=/dev/zero of=/dev/vda count=1').output


def test_memory_pressure_takes_pages_of_disks(machine, disk):
    """A disk larger than memory is read and written through the cache; nobody is killed."""
    path = disk(b'')
    os.truncate(path, 160 * MIB)
    shell = machine(disk=path, mem='96M', initrd=os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'build/rootfs.cpio')).shell()
    shell.check('dd if=/dev/vda of=/dev/null bs=1M', timeout=300)
    shell.check('tr "\\0" "x" < /dev/zero | dd of=/dev/vda bs=1M count=160 iflag=fullblock; sync',
                timeout=600)
    assert 'emory' not in shell.check('dmesg | grep -i kill; true')
    with open(path, 'rb') as f:
        while chunk := f.read(MIB):
            assert chunk == b'x' * len(chunk)


# ---- Partitions ------------------------------------------------------------------------

def crc(data: bytes) -> int:
    return zlib.crc32(data) & 0xffffffff


def gpt(size: int, parts: list) -> bytearray:
    """An image with a GPT: parts are (first sector, sectors, uuid, name)."""
    image = bytearray(size)
    last = size // SECTOR - 1
    image[446:462] = struct.pack('<8B2I', 0, 0, 2, 0, 0xee, 255, 255, 255, 1, last)
    image[510:512] = b'\x55\xaa'
    entries = b''.join(uuid.UUID(int=1).bytes_le + ident.bytes_le +
                       struct.pack('<QQQ', first, first + count - 1, 0) +
                       name.encode('utf-16-le').ljust(72, b'\0')
                       for first, count, ident, name in parts).ljust(128 * 128, b'\0')
    for at, other, table in [(1, last, 2), (last, 1, last - 32)]:
        header = struct.pack('<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, 0, 0, at, other, 34,
                             last - 33, uuid.UUID(int=5).bytes_le, table, 128, 128, crc(entries))
        header = header[:16] + struct.pack('<I', crc(header)) + header[20:]
        image[at * SECTOR:at * SECTOR + 92] = header
        image[table * SECTOR:table * SECTOR + len(entries)] = entries
    return image


IDS = [uuid.UUID('6c1d2f3a-0b4c-4d5e-8f60-718293a4b5c6'),
       uuid.UUID('0f0e0d0c-0b0a-4908-8706-050403020100')]


@pytest.mark.parametrize('damaged', ['nothing', 'first header', 'first entries'])
def test_gpt_partitions(machine, disk, damaged):
    image = gpt(4 * MIB, [(2048, 100, IDS[0], 'boot'), (3000, 2000, IDS[1], 'root')])
    image[2048 * SECTOR:2148 * SECTOR] = pattern(100 * SECTOR, 7)
    if damaged == 'first header':
        image[SECTOR + 40] ^= 1
    elif damaged == 'first entries':
        image[2 * SECTOR + 33] ^= 1
    path = disk(bytes(image))
    shell = machine(disk=path).shell()
    lines = [line.split() for line in shell.check('cat /proc/partitions').splitlines()[2:]]
    assert [(line[2], line[3]) for line in lines] == \
        [('4096', 'vda'), ('50', 'vda1'), ('1000', 'vda2')]
    assert shell.check('md5sum < /dev/vda1').split()[0] == md5(pattern(100 * SECTOR, 7))
    # Writes land behind the partition's start, and cannot leave it.
    shell.run('tr "\\0" "y" < /dev/zero | dd of=/dev/vda1 bs=4k; sync')
    image[2048 * SECTOR:2148 * SECTOR] = b'y' * (100 * SECTOR)
    assert contents(path) == bytes(image)


def test_mbr_partitions(machine, disk):
    """Two primary ones, and three logical ones in a chain."""
    image = bytearray(4 * MIB)

    def table(at: int, *entries: tuple) -> None:
        for i, (kind, start, count) in enumerate(entries):
            place = at * SECTOR + 446 + 16 * i
            image[place:place + 16] = struct.pack('<8B2I', 0, 0, 0, 0, kind, 0, 0, 0, start, count)
        image[at * SECTOR + 510:at * SECTOR + 512] = b'\x55\xaa'

    table(0, (0x83, 64, 128), (0x05, 1024, 4096), (0x0c, 6000, 1000))
    table(1024, (0x83, 2, 100), (0x05, 200, 300))
    table(1224, (0x83, 2, 200), (0x05, 600, 500))
    table(1624, (0x83, 2, 300))
    shell = machine(disk=disk(bytes(image))).shell()
    lines = [line.split() for line in shell.check('cat /proc/partitions').splitlines()[2:]]
    assert [(line[2], line[3]) for line in lines] == \
        [('4096', 'vda'), ('64', 'vda1'), ('500', 'vda3'), ('50', 'vda5'), ('100', 'vda6'),
         ('150', 'vda7')]


# ---- What a disk has done ------------------------------------------------------------------

# The columns of Linux's iostats.rst.
COLUMNS = [f'{op}_{what}' for op in ('read', 'write') for what in ('done', 'merged', 'sectors', 'ms')] + \
    ['in_flight', 'busy_ms', 'all_ms', 'discard_done', 'discard_merged', 'discard_sectors', 'discard_ms',
     'flush_done', 'flush_ms']


class Counted:
    """The changes in /proc/diskstats, as iostat shows them."""

    def __init__(self, shell) -> None:
        self.shell, self.before = shell, {}
        self.since()

    def since(self) -> dict:
        """{device: {column: what came since the last time}}; in_flight is now's."""
        now, out = {}, {}
        for line in self.shell.check("grep ' vda' /proc/diskstats").splitlines():
            name, *numbers = line.split()[2:]
            now[name] = dict(zip(COLUMNS, map(int, numbers), strict=True))
            before = self.before.get(name, {})
            out[name] = {c: n - before.get(c, 0) if c != 'in_flight' else n for c, n in now[name].items()}
        self.before = now
        return out


def test_what_a_disk_has_done(machine, lab, disk):
    """Counts and times of a disk that does no more than 100 operations a second, and of its partition."""
    path = disk(bytes(gpt(4 * MIB, [(2048, 4096, IDS[0], 'one')])))
    options = {}
    if lab.kernel == 'linux':
        mkrootfs.main(['linux'])
        options['initrd'] = os.path.join(m.BUILD, 'rootfs-linux.cpio')
    shell = machine(more=('-drive', f'file={path},format=raw,if=none,id=d,throttling.iops-total=100',
                          '-device', 'virtio-blk-device,drive=d'), **options).shell(600)
    if lab.kernel == 'linux':
        shell.check('sh /modules/load', 300)
    counted = Counted(shell)
    shell.check('dd if=/dev/vda1 of=/dev/null bs=4k count=60 iflag=direct status=none')
    seen = counted.since()
    for did in seen['vda'], seen['vda1']:
        assert (did['read_done'], did['read_merged'], did['read_sectors']) == (60, 0, 480)
        assert 400 < did['read_ms'] == did['all_ms']
        assert 400 < did['busy_ms'] <= did['read_ms'] * 1.2 + 100
        assert not any(did[c] for c in COLUMNS if 'write' in c or 'flush' in c or c == 'in_flight')
    # Two at a time: the disk is busy for as long as it takes, they for twice as long. If one of
    # them is late, because the host is, it is for itself in the end; not each time.
    for _ in range(10):
        seen = shell.check('for i in 0 60; do dd if=/dev/vda1 of=/dev/null bs=4k count=60 skip=$i iflag=direct '
                           'status=none & done; cd /sys/block/vda; i=0; '
                           'until grep "^ *[12] *0$" inflight || [ $i = 500 ]; do i=$((i + 1)); done; wait')
        did = counted.since()['vda']
        assert (did['read_done'], did['in_flight']) == (120, 0)
        assert did['all_ms'] == did['read_ms'] and did['busy_ms'] > 700
        if seen.strip() and did['read_ms'] > did['busy_ms'] * 1.4:
            break
    else:
        pytest.fail(f'the disk was busy for each of the two: {did}')
    shell.check('dd if=/dev/zero of=/dev/vda1 bs=4k count=16 conv=notrunc,fsync status=none')
    seen = counted.since()
    for did in seen['vda'], seen['vda1']:
        assert did['write_sectors'] == 128
        assert 1 <= did['write_done'] + did['write_merged'] <= 17
    assert seen['vda']['flush_done'] >= 1 and seen['vda1']['flush_done'] == 0
    shell.check('dd if=/dev/zero of=/dev/vda1 bs=4k count=60 conv=notrunc oflag=direct status=none')
    did = counted.since()['vda']
    assert did['write_done'] == 60 and did['write_ms'] > 400 and not did['read_ms']
    line = shell.check("cat /sys/block/vda/stat; grep ' vda ' /proc/diskstats").split()
    assert line[:17] == line[20:]


def test_merged_requests(machine, tmp_path, pytestconfig):
    """Neighbours of a FAT's table and directories go to the disk as one operation."""
    if pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('about what our kernel puts together')
    path = str(tmp_path / 'fat.img')
    subprocess.run(['mkfs.vfat', '-C', '-s', '1', path, '32768'], check=True, stdout=subprocess.DEVNULL)
    shell = machine(disk=path).shell()
    shell.check('mount -t vfat /dev/vda /mnt; sync')
    counted = Counted(shell)
    shell.check('for i in `seq 100`; do mkdir /mnt/$i; done; sync')
    did = counted.since()['vda']
    assert did['write_merged'] > 0
    assert did['write_done'] + did['write_merged'] <= did['write_sectors']


# ---- Files and memory as disks ------------------------------------------------------

def test_loop_device(machine):
    """A file, from an offset on, as a disk; what is written there is in the file."""
    shell = machine().shell()
    shell.check('dd if=/dev/urandom of=/tmp/img bs=1M count=2; losetup -o 4096 /dev/loop0 /tmp/img')
    assert '/dev/loop0: 4096 /tmp/img' in shell.check('losetup -a')
    assert shell.check('/usr/sbin/blockdev --getsize64 /dev/loop0').strip() == str(2 * MIB - 4096)
    tail = shell.check('tail -c +4097 /tmp/img | md5sum').split()[0]
    assert shell.check('md5sum < /dev/loop0').split()[0] == tail
    shell.check('dd if=/dev/zero of=/dev/loop0 bs=512 seek=3 count=5; sync')
    assert shell.check('dd if=/tmp/img bs=512 skip=11 count=5 status=none | md5sum').split()[0] == \
        md5(bytes(5 * SECTOR))
    assert shell.check('md5sum < /dev/loop0').split()[0] != tail
    shell.check('losetup -d /dev/loop0')
    assert shell.check('md5sum < /dev/loop0').split()[0] == md5(b'')
    # The next free one, as losetup -f asks for it; read-only stays so.
    shell.check('losetup -r -f /tmp/img')
    assert shell.run('dd if=/dev/zero of=/dev/loop0 count=1').status != 0


def test_ram_disk(machine):
    shell = machine(append='ramdisk=4M').shell()
    assert shell.check('md5sum < /dev/ram0').split()[0] == md5(bytes(4 * MIB))
    shell.check('dd if=/bin/busybox of=/dev/ram0 bs=1M count=1 conv=fsync; '
                'echo 3 > /proc/sys/vm/drop_caches')
    assert shell.check('head -c 1048576 /dev/ram0 | md5sum') == \
        shell.check('head -c 1048576 /bin/busybox | md5sum')
    shell.check('blkdiscard /dev/ram0')
    assert shell.check('md5sum < /dev/ram0').split()[0] == md5(bytes(4 * MIB))


# ---- Writing back ---------------------------------------------------------------------

def synced(before: bytes) -> bytes:
    """What usr/test/disk.c leaves on the disk."""
    data = bytearray(before)
    for i in range(0, 64, 2):
        data[i * 4096:(i + 1) * 4096] = b'a' * 4096
    for i in range(0, 64, 4):
        data[i * 4096 + 100:i * 4096 + 300] = b'b' * 200
    data[3 * 4096:4 * 4096] = b'c' * 4096
    for i in 100, 101:
        data[i * 4096 + 50:i * 4096 + 150] = b'd' * 100
    data[110 * 4096:111 * 4096] = b'e' * 4096
    return bytes(data)


@pytest.mark.parametrize('harts', [1, 4])
def test_what_was_synced_is_on_the_disk(machine, disk, harts):
    """The machine is pulled the plug right after: nothing else may have written it."""
    before = pattern(2 * MIB, 8)
    path = disk(before)
    shell = machine(disk=path, harts=harts).shell()
    out = shell.check('/usr/lib/creance/test/disk /dev/vda')
    assert 'PASSED' in out, out
    shell.console.process.kill()
    shell.console.process.wait()
    assert contents(path) == synced(before)


def test_errors_of_write_back_are_told_once(machine, disk, tmp_path):
    path = disk(pattern(4 * MIB, 9))
    rules = tmp_path / 'blkdebug.conf'
    rules.write_text('[inject-error]\nevent = "write_aio"\nerrno = "5"\nsector = "4096"\n')
    shell = machine(disk=f'blkdebug:{rules}:{path}').shell()
    out = shell.run(f'/usr/lib/creance/test/disk /dev/vda {2 * MIB}').output
    assert 'PASSED' in out, out


# ---- Errors -------------------------------------------------------------------------

def test_errors_of_the_disk_reach_the_program(machine, disk, tmp_path):
    """One sector cannot be read, one cannot be written: EIO there, once, and nowhere else."""
    path = disk(pattern(4 * MIB, 6))
    rules = tmp_path / 'blkdebug.conf'
    rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "2048"\n'
                     '[inject-error]\nevent = "write_aio"\nerrno = "5"\nsector = "4096"\n')
    shell = machine(disk=f'blkdebug:{rules}:{path}').shell()
    assert 'Input/output error' in shell.run('dd if=/dev/vda of=/dev/null bs=4k skip=256 '
                                             'count=1').output
    shell.check('dd if=/dev/vda of=/dev/null bs=4k skip=257 count=100')
    shell.check('dd if=/dev/vda of=/dev/null bs=4k count=200')
    # The write itself is only to memory; fsync tells.
    assert 'Input/output error' in shell.run('dd if=/dev/zero of=/dev/vda bs=4k seek=512 count=1 '
                                             'conv=notrunc,fsync').output
    shell.check('dd if=/dev/zero of=/dev/vda bs=4k seek=600 count=1 conv=notrunc,fsync')
