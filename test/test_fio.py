# SPDX-License-Identifier: MIT
"""Debian's fio writes at random, and finds what it wrote.

On demand: scripts/fetch fio; pytest test/test_fio.py. Its engines libaio and
io_uring need calls that are not there (ENOSYS).
"""
import os
import subprocess

import pytest

import machine as m
import mkrootfs

JOB = ('fio --name=v --directory=/m --size=16m --rw=randwrite --verify=crc32c --do_verify=1 '
       '--verify_fatal=1 --thread --randrepeat=1')
WAYS = ('--bs=4k --ioengine=psync', '--bs=4k --ioengine=psync --direct=1',
        '--bs=512-16k --ioengine=psync --fsync=64', '--bs=8k --ioengine=mmap',
        '--bs=16k --ioengine=sync --direct=1 --numjobs=2',
        '--bs=4k --ioengine=psync --rw=randrw --direct=1')


@pytest.mark.skipif(not os.path.exists(os.path.join(m.BUILD, 'fio')),
                    reason='scripts/fetch fio gets it')
@pytest.mark.parametrize('block', ['1024', '4096'])
def test_fio_verifies(machine, tmp_path, block):
    image = str(tmp_path / 'image')
    subprocess.run(['mkfs.ext4', '-q', '-F', '-b', block, image, '256M'], check=True)
    mkrootfs.main(['fio'])
    shell = machine(disk=image, mem='768M',
                    initrd=os.path.join(m.BUILD, 'rootfs-fio.cpio')).shell()
    shell.check('mkdir -p /m; mount -t ext4 /dev/vda /m')
    for way in WAYS:
        out = shell.check(f'{JOB} {way} 2>&1; s=$?; rm -f /m/v.*; (exit $s)', timeout=400)
        assert 'err= 0' in out and 'verify: bad' not in out, out
    shell.check('umount /m')
    shell.console.close()
    subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
