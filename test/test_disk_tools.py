# SPDX-License-Identifier: MIT
"""Disks as util-linux sees them: lsblk, blkid, fdisk, sfdisk, losetup and partx, from Debian.

What is not in the machine's file system is there through the share, where its libraries are, too.
"""
import os
import re
import shutil
import subprocess

import pytest

import machine as m

TOOLS = os.path.join(m.BUILD, 'disk-tools')
MIB = 1 << 20

pytestmark = pytest.mark.skipif(not os.path.isdir(TOOLS), reason='scripts/fetch disk-tools')


@pytest.fixture
def tools(machine, tmp_path):
    """tools(disk...): a shell where the tools' names mean Debian's."""
    share = tmp_path / 'share'
    shutil.copytree(TOOLS, share, symlinks=True)

    def boot(**options):
        shell = machine(share=str(share), **options).shell()
        shell.check('export LD_LIBRARY_PATH=/mnt/share/usr/lib/riscv64-linux-gnu; '
                    'for t in sfdisk fdisk losetup mount umount; do '
                    'p=$(ls /mnt/share/usr/*bin/$t); alias $t=$p; done; '
                    'alias lsblk=/usr/bin/lsblk blkid=/usr/sbin/blkid findmnt=/usr/bin/findmnt')
        return shell
    return boot


@pytest.fixture
def disk(tmp_path):
    path = str(tmp_path / 'disk.img')
    with open(path, 'wb') as f:
        f.truncate(64 * MIB)
    return path


def words(text: str) -> list:
    return [line.split() for line in text.splitlines()]


# Where no udevd runs its library finds every disk, and nothing on any: so on Linux, too.
PROBE = '--properties-by blkid'
GPT = ('label: gpt\\nlabel-id: 8A5FC633-AF12-4000-803B-A267533490A8\\n'
       'size=36M, type=uefi, name=boot, uuid=FAC6A213-9D43-4749-A441-8E76272AF5AC\\n'
       'size=20M, uuid=8B3163BF-6832-42BF-8413-C66864C1A66B\\n')


@pytest.mark.parametrize('bus,name', [('mmio', 'vda'), ('nvme', 'nvme0n1')])
def test_partition_and_list(tools, disk, bus, name):
    """sfdisk writes a table, the kernel reads it again; all tools see the same."""
    shell = tools(disk=disk, bus=bus)
    p = name + ('p' if bus == 'nvme' else '')
    assert words(shell.check('lsblk -nro NAME,RM,SIZE,RO,TYPE')) == [[name, '0', '64M', '0', 'disk']]
    out = shell.check(f"printf '{GPT}' | sfdisk /dev/{name}")
    assert 'no-one is using this disk right now ... OK' in out and 'Syncing disks' in out
    assert words(shell.check('lsblk -nro NAME,RM,SIZE,RO,TYPE,PKNAME,LOG-SEC,ROTA')) == [
        [name, '0', '64M', '0', 'disk', '512', '0'],
        [p + '1', '0', '36M', '0', 'part', name, '512', '0'],
        [p + '2', '0', '20M', '0', 'part', name, '512', '0']]
    assert words(shell.check(f'lsblk {PROBE} -nro NAME,PARTLABEL,PARTUUID '
                             f'/dev/{name}'))[1:] == [
        [p + '1', 'boot', 'fac6a213-9d43-4749-a441-8e76272af5ac'],
        [p + '2', '8b3163bf-6832-42bf-8413-c66864c1a66b']]
    out = shell.check(f'fdisk -l /dev/{name}')
    assert f'Disk /dev/{name}: 64 MiB, 67108864 bytes, 131072 sectors' in out
    assert re.search(rf'^/dev/{p}1 +2048 +75775 +73728 +36M EFI System$', out, re.M)
    assert [line[2:] for line in words(shell.check('cat /proc/partitions'))[2:]] == [
        ['65536', name], ['36864', p + '1'], ['20480', p + '2']]
    sys = f'/sys/class/block/{p}2'
    assert shell.check(f'cd {sys}; cat partition start size ro dev ../queue/logical_block_size; '
                       f'readlink {sys} /sys/block/{name}; cat uevent').splitlines()[:6] == [
        '2', '75776', '40960', '0', shell.check(f'cat {sys}/dev').strip(), '512']
    assert shell.check(f'readlink -f /sys/dev/block/$(cat {sys}/dev)').strip() == \
        f'/sys/devices/virtual/block/{name}/{p}2'
    assert f'DEVNAME={p}2\nDEVTYPE=partition\nPARTN=2\n' in shell.check(f'cat {sys}/uevent')


def test_file_systems_and_mounts(tools, disk, tmp_path):
    """lsblk -f, blkid and findmnt tell what is on the partitions and where it is mounted."""
    env = {**os.environ, 'PATH': os.environ['PATH'] + ':/usr/sbin'}
    for command in (['mkfs.vfat', '-i', 'CAFE1234', '-n', 'BOOTFS', '-C', 'share/fat', '35000'],
                    ['mkfs.ext4', '-q', '-L', 'rootfs', '-U',
                     '11111111-2222-3333-4444-555555555555', 'share/ext4', '18M']):
        subprocess.run(command, cwd=tmp_path, env=env, check=True, stdout=subprocess.DEVNULL)
    shell = tools(disk=disk)
    shell.check(f"printf '{GPT}' | sfdisk -q /dev/vda; cat /mnt/share/fat > /dev/vda1; "
                'cat /mnt/share/ext4 > /dev/vda2; sync; mkdir -p /tmp/a /tmp/b')
    assert words(shell.check(f'lsblk {PROBE} -nro NAME,FSTYPE,LABEL,UUID')) == [
        ['vda'], ['vda1', 'vfat', 'BOOTFS', 'CAFE-1234'],
        ['vda2', 'ext4', 'rootfs', '11111111-2222-3333-4444-555555555555']]
    out = shell.check('blkid')
    assert re.search(r'^/dev/vda1: .*LABEL="BOOTFS".* UUID="CAFE-1234".* TYPE="vfat"', out, re.M)
    assert re.search(r'^/dev/vda2: LABEL="rootfs" UUID="11111111-.* TYPE="ext4"', out, re.M)
    shell.check('mount /dev/vda1 /tmp/a; mount LABEL=rootfs /tmp/b')
    assert words(shell.check(f'lsblk {PROBE} -nro NAME,FSTYPE,MOUNTPOINT'))[1:] == [
        ['vda1', 'vfat', '/tmp/a'], ['vda2', 'ext4', '/tmp/b']]
    assert words(shell.check('findmnt -nro SOURCE,TARGET,FSTYPE -t vfat,ext4')) == [
        ['/dev/vda1', '/tmp/a', 'vfat'], ['/dev/vda2', '/tmp/b', 'ext4']]
    assert 'FAILED' in shell.run(f"printf '{GPT}' | sfdisk /dev/vda").output  # in use
    shell.check('umount /tmp/a /tmp/b')
    assert int(shell.check("grep ' vda1 ' /proc/diskstats").split()[3]) > 0
    assert int(shell.check('cat /sys/block/vda/stat').split()[4]) > 0


def test_loop_devices_with_partitions(tools):
    shell = tools()
    shell.check("dd if=/dev/zero of=/tmp/img bs=1M count=16 status=none; "
                "printf 'label: dos\\nlabel-id: 0x1234abcd\\nsize=4M\\nsize=5M, bootable\\n' | "
                'sfdisk -q /tmp/img')
    assert shell.check('losetup -Pf --show /tmp/img') == '/dev/loop0\n'
    assert re.fullmatch(r'/dev/loop0: \[\d+\]:\d+ \(/tmp/img\)\n', shell.check('losetup -a'))
    assert words(shell.check('losetup -nO NAME,SIZELIMIT,OFFSET,RO,BACK-FILE')) == [
        ['/dev/loop0', '0', '0', '0', '/tmp/img']]
    assert words(shell.check('lsblk -nro NAME,SIZE,TYPE')) == [
        ['loop0', '16M', 'loop'], ['loop0p1', '4M', 'part'], ['loop0p2', '5M', 'part']]
    assert '1234abcd-02' in shell.check('blkid -p /dev/loop0p2; '
                                       f'lsblk {PROBE} -no PARTUUID /dev/loop0p2')
    shell.check('echo in the partition | dd of=/dev/loop0p2 conv=notrunc status=none; sync')
    assert shell.check('dd if=/tmp/img bs=1M skip=5 count=1 status=none | head -n1') == \
        'in the partition\n'
    # BLKPG, by partx: one goes, and comes again.
    shell.check('partx -d --nr 1 /dev/loop0')
    assert shell.check('lsblk -nro NAME') == 'loop0\nloop0p2\n'
    assert not shell.run('ls /sys/block/loop0/loop0p1').status == 0
    shell.check('partx -a --nr 1 /dev/loop0')
    assert sorted(shell.check('lsblk -nro NAME').split()) == ['loop0', 'loop0p1', 'loop0p2']
    assert shell.run('partx -a --nr 1 /dev/loop0').status != 0
    shell.check('losetup -d /dev/loop0')
    assert shell.check('lsblk -nro NAME; ls -d /dev/loop0p* /sys/block/loop0/loop* 2>/dev/null; '
                       'losetup -a') == ''
