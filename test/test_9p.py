# SPDX-License-Identifier: MIT
"""9P: a folder of the host in the machine. Both sides must see the same, at once.

`folder` is on the host, /mnt/share in the machine, where /etc/rc mounts it.
"""
import hashlib
import os
import shutil

import pytest

import machine as m

MIB = 1 << 20
TEST = '/usr/lib/creance/test'


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'share'
    path.mkdir()
    return str(path)


@pytest.fixture
def boot(machine, folder):
    """boot(...): a shell in a machine that has `folder`, standing in it."""
    def start(**options):
        shell = machine(share=folder, **options).shell()
        shell.check('cd /mnt/share')
        return shell
    return start


def write(path: str, data) -> None:
    with open(path, 'wb') as f:
        f.write(data.encode() if isinstance(data, str) else data)


def read(path: str) -> bytes:
    with open(path, 'rb') as f:
        return f.read()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sums(shell, names: str) -> list:
    return [line.split()[0] for line in shell.check(f'sha256sum {names}', 300).splitlines()]


# ---- Both see the same -----------------------------------------------------------

@pytest.mark.parametrize('bus', ['mmio', 'modern', 'pci'])
def test_folder_is_mounted(boot, folder, bus):
    write(f'{folder}/hello', 'from the host\n')
    shell = boot(bus=bus)
    assert 'share on /mnt/share type 9p (rw,' in shell.check('mount')
    assert shell.check('cat hello') == 'from the host\n'
    shell.check('echo from the machine > answer')
    assert read(f'{folder}/answer') == b'from the machine\n'


def test_host_changes_are_seen(boot, folder):
    """Whatever was looked at before, and even while it is open."""
    shell = boot()
    write(f'{folder}/f', 'one')
    assert shell.check('cat f; stat -c %s f; ls') == 'one3\nf\n'
    write(f'{folder}/f', 'two, and longer')
    assert shell.check('cat f; stat -c %s f') == 'two, and longer15\n'
    write(f'{folder}/f', 'TWO, and longer')  # the same size
    assert shell.check('cat f') == 'TWO, and longer'
    write(f'{folder}/f', '3')
    assert shell.check('cat f; stat -c %s f') == '31\n'
    os.rename(f'{folder}/f', f'{folder}/g')
    assert shell.check('ls; cat g') == 'g\n3'
    assert 'No such file' in shell.run('cat f').output
    write(f'{folder}/f', 'another')
    os.rename(f'{folder}/f', f'{folder}/g')
    assert shell.check('ls; cat g') == 'g\nanother'
    os.unlink(f'{folder}/g')
    assert shell.check('ls') == ''
    os.makedirs(f'{folder}/d/e')
    write(f'{folder}/d/e/x', 'deep')
    assert shell.check('cat d/e/x') == 'deep'
    shutil.rmtree(f'{folder}/d')
    assert 'No such file' in shell.run('cat d/e/x').output
    write(f'{folder}/d', 'now a file')
    assert shell.check('cat d') == 'now a file'


def test_a_growing_file_is_followed(boot, folder):
    shell = boot()
    write(f'{folder}/log', 'line 1\n')
    shell.start('exec 5< log; cat <&5')
    shell.finish()
    with open(f'{folder}/log', 'a') as f:
        f.write('line 2\n')
    assert shell.check('cat <&5; exec 5<&-') == 'line 2\n'


def test_machine_changes_are_seen(boot, folder):
    shell = boot()
    shell.check('mkdir -p a/b; echo data > a/b/f; ln a/b/f a/hard; ln -s b/f a/soft')
    assert read(f'{folder}/a/b/f') == b'data\n'
    assert os.stat(f'{folder}/a/hard').st_ino == os.stat(f'{folder}/a/b/f').st_ino
    assert os.readlink(f'{folder}/a/soft') == 'b/f'
    assert shell.check('cat a/soft; stat -c %h a/hard') == 'data\n2\n'
    shell.check('chmod 640 a/b/f; touch -d "2001-02-03 04:05:06" a/b/f')
    st = os.stat(f'{folder}/a/b/f')
    assert (st.st_mode & 0o7777, st.st_mtime) == (0o640, 981173106)
    shell.check('echo more >> a/hard; truncate -s 6 a/hard')
    assert read(f'{folder}/a/b/f') == b'data\nm'
    assert shell.check('cat a/b/f') == 'data\nm'
    shell.check('truncate -s 10000 a/hard')
    assert read(f'{folder}/a/b/f') == b'data\nm' + bytes(9994)
    assert sums(shell, 'a/b/f') == [sha(b'data\nm' + bytes(9994))]
    shell.check('mv a/b/f a/g; mv a c')
    assert sorted(os.listdir(f'{folder}/c')) == ['b', 'g', 'hard', 'soft']
    shell.check('rm c/g c/soft; rmdir c/b; rm c/hard; rmdir c')
    assert os.listdir(folder) == []


def test_attributes_are_the_hosts(boot, folder):
    write(f'{folder}/f', 'x' * 5000)
    os.chmod(f'{folder}/f', 0o4751)
    os.utime(f'{folder}/f', (1000000000, 1100000000))
    os.symlink('target of the link', f'{folder}/l')
    os.mkdir(f'{folder}/d')
    shell = boot()
    got = shell.check('stat -c "%a %s %X %Y %h" f; readlink l; stat -c "%F" l d')
    assert got == ('4751 5000 1000000000 1100000000 1\ntarget of the link\n'
                   'symbolic link\ndirectory\n')
    host = os.statvfs(folder)
    size, blocks = shell.check('stat -f -c "%S %b" .').split()
    # QEMU counts in what it likes to move at a time.
    assert 0 <= host.f_frsize * host.f_blocks - int(size) * int(blocks) < int(size)


def test_large_directory(boot, folder):
    names = {f'name-{i:04}-' + 'x' * (i % 100) for i in range(1500)}
    for name in names:
        write(f'{folder}/{name}', '')
    shell = boot()
    assert set(shell.check('ls').split()) == names
    assert int(shell.check('rm name-*5*; ls | wc -l')) == \
        len(os.listdir(folder)) == sum('5' not in n[:9] for n in names)


# ---- Errors ------------------------------------------------------------------------

def test_errors(boot, folder):
    os.makedirs(f'{folder}/full/sub')
    write(f'{folder}/f', 'x')
    write(f'{folder}/secret', 'x')
    os.chmod(f'{folder}/secret', 0o600)
    os.mkdir(f'{folder}/closed', 0o755)
    shell = boot()

    def error(command: str) -> str:
        result = shell.run(command)
        assert result.status != 0, str(result)
        return result.output
    assert 'No such file' in error('cat none')
    assert 'No such file' in error('mkdir none/x')
    assert 'File exists' in error('mkdir full')
    assert 'File exists' in error('ln f secret')
    assert 'not empty' in error('rmdir full')
    assert 'Not a directory' in error('cat f/x')
    assert 'Is a directory' in error('/usr/bin/rm full')
    assert 'not empty' in error('mkdir e; /usr/bin/mv -T e full')
    assert 'too long' in error('cat ' + 'n' * 256)
    assert 'denied' in error('su user -c "cat secret"')
    assert 'denied' in error('su user -c "echo > closed/f"')
    assert 'denied' in error('su user -c "rm -f f"')
    assert 'No such file' in error('mount -t 9p -o trans=virtio nothing /mnt')
    assert 'busy' in error('mount -t 9p -o trans=virtio share /mnt')
    assert 'Invalid' in error('mount -t 9p -o trans=virtio,version=9p2000 share /mnt')
    assert 'Read-only' in error('mount -o remount,ro /mnt/share; echo > new')
    shell.check('mount -o remount,rw /mnt/share; echo > new')
    shell.check('cd /; umount /mnt/share; mount -t 9p -o trans=virtio,version=9p2000.L,msize=8192 '
                'share /mnt/share; cat /mnt/share/f')


# What the protocol has not, or QEMU does not do for a folder as it is: special files, exchanging
# names (and what the program would find after that), files without a name, holes, attributes
# without bytes; a removed directory cannot be opened again.
CANNOT = {
    'names': ['mkfifo', 'mknod', 'rename2("x", "y", (1 << 1))', 'rename2("x", "a", (1 << 1))',
              'NOREPLACE to a free name', 'rename replaces', 'a tree moves', 'has no name yet',
              'write(fd, "hello"', 'linkat', 'it can be opened', 'syscall(SYS_getdents64',
              'O_TMPFILE', 'exchange of'],
    'files': ['setxattr("x", "user.a", "", 0', 'fgetxattr(fd, "user.a", buf, 10) = 0',
              'removexattr("x", "user.a") = 0', 'lseek(fd, 0, SEEK_', 'fallocate',
              'a punched hole', "the child's claims"],
    'disk': [],
}


@pytest.mark.parametrize('program', CANNOT)
def test_abi_on_the_share(boot, program):
    shell = boot()
    result = shell.run(f'{TEST}/{program}', 180)
    lines = result.output.splitlines()
    wrong = [line for line in lines if line.startswith('not ok')
             and not line[len('not ok '):].startswith(tuple(CANNOT[program]))]
    assert not wrong, '\n'.join(wrong)
    assert result.status == (1 if CANNOT[program] else 0), result.output[-2000:]


# ---- Contents ------------------------------------------------------------------------

@pytest.mark.parametrize('harts', [1, 4])
def test_big_files(boot, folder, harts):
    """More than is cached at once, both ways; through msize-long and through odd pieces."""
    data = os.urandom(24 * MIB + 12345)
    write(f'{folder}/big', data)
    shell = boot(harts=harts, mem='64M', initrd=os.path.join(m.BUILD, 'rootfs.cpio'))
    assert sums(shell, 'big') == [sha(data)]
    shell.check('cp big copy; dd if=big of=odd bs=7777 status=none', 300)
    assert sha(read(f'{folder}/copy')) == sha(read(f'{folder}/odd')) == sha(data)
    shell.check('dd if=big of=copy bs=1000 skip=5 seek=77 count=99 conv=notrunc status=none')
    data = data[:77000] + data[5000:5000 + 99000] + data[77000 + 99000:]
    assert sums(shell, 'copy') == [sha(data)]
    assert sha(read(f'{folder}/copy')) == sha(data)


def test_programs_run_from_the_share(boot, folder):
    """A static one, and a dynamic one whose library is there as well."""
    shutil.copy(os.path.join(m.BUILD, 'usr/demo/hello'), folder)
    shell = boot()
    assert shell.check('./hello') == 'hello from user mode\n'
    shell.check('cp -L /bin/bash /lib/riscv64-linux-gnu/libc.so.6 '
                '$(ldd /bin/bash 2>/dev/null | grep -o "/[^ ]*" || '
                'ls /lib/riscv64-linux-gnu/libtinfo.so.6) . 2>/dev/null; ls')
    assert shell.check('LD_LIBRARY_PATH=/mnt/share ./bash -c "echo \\$((6 * 7))"') == '42\n'
    write(f'{folder}/script', '#!/bin/sh\necho script "$@"\n')
    os.chmod(f'{folder}/script', 0o755)
    assert shell.check('./script a b') == 'script a b\n'
    assert 'busy' in shell.run('cp hello h2; ./bash -c "exec 3>>./bash"').output


def test_concurrent_use(boot, folder):
    """Machine and host, several programs each, in one folder."""
    shell = boot(harts=4)
    shell.start('for i in 1 2 3 4 5 6; do ( for j in $(seq 40); do echo $i-$j > m$i; cat m$i h*; '
                'mv m$i n$i; mkdir d$i; rmdir d$i; rm n$i; done > /tmp/out$i; echo done-$i ) & done; '
                'wait; echo all-""done')
    for j in range(200):
        write(f'{folder}/h{j % 7}', f'{j}\n' * 100)
        os.rename(f'{folder}/h{j % 7}', f'{folder}/hh{j % 3}')
    shell.expect('all-done', 120)
    shell.finish()
    assert {n for n in os.listdir(folder) if n[0] != 'h'} == set()
    assert shell.check('grep -c -- - /tmp/out*').count(':40') == 6
