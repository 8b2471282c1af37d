# SPDX-License-Identifier: MIT
"""ext4: what mkfs and Linux made is read, what we write satisfies e2fsck.

Most of it runs on the host, with the kernel's code over an image in memory and
the sanitizers on (test/host/ext4); the machine's tests show that it is the same
behind a real block layer, with several harts.
"""
import fcntl
import os
import random
import re
import stat
import subprocess

import pytest

import machine as m

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = {
    'ext4-4k': '-t ext4 -b 4096', 'ext4-2k': '-t ext4 -b 2048', 'ext4-1k': '-t ext4 -b 1024',
    'ext4-no-csum': '-t ext4 -b 4096 -O ^metadata_csum,^64bit',
    'ext4-uninit': '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^flex_bg',
    'ext4-no-journal': '-t ext4 -b 4096 -O ^has_journal',
    'ext4-small-inodes': '-t ext4 -b 1024 -I 128',
    'ext4-meta-bg': '-t ext4 -b 1024 -O meta_bg,^resize_inode',
    'ext4-sparse2': '-t ext4 -b 4096 -O sparse_super2',
    'ext4-orphan-file': '-t ext4 -b 4096 -O orphan_file',
    'ext3': '-t ext3 -b 1024', 'ext3-4k': '-t ext3 -b 4096',
    'ext2': '-t ext2 -b 1024', 'ext2-4k': '-t ext2 -b 4096',
}


def build(name: str) -> str:
    os.makedirs(os.path.join(m.BUILD, 'host'), exist_ok=True)
    with open(os.path.join(m.BUILD, '.host.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(['make', '-s', '-j2', '-f', 'test/host/Makefile',
                               f'build/host/{name}'], cwd=m.TOP, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return os.path.join(m.BUILD, 'host', name)


@pytest.fixture(scope='session')
def program():
    """The kernel's ext4 as a program of the host, built once."""
    return build('ext4')


def run(*command, status=0, timeout=900, **options) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout * m.SCALE, **options)
    assert done.returncode == status, f'{" ".join(command)}\n{done.stdout[-3000:]}'
    return done.stdout


def mkfs(path: str, options: str, size: str = '24M', source: str = '') -> str:
    more = ['-d', source] if source else []
    run('mkfs.ext4', '-q', '-F', *options.split(), *more, path, size)
    return path


def check(path: str) -> None:
    run('e2fsck', '-fn', path)


# ---- Reading what mkfs has put in --------------------------------------------------

def fnv(data: bytes) -> int:
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 & (1 << 64) - 1
    return value


def make_tree(top: str) -> None:
    """A bit of everything."""
    os.makedirs(f'{top}/dir/sub')
    os.mkdir(f'{top}/many')
    files = {'empty': b'', 'small': b'hello\n', 'dir/x': bytes(range(256)) * 40,
             'big': os.urandom(150000), 'dir/sub/y': b'y' * 4096}
    for name, data in files.items():
        with open(f'{top}/{name}', 'wb') as f:
            f.write(data)
    with open(f'{top}/sparse', 'wb') as f:
        f.seek(100000)
        f.write(b'end')
    for i in range(400):
        with open(f'{top}/many/a-file-with-a-long-name-{i}', 'w') as f:
            f.write(str(i))
    os.symlink('small', f'{top}/link')
    os.symlink('x' * 200, f'{top}/long-link')
    os.link(f'{top}/small', f'{top}/dir/hard')
    os.mkfifo(f'{top}/fifo')


def expected_tree(top: str) -> list:
    lines = []
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            size, value, text = st.st_size, 0, ''
            if stat.S_ISREG(st.st_mode):
                with open(path, 'rb') as f:
                    value = fnv(f.read())
            elif stat.S_ISDIR(st.st_mode):
                size = 0
            elif stat.S_ISLNK(st.st_mode):
                text = ' -> ' + os.readlink(path)
            lines.append(f'{st.st_mode:06o} {st.st_nlink} {size} {value:016x} '
                         f'{path[len(top):]}{text}')
    return sorted(lines)


@pytest.fixture(scope='session')
def source(tmp_path_factory):
    top = str(tmp_path_factory.mktemp('source'))
    make_tree(top)
    return top


@pytest.mark.parametrize('name', FORMATS)
def test_host_reads_what_mkfs_wrote(program, tmp_path, source, name):
    image = mkfs(str(tmp_path / 'image'), FORMATS[name], source=source)
    found = []
    for line in run(program, 'tree', image).splitlines():
        mode, _, links, size, _, value, _, rest = line.split(' ', 7)
        if not rest.startswith('/lost+found'):
            found.append(f'{mode} {links} {size} {value} {rest}')
    assert sorted(found) == expected_tree(source)


# ---- Writing ------------------------------------------------------------------------

def script(name: str) -> str:
    with open(os.path.join(HERE, 'data/ext4/everything.txt')) as f:
        lines = f.read().splitlines()
    if name.startswith(('ext2', 'ext3')):  # no extents: nothing can be allocated in advance
        lines = [line.replace('falloc pre', 'falloc=95 pre') for line in lines
                 if not line.startswith('check pre') or line.endswith(' 7')]
    return '\n'.join(lines) + '\n'


@pytest.mark.parametrize('name', FORMATS)
def test_host_writes_what_e2fsck_likes(program, tmp_path, name):
    image = mkfs(str(tmp_path / 'image'), FORMATS[name])
    run(program, 'run', image, input=script(name))
    check(image)
    before = run(program, 'tree', image)
    run(program, 'run', image, input='sync\n')
    assert run(program, 'tree', image) == before
    check(image)


def test_host_runs_out_of_blocks_and_inodes(program, tmp_path):
    image = mkfs(str(tmp_path / 'image'), '-t ext4 -b 1024 -N 64', size='6M')
    names = [f'f{i}' for i in range(60)]
    run(program, 'run', image, input='\n'.join(
        ['write keep 0 100000 1', 'fsync keep', 'write=28 full 0 9000000 2', 'sync',
         'check keep 0 100000 1', 'unlink full', 'write again 0 1000000 3', 'sync',
         'check again 0 1000000 3', 'unlink again'] +
        [f'create{"" if i < 52 else "=28"} {n}' for i, n in enumerate(names)] +
        ['mkdir=28 d', 'unlink f0', 'mkdir d', 'check keep 0 100000 1', '']))
    check(image)


@pytest.mark.parametrize('feature,word', [('inline_data', 'inline_data'), ('encrypt', 'encrypt'),
                                          ('casefold', 'casefold'), ('ea_inode', 'ea_inode'),
                                          ('large_dir', 'large_dir'), ('mmp', 'mmp')])
def test_host_names_features_it_refuses(program, tmp_path, feature, word):
    image = mkfs(str(tmp_path / 'image'), f'-t ext4 -O {feature}')
    out = run(program, 'run', image, input='', status=1)
    assert 'mount: error 22' in out and f'"{word}" is not supported' in out


@pytest.mark.parametrize('feature', ['bigalloc', 'quota', 'project', 'verity'])
def test_host_reads_only_what_it_must_not_write(program, tmp_path, feature):
    image = mkfs(str(tmp_path / 'image'), f'-t ext4 -O {feature}')
    with open(image, 'rb') as f:
        before = f.read()
    out = run(program, 'run', image, input='create=30 x\n')
    assert f'"{feature}" is not supported: mounted read-only' in out
    with open(image, 'rb') as f:
        assert f.read() == before


@pytest.mark.parametrize('options', ['-t ext4 -J size=1', '-t ext4 -O ^metadata_csum -J size=1',
                                     '-t ext2'])
def test_host_survives_mutated_images(program, tmp_path, source, options, thorough):
    image = mkfs(str(tmp_path / 'image'), f'{options} -b 1024 -N 600', '4M', source)
    run(program, 'fuzz', image, '1', '70000' if thorough else '500', timeout=20000)


# ---- Crashes ------------------------------------------------------------------------

CRASH_FORMATS = {'ext4-1k': '-t ext4 -b 1024 -J size=1', 'ext3': '-t ext3 -b 1024 -J size=1',
                 'ext4-4k': '-t ext4 -b 4096 -J size=4',
                 'orphan-file': '-t ext4 -b 1024 -O orphan_file -J size=1'}
CRASH_SAMPLE = {'two': 1201, 'data': 1301, 'metadata': 2801, 'nested': 1301, 'moving': 1301, 'long': 50001}


def crash_image(folder, name: str) -> str:
    return mkfs(str(folder / 'image'), f'{CRASH_FORMATS[name]} -N 64',
                '9M' if '4k' in name else '3M')


@pytest.mark.parametrize('sequences', CRASH_SAMPLE)
@pytest.mark.parametrize('name', CRASH_FORMATS)
def test_host_survives_every_crash(program, tmp_path, name, sequences, thorough):
    """A sample with the sanitizers; all of them with --thorough, without."""
    every = CRASH_SAMPLE[sequences]
    if name != 'ext4-1k':
        every = every * 2 + 1
    if thorough:
        program, every = build('ext4-fast'), 500 if sequences == 'long' else 1
    out = run(program, 'crash', crash_image(tmp_path, name), str(tmp_path / 'state'), str(every),
              sequences, timeout=20000)
    assert ' 0 complaints' in out and ' 0 sequences' not in out
    print(out.splitlines()[-1])


def test_crashes_that_lose_flushes_are_noticed(program, tmp_path):
    """A test of the test: on a disk that ignores flushes something must be lost."""
    out = run(program, 'crash', crash_image(tmp_path, 'ext4-1k'), str(tmp_path / 'state'), '1201',
              'two', '1', 'no-flush', status=1)
    assert 'cannot be mounted' in out or 'never' in out


@pytest.mark.parametrize('name', ['ext4-1k', 'ext3', 'ext4-4k'])
def test_host_survives_faults(program, tmp_path, name, thorough):
    """The disk fails at every k-th request; it is full; it has no inode left."""
    out = run(program, 'faults', crash_image(tmp_path, name), str(tmp_path / 'state'),
              '60' if thorough else '1', timeout=20000)
    assert ' 0 complaints' in out
    assert int(re.search(r'(\d+) with faults', out).group(1)) > 300
    print(out.splitlines()[-1])


@pytest.mark.parametrize('options', ['-b 1024', '-b 4096', '-b 1024 -O ^metadata_csum'])
def test_host_lists_each_name_once(program, tmp_path, options, thorough):
    image = mkfs(str(tmp_path / 'image'), f'-t ext4 -N 6000 {options}')
    if 'csum' in options:
        run('tune2fs', '-E', 'hash_alg=tea', image)
    fast, rounds = (build('ext4-fast'), '300') if thorough else (program, '8')
    run(fast, 'listing', image, '1', rounds, timeout=1800)


# ---- In the machine ------------------------------------------------------------------

@pytest.mark.parametrize('name', ['ext4-4k', 'ext4-1k', 'ext3', 'ext2'])
def test_machine_reads_and_writes(machine, tmp_path, source, program, name):
    image = mkfs(str(tmp_path / 'image'), FORMATS[name], '64M', source)
    console = machine(disk=image, harts=4)
    shell = console.shell()
    kind = name.split('-')[0]
    shell.check(f'mkdir /m; mount -t {kind} /dev/vda /m')
    assert shell.check('cat /m/small; ls /m/many | wc -l').split() == ['hello', '400']
    big = shell.check('md5sum < /m/big')
    shell.check('cd /m && cp -r dir copy && mv big moved && ln moved copy/again && rm small && '
                'mkdir -p a/b/c && echo text > a/b/c/d && rm -r many && chmod 4755 moved; cd /')
    shell.check('mkdir /m/bin && cp /bin/busybox /m/bin; sync')
    shell.check(f'umount /m && mount -t {kind} /dev/vda /m')
    assert shell.check('md5sum < /m/copy/again') == big
    assert shell.check('cat /m/a/b/c/d; stat -c %a /m/moved').split() == ['text', '4755']
    assert shell.run('cmp /bin/busybox /m/bin/busybox').status == 0
    shell.check('umount /m')
    console.close()
    check(image)


def test_machine_writes_from_all_harts(machine, tmp_path):
    image = mkfs(str(tmp_path / 'image'), '-t ext4', '128M')
    console = machine(disk=image, harts=4)
    shell = console.shell()
    shell.check('mkdir /m; mount -t ext4 /dev/vda /m')
    shell.check('for j in 1 2 3 4; do (mkdir /m/$j; cp -r /bin /etc /m/$j; for i in 1 2 3 4 5 6; do '
                'dd if=/bin/busybox of=/m/$j.$i bs=50k count=$i 2>/dev/null; mv /m/$j.$i /m/$j.x; '
                'sync; rm /m/$j.x; done) & done; wait', timeout=300)
    shell.check('echo 3 > /proc/sys/vm/drop_caches')
    for j in '234':
        assert shell.run(f'diff -r /m/1/bin /m/{j}/bin 2>&1 | grep -v "No such"').output.strip() \
            == ''
    shell.check('rm -r /m/1 & rm -r /m/2 & wait; umount /m')
    console.close()
    check(image)


# ---- Broken images, in the machine ---------------------------------------------------

MUTANT = 4 << 20  # bytes
WRONG = [0, 1, 2, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
MUTANTS = {'csum': '-t ext4 -J size=1', 'no-csum': '-t ext4 -O ^metadata_csum -J size=1',
           'ext3': '-t ext3 -J size=1', 'ext2': '-t ext2'}


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some words of blocks that are not empty become wrong; often of the super block."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 2, 3, 5, 30])):
        block = 1
        while rng.random() < 0.85:
            block = rng.randrange(MUTANT // 1024)
            if any(data[block * 1024:block * 1024 + 1024]):
                break
        at = block * 1024 + 4 * rng.randrange(256 if block > 1 else 64)
        old = int.from_bytes(data[at:at + 4], 'little')
        new = rng.choice([rng.choice(WRONG), old ^ 1 << rng.randrange(32),
                          old + rng.randrange(-2, 3), rng.randrange(1 << 32)])
        data[at:at + 4] = (new & 0xffffffff).to_bytes(4, 'little')
    return bytes(data)


# What is done with each: all is read, things are made, moved and removed. A file may
# claim to be endless, a directory to be in itself.
ABUSE = r'''
abuse() {
    find /m -maxdepth 12 | head -n 2000 > /tmp/names
    while read -r n; do [ -f "$n" ] && head -c 200000 "$n"; [ -L "$n" ] && readlink "$n"
        ls -ld "$n"; done < /tmp/names
    mkdir /m/new; for i in 1 2 3 4 5 6 7 8; do cp /bin/busybox /m/new/$i; done
    mkdir /m/dir/new; mv /m/new/1 /m/dir/new/one; ln /m/new/2 /m/many/two; ln -s x /m/dir/sub/x
    for n in /m/small /m/big /m/sparse /m/dir/x; do
        truncate -s 3000 $n; echo more >> $n; dd if=/dev/zero of=$n bs=1k count=1 seek=60
        mv $n /m/dir/sub; done
    sync; echo 3 > /proc/sys/vm/drop_caches; ls -lR /m/many /m/dir | head -n 2000
    rm -f /m/many/*; rm -rf /m/new /m/dir; rm -f /m/*; sync
}
n=0; for i in $(seq 0 LAST); do
    losetup -o $((i * SIZE)) /dev/loop0 /dev/vda || echo no loop
    o=errors=remount-ro; [ $((i % 4)) = 3 ] && o=errors=continue
    if mount -t ext4 -o $o /dev/loop0 /m 2>/dev/null || mount -t ext2 -o $o /dev/loop0 /m 2>/dev/null
    then n=$((n + 1)); (abuse) > /dev/null 2>&1; umount /m || echo busy $i; fi
    losetup -d /dev/loop0
done; echo mounted $n
'''


@pytest.mark.parametrize('kind', MUTANTS)
def test_mutated_images_in_the_machine(machine, tmp_path, source, kind, thorough):
    """They are mounted, walked and changed: errors, but no crash and no hang."""
    count = 125 if thorough else 10
    rng = random.Random(f'{kind} {count}')
    image = mkfs(str(tmp_path / 'image'), f'{MUTANTS[kind]} -b 1024 -N 600', '4M', source)
    with open(image, 'rb') as f:
        data = f.read()
    assert len(data) == MUTANT
    with open(tmp_path / 'images', 'wb') as f:
        for _ in range(count):
            f.write(mutate(data, rng))
    shell = machine(disk=str(tmp_path / 'images')).shell()
    text = ABUSE.replace('LAST', str(count - 1)).replace('SIZE', str(MUTANT))
    shell.check('mkdir -p /m')
    out = shell.check(text, 60 + 8 * count)
    assert out.split()[:1] == ['mounted'] and int(out.split()[1]) > count // 4, out
    assert shell.ok()
    os.unlink(tmp_path / 'images')
