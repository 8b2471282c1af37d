# SPDX-License-Identifier: MIT
"""Mounts of a disk that change: read-only and back, and the same one at two places.

What the disk says meanwhile is looked at from outside, with dumpe2fs, e2fsck and fsck.fat.
"""
import os
import subprocess

import pytest

from test_paths import boot

# In MiB, and the command.
FORMATS = {'journal': (32, 'mkfs.ext4 -q -F'), 'no-journal': (32, 'mkfs.ext4 -q -F -O ^has_journal'),
           'ext2': (32, 'mkfs.ext4 -q -F -t ext2 -b 1024'), 'fat12': (8, 'mkfs.vfat -F 12'),
           'fat16': (32, 'mkfs.vfat -F 16'), 'fat32': (40, 'mkfs.vfat -F 32 -s 1')}


def run(*command: str) -> str:
    env = {**os.environ, 'PATH': os.environ['PATH'] + ':/usr/sbin'}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f'{command}: {done.stdout}{done.stderr}'
    return done.stdout


class Disk:
    """An image of a format, looked at from outside."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.fat = path, name.startswith('fat')
        # Where a FAT's boot sector says that it is in use.
        self.state = 0x41 if name == 'fat32' else 0x25
        size, command = FORMATS[name]
        with open(path, 'wb') as f:
            f.truncate(size << 20)
        run(*command.split(), path)

    def is_marked(self) -> bool:
        if self.fat:
            with open(self.path, 'rb') as f:
                return bool(f.read(512)[self.state] & 1)
        text = run('dumpe2fs', '-h', self.path)
        return 'needs_recovery' in text or 'Filesystem state:         clean' not in text

    def assert_in_use(self) -> None:
        assert self.is_marked()

    def assert_as_unmounted(self) -> None:
        assert not self.is_marked()
        if self.fat:
            text = run('fsck.fat', '-nv', self.path)
            assert not any(word in text for word in ('differ', 'wrong', 'Dirty', 'Reclaim')), text
        else:
            run('e2fsck', '-fn', self.path)


def fails(shell, command: str) -> str:
    result = shell.run(command)
    assert result.status != 0, f'{command} works'
    return result.output.lower()


def options_of(shell, where: str) -> list:
    return shell.check(f"grep ' {where} ' /proc/mounts").split()[3].split(',')


@pytest.mark.parametrize('name', FORMATS)
def test_read_only_and_back(machine, lab, tmp_path, name):
    disk = Disk(str(tmp_path / 'image'), name)
    kind = 'vfat' if disk.fat else 'ext2' if name == 'ext2' and lab.kernel != 'linux' else 'ext4'
    shell = boot(machine, lab, disk.path)
    shell.check(f'mkdir -p /m; mount -t {kind} /dev/vda /m; echo old > /m/a; echo gone > /m/b')
    disk.assert_in_use()
    # Who could still write is in the way: a file open for writing, or one
    # without a name, which will be deleted.
    shell.check('exec 5> /m/c')
    assert 'busy' in fails(shell, 'mount -o remount,ro /m')
    shell.check('echo more >&5; exec 5>&-')
    shell.check('exec 5< /m/b; rm /m/b')
    assert 'busy' in fails(shell, 'mount -o remount,ro /m')
    shell.check('cat <&5 | grep gone; exec 5<&-')
    assert 'rw' in options_of(shell, '/m')

    shell.check('mount -o remount,ro /m')
    assert 'ro' in options_of(shell, '/m')
    disk.assert_as_unmounted()
    for command in 'echo new > /m/a', 'rm /m/a', 'mkdir /m/d', 'chmod 600 /m/a', 'touch /m/a':
        assert 'read-only' in fails(shell, command), command
    assert shell.check('cat /m/a /m/c').split() == ['old', 'more']
    disk.assert_as_unmounted()

    shell.check('mount -o remount,rw /m; echo new > /m/a; mkdir /m/d; sync')
    disk.assert_in_use()
    shell.check('mount -o remount,ro /m; mount -o remount,rw /m; echo newer > /m/e; umount /m')
    disk.assert_as_unmounted()
    shell.check(f'mount -t {kind} -o ro /dev/vda /m')
    assert shell.check('cat /m/a /m/e').split() == ['new', 'newer']
    # One that never was mounted for writing.
    shell.check('mount -o remount,rw /m; echo last > /m/f; umount /m')
    disk.assert_as_unmounted()
    shell.check(f'mount -t {kind} /dev/vda /m; grep last /m/f; umount /m')


def test_one_disk_at_two_places(machine, lab, tmp_path):
    disk = Disk(str(tmp_path / 'image'), 'journal')
    shell = boot(machine, lab, disk.path)
    shell.check('mkdir -p /m /n; mount -t ext4 /dev/vda /m; mount -t ext4 /dev/vda /n')
    shell.check('echo one > /m/a; grep one /n/a; echo two > /n/a; grep two /m/a')
    assert 'busy' in fails(shell, 'mount -t ext4 /dev/vda /m')
    shell.check('mkdir -p /k')
    assert 'busy' in fails(shell, 'mount -t ext4 -o ro /dev/vda /k')
    shell.check('umount /m; echo three > /n/b')
    disk.assert_in_use()
    shell.check('mount -o remount,ro /n; mount -t ext4 -o ro /dev/vda /k; grep three /k/b')
    assert 'busy' in fails(shell, 'mount -t ext4 /dev/vda /m')
    shell.check('umount /n; umount /k')
    disk.assert_as_unmounted()
