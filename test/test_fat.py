# SPDX-License-Identifier: MIT
"""FAT: what mkfs.vfat and mtools made is read, what we write satisfies fsck.fat."""
import hashlib
import os
import random
import re
import struct
import subprocess

import pytest

import machine as m

MIB = 1 << 20
# Bits: how large, what mkfs.vfat is told.
KINDS = {12: (2 * MIB, '-F 12'), 16: (24 * MIB, '-F 16 -s 4'), 32: (48 * MIB, '-F 32 -s 1')}
NAMES = ['README.TXT', 'lower.txt', 'Mixed Case.Name', 'a', 'no_extension', '.hidden',
         'two.dots.here', 'exactly8.abc', 'umläut-ß.txt', '日本語', 'x' * 200, 'tab[1]+2=3;4,5.c']


def run(*command, status=0, **options) -> str:
    env = {**os.environ, 'PATH': os.environ['PATH'] + ':/usr/sbin', 'MTOOLS_SKIP_CHECK': '1',
           'LC_ALL': 'C.UTF-8'}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=900 * m.SCALE, env=env, **options)
    assert done.returncode == status, f'{" ".join(command)}\n{done.stdout[-3000:]}'
    return done.stdout


def mkfs(path: str, bits: int) -> str:
    size, options = KINDS[bits]
    with open(path, 'wb') as f:
        f.truncate(size)
    run('mkfs.vfat', *options.split(), '-n', 'TESTDISK', path)
    return path


def fsck(path: str) -> None:
    """Nothing wrong; a difference of the boot sectors' dirty byte would be said, too."""
    out = run('fsck.fat', '-nv', path)
    for word in ('differ', 'wrong', 'Dirty', 'Reclaim', 'Orphan', 'runcat'):
        assert word not in out, out


def make_tree(top: str, seed: int) -> None:
    rng = random.Random(seed)
    os.makedirs(f'{top}/dir/sub dir')
    for i, name in enumerate(NAMES):
        for folder in ('', 'dir/', 'dir/sub dir/'):
            with open(f'{top}/{folder}{name}', 'wb') as f:
                f.write(rng.randbytes([0, 1, 511, 512, 513, 5000, 40000][i % 7]))
    os.mkdir(f'{top}/many')
    for i in range(120):
        with open(f'{top}/many/file with number {i}', 'wb') as f:
            f.write(b'%d' % i)


def fill(image: str, top: str) -> None:
    run('mcopy', '-s', '-i', image, *(f'{top}/{n}' for n in sorted(os.listdir(top))), '::/')


def extract(image: str, to: str) -> None:
    os.mkdir(to)
    run('mcopy', '-s', '-n', '-m', '-i', image, '::/*', to)


def host_sums(top: str) -> dict:
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as f:
                found[os.path.relpath(path, top)] = hashlib.md5(f.read()).hexdigest()
    return found


def sums(shell, top: str) -> dict:
    shell.check(f'cd {top} && find . -type f -print0 | xargs -0 md5sum > /tmp/sums', 300)
    pairs = (line.split('  ./', 1) for line in shell.read('/tmp/sums').decode().splitlines())
    return {name: value for value, name in pairs}


@pytest.mark.parametrize('bits', KINDS)
def test_written_elsewhere(machine, tmp_path, bits):
    """mtools writes, we read: names, contents, in any case of letters; nothing changes."""
    make_tree(str(tmp_path / 'tree'), bits)
    image = mkfs(str(tmp_path / 'fat.img'), bits)
    fill(image, str(tmp_path / 'tree'))
    with open(image, 'rb') as f:
        before = f.read()
    shell = machine(disk=image).shell()
    shell.check('mount -o ro /dev/vda /mnt')  # which type: it finds out
    assert '/dev/vda on /mnt type vfat (ro,' in shell.check('mount')
    assert sums(shell, '/mnt') == host_sums(str(tmp_path / 'tree'))
    assert shell.check('cat "/mnt/MANY/FILE WITH number 77"') == '77'
    assert shell.check('cat /mnt/dir/no_ext~1 /mnt/dir/lower.TXT | wc -c').strip() == '514'
    assert 'No such file' in shell.run('cat /mnt/none').output
    shell.check('cd /; umount /mnt')
    with open(image, 'rb') as f:
        assert f.read() == before


@pytest.mark.parametrize('bits', KINDS)
def test_written_here(machine, tmp_path, bits):
    """We write, mtools reads, fsck.fat finds nothing."""
    make_tree(str(tmp_path / 'tree'), bits + 1)
    image = mkfs(str(tmp_path / 'fat.img'), bits)
    shell = machine(disk=image, share=str(tmp_path)).shell()
    shell.check('mkdir /tmp/m; mount -t vfat /dev/vda /tmp/m; cp -r /mnt/share/tree/. /tmp/m; '
                'umount /tmp/m; mount /dev/vda /tmp/m', 120)
    assert sums(shell, '/tmp/m') == host_sums(str(tmp_path / 'tree'))
    free = int(shell.check('stat -f -c %f /tmp/m'))
    shell.check('cd /tmp/m; mkdir x; dd if=/dev/urandom of=x/big bs=1000 count=300 status=none; '
                'mv x/big dir; mv dir moved; rm -r many; truncate -s 100 moved/big; '
                'mv moved/a moved/b; mv moved/b README.TXT; echo more >> lower.txt; '
                'truncate -s 30000 a; dd if=/dev/zero of=sparse bs=1 seek=70000 count=1 status=none; '
                'mv "Mixed Case.Name" other; rm .hidden; mkdir x/y; mv x/y .; rmdir x; sync')
    ours = sums(shell, '/tmp/m')
    assert int(shell.check('stat -f -c %f /tmp/m')) > free - 200
    shell.check('cd /; umount /tmp/m')
    fsck(image)
    extract(image, str(tmp_path / 'back'))
    assert host_sums(str(tmp_path / 'back')) == ours
    assert os.path.isdir(tmp_path / 'back/y') and not os.path.exists(tmp_path / 'back/x')


def test_attributes_and_errors(machine, tmp_path):
    image = mkfs(str(tmp_path / 'fat.img'), 32)
    shell = machine(disk=image).shell()

    def error(command: str) -> str:
        result = shell.run(command)
        assert result.status != 0, str(result)
        return result.output
    shell.check('mount -t vfat -o uid=5,gid=6,fmask=133,dmask=022 /dev/vda /mnt; cd /mnt; '
                'echo x > f; mkdir d')
    assert shell.check('stat -c "%a %u %g" f d') == '644 5 6\n755 5 6\n'
    shell.check('chmod 444 f; touch -d "2001-02-03 04:05:06" f')
    assert shell.check('stat -c "%a %Y" f') == '444 981173106\n'
    assert 'not permitted' in error('ln f g')
    assert 'not permitted' in error('ln -s f g')
    assert 'not permitted' in error('mkfifo p')
    assert 'not permitted' in error('chown 0 f')
    assert 'Invalid' in error('echo > "a:b"')
    assert 'Invalid' in error('echo > "a?"')
    assert 'File exists' in error('mkdir F')
    assert 'not empty' in error('touch d/x; rmdir d')
    assert 'too long' in error('echo > ' + 'n' * 256)
    assert 'too large' in error('truncate -s 4294967296 big')
    assert 'No space' in error('dd if=/dev/zero of=big bs=64k')
    shell.check('rm big; echo still works > g; cd /; umount /mnt; mount /dev/vda /mnt; cd /mnt')
    assert shell.check('stat -c "%a %Y" f; cat G') == '555 981173106\nstill works\n'
    shell.check('cd /; umount /mnt')
    fsck(image)
    assert 'Invalid' in error('mount -t vfat -o wrong=1 /dev/vda /mnt')
    shell.check('dd if=/dev/zero of=/dev/vda count=1 status=none')
    assert 'Invalid' in error('mount -t vfat /dev/vda /mnt')


def test_volume_is_marked_while_in_use(machine, tmp_path):
    """A machine that is cut off leaves the mark, and at worst lost clusters."""
    image = mkfs(str(tmp_path / 'fat.img'), 32)
    console = machine(disk=image)
    shell = console.shell()
    shell.check('mount /dev/vda /mnt; cd /mnt; mkdir d; echo safe > d/f; sync; '
                'for i in $(seq 200); do echo $i > "new file $i"; done; rm d/f; mv d e')
    console.close()
    with open(image, 'rb') as f:
        assert f.read(512)[65] & 1
    out = run('fsck.fat', '-nv', image, status=1)
    for line in out.splitlines():
        assert not any(w in line for w in ('share clusters', 'luster chain', 'Contains a', 'Bad',
                                           'FATs differ', 'File size', 'Start')), out


# ---- Corrupt images ----------------------------------------------------------------

def test_corrupt_images_are_errors(machine, tmp_path):
    """Loops, chains into free or bad clusters or out of the volume: EIO, and no hang."""
    image = mkfs(str(tmp_path / 'fat.img'), 16)
    top = tmp_path / 'tree'
    (top / 'dir').mkdir(parents=True)
    for i in range(5):
        (top / f'F{i}').write_bytes(bytes([i]) * 20000)
    (top / 'dir' / 'inner').mkdir()
    fill(image, str(top))
    with open(image, 'r+b') as f:
        boot = f.read(512)
        reserved, fats, root = struct.unpack_from('<HBH', boot, 14)
        length = struct.unpack_from('<H', boot, 22)[0]
        table = reserved * 512
        root_at = table + fats * length * 512
        f.seek(root_at)
        entries = f.read(root * 32)
        starts = {entries[i:i + 11]: (i, struct.unpack_from('<H', entries, i + 26)[0])
                  for i in range(0, len(entries), 32) if entries[i + 11] != 15}

        def put(cluster: int, value: int) -> None:
            for copy in range(fats):
                f.seek(table + copy * length * 512 + cluster * 2)
                f.write(struct.pack('<H', value))
        first = [starts[b'F%d         ' % i][1] for i in range(5)]
        put(first[0], first[0])       # a loop
        put(first[1], 0)              # into nothing
        put(first[2], 0xfff7)         # bad
        put(first[3], 0xeff0)         # outside
        at, start = starts[b'DIR        ']
        spc = boot[13]
        inside = root_at + root * 32 + (start - 2) * spc * 512
        f.seek(inside + 64)
        entry = f.read(32)
        assert entry[:5] == b'INNER'
        f.seek(inside + 64 + 26)
        f.write(struct.pack('<H', start))  # inner is dir itself
    shell = machine(disk=image).shell()
    shell.check('mount -o ro /dev/vda /mnt')
    for name in ('f0', 'f1', 'f2', 'f3'):
        result = shell.run(f'cat /mnt/{name} | wc -c; /usr/bin/cat /mnt/{name} > /dev/null')
        # A loop is as long as its size says; the others break.
        assert (result.status == 0) == (name == 'f0'), str(result)
    assert shell.check('md5sum < /mnt/f4').split()[0] == hashlib.md5(b'\4' * 20000).hexdigest()
    assert 'error' in shell.run('ls /mnt/dir/inner; find /mnt').output
    shell.check('umount /mnt')
    shell.check('mount /dev/vda /mnt; rm -f /mnt/f0; sync; ls /mnt; umount /mnt; true')
    assert shell.ok()


def mutate(data: bytes, rng: random.Random, used: list) -> bytes:
    """A few bytes that matter: near where something is, and often in the boot sector."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(90) if rng.random() < 0.2 else rng.choice(used) + rng.randrange(4)
        value = rng.choice([0, 1, 0xff, 0xf7, 0xe5, 0x80, rng.randrange(256)])
        data[min(at, len(data) - 1)] = value
    return bytes(data)


@pytest.mark.parametrize('bits,count', [(12, 3000), (16, 2000), (32, 60)])
def test_mutated_images_on_the_host(host, tmp_path, bits, count):
    """The kernel's code over an array, with sanitizers: mount, walk, change, unmount. On demand
    more: build/host/fat IMAGE SEED 100000."""
    path = str(tmp_path / 'fat.img')
    with open(path, 'wb') as f:
        f.truncate({12: 200, 16: 2600, 32: 34000}[bits] * 1024)
    run('mkfs.vfat', '-F', str(bits), '-s', '1', path)
    (tmp_path / 'tree/d/e/f').mkdir(parents=True)
    for i, name in enumerate(NAMES[:8]):
        (tmp_path / 'tree' / name).write_bytes(b'x' * 700 * i)
    (tmp_path / 'tree/d/e/some long name of a file').write_bytes(b'x' * 3000)
    fill(path, str(tmp_path / 'tree'))
    out = run(os.path.join(host, 'fat'), path, '1', str(count))
    assert out.startswith(f'{count} images, ')


def test_mutated_images_in_the_machine(machine, tmp_path):
    """100 of them are mounted, walked, read, written to: errors, but no crash and no hang."""
    share = tmp_path / 'share'
    share.mkdir()
    (tmp_path / 'tree').mkdir()
    for i, name in enumerate(NAMES[:8]):
        (tmp_path / 'tree' / name).write_bytes(b'x' * 700 * i)
    (tmp_path / 'tree/d/e/f').mkdir(parents=True)
    (tmp_path / 'tree/d/e/some long name of a file').write_bytes(b'y' * 3000)
    originals = []
    for bits in KINDS:
        path = str(tmp_path / f'fat{bits}')
        with open(path, 'wb') as f:
            f.truncate({12: 200, 16: 2600, 32: 34000}[bits] * 1024)
        run('mkfs.vfat', '-F', str(bits), '-s', '1', path)
        fill(path, str(tmp_path / 'tree'))
        with open(path, 'rb') as f:
            data = f.read()
        # Metadata: what is not zero, but for the files' own bytes.
        used = [found.start() for found in re.finditer(b'[^\0xy]', data)]
        originals.append((data, used))
    rng = random.Random(1)
    for i in range(100):
        (share / f'{i}.img').write_bytes(mutate(originals[i % 3][0], rng, originals[i % 3][1]))
    shell = machine(share=str(share), harts=2).shell()
    out = shell.check(
        'mkdir -p /tmp/d; n=0; for i in $(seq 0 99); do '
        'if mount -t vfat -o loop /mnt/share/$i.img /tmp/d 2>/dev/null; then n=$((n+1)); '
        'find /tmp/d -type f -exec cat {} + > /dev/null 2>&1; ls -lR /tmp/d > /dev/null 2>&1; '
        '{ mkdir /tmp/d/new; echo data > /tmp/d/new/f; cp /tmp/d/new/f "/tmp/d/d/another name"; '
        'mv /tmp/d/d /tmp/d/new/d; rm -rf /tmp/d/new; rm -rf /tmp/d/*; sync; } > /dev/null 2>&1; '
        'umount /tmp/d || echo busy $i; fi; done; echo mounted $n', 400)
    assert 'busy' not in out
    assert int(out.split()[-1]) > 40
    assert shell.ok()
