# SPDX-License-Identifier: MIT
"""Mounts of a disk that change: read-only and back, and the same one at two places.

What the disk says meanwhile is looked at from outside, with dumpe2fs and e2fsck.
"""
import subprocess

import pytest

from test_paths import boot

FORMATS = {'journal': '-t ext4', 'no-journal': '-t ext4 -O ^has_journal', 'ext2': '-t ext2 -b 1024'}


def make(image: str, options: str) -> str:
    subprocess.run(f'mkfs.ext4 -q -F {options} {image} 32M'.split(), check=True)
    return image


def header(image: str) -> str:
    """Of the super block: state and features, as lines."""
    out = subprocess.run(['dumpe2fs', '-h', image], check=True, capture_output=True, text=True)
    return out.stdout


def assert_as_unmounted(image: str) -> None:
    text = header(image)
    assert 'Filesystem state:         clean' in text
    assert 'needs_recovery' not in text
    done = subprocess.run(['e2fsck', '-fn', image], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def assert_in_use(image: str) -> None:
    text = header(image)
    assert 'needs_recovery' in text or 'not clean' in text


def fails(shell, command: str) -> str:
    result = shell.run(command)
    assert result.status != 0, f'{command} works'
    return result.output.lower()


def options_of(shell, where: str) -> list:
    return shell.check(f"grep ' {where} ' /proc/mounts").split()[3].split(',')


@pytest.mark.parametrize('name', FORMATS)
def test_read_only_and_back(machine, lab, tmp_path, name):
    image = make(str(tmp_path / 'image'), FORMATS[name])
    kind = 'ext2' if name == 'ext2' and lab.kernel != 'linux' else 'ext4'
    shell = boot(machine, lab, image)
    shell.check(f'mkdir -p /m; mount -t {kind} /dev/vda /m; echo old > /m/a; echo gone > /m/b')
    assert_in_use(image)
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
    assert_as_unmounted(image)
    for command in 'echo new > /m/a', 'rm /m/a', 'mkdir /m/d', 'chmod 600 /m/a', 'touch /m/a':
        assert 'read-only' in fails(shell, command), command
    assert shell.check('cat /m/a /m/c').split() == ['old', 'more']
    assert_as_unmounted(image)

    shell.check('mount -o remount,rw /m; echo new > /m/a; mkdir /m/d; sync')
    assert_in_use(image)
    shell.check('mount -o remount,ro /m; mount -o remount,rw /m; echo newer > /m/e; umount /m')
    assert_as_unmounted(image)
    shell.check(f'mount -t {kind} -o ro /dev/vda /m')
    assert shell.check('cat /m/a /m/e').split() == ['new', 'newer']
    # One that never was mounted for writing.
    shell.check('mount -o remount,rw /m; echo last > /m/f; umount /m')
    assert_as_unmounted(image)
    shell.check(f'mount -t {kind} /dev/vda /m; grep last /m/f; umount /m')


def test_one_disk_at_two_places(machine, lab, tmp_path):
    image = make(str(tmp_path / 'image'), '-t ext4')
    shell = boot(machine, lab, image)
    shell.check('mkdir -p /m /n; mount -t ext4 /dev/vda /m; mount -t ext4 /dev/vda /n')
    shell.check('echo one > /m/a; grep one /n/a; echo two > /n/a; grep two /m/a')
    assert 'busy' in fails(shell, 'mount -t ext4 /dev/vda /m')
    shell.check('mkdir -p /k')
    assert 'busy' in fails(shell, 'mount -t ext4 -o ro /dev/vda /k')
    shell.check('umount /m; echo three > /n/b')
    assert_in_use(image)
    shell.check('mount -o remount,ro /n; mount -t ext4 -o ro /dev/vda /k; grep three /k/b')
    assert 'busy' in fails(shell, 'mount -t ext4 /dev/vda /m')
    shell.check('umount /n; umount /k')
    assert_as_unmounted(image)
