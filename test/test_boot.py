# SPDX-License-Identifier: MIT
"""Booting: memory sizes, numbers of harts, firmwares, emulators; and stopping."""
import os
import shutil
import subprocess

import pytest

import machine as m

RUN_IMAGE = os.path.join(m.BUILD, 'rootfs.cpio')
HAS_QEMU10 = os.path.exists(os.path.join(m.BUILD, 'qemu10/.fetched'))
HAS_OPENSBI = os.path.exists(os.path.join(m.BUILD, 'opensbi-1.5.1/.fetched'))
needs_qemu10 = pytest.mark.skipif(not HAS_QEMU10, reason='scripts/fetch qemu10')
needs_opensbi = pytest.mark.skipif(not HAS_OPENSBI, reason='scripts/fetch opensbi')

QEMUS = ['', pytest.param('10', marks=needs_qemu10)]
FIRMWARES = ['default', pytest.param('1.5.1', marks=needs_opensbi)]


def boot_to_shell(machine, **options):
    """Boot the small image, look around, power off."""
    console = machine(initrd=RUN_IMAGE, **options)
    shell = console.shell()
    assert shell.check('uname -m').strip() == 'riscv64'
    assert shell.check('echo $((6 * 7)) | cat').strip() == '42'
    total = int(shell.check("awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
    harts = int(shell.check('grep -c ^processor /proc/cpuinfo'))
    shell.send('poweroff\n')
    assert console.wait_off() == 0
    return total, harts


@pytest.mark.parametrize('qemu', QEMUS, ids=['qemu', 'qemu10'])
@pytest.mark.parametrize('bios', FIRMWARES, ids=['opensbi', 'opensbi151'])
@pytest.mark.parametrize('mem, harts', [('32M', 1), ('32M', 8), ('256M', 2), ('8G', 1), ('8G', 8)])
def test_boots(machine, pytestconfig, qemu, bios, mem, harts):
    if mem == '32M' and pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('Linux does not boot in 32 MiB')
    total, found = boot_to_shell(machine, mem=mem, harts=harts, qemu=qemu, bios=bios)
    given = int(mem[:-1]) << (20 if mem[-1] == 'G' else 10)
    assert given * (0.5 if mem == '32M' else 0.7) < total <= given
    assert 1 <= found <= harts


@needs_qemu10
def test_boots_where_accessed_and_dirty_bits_fault(machine):
    boot_to_shell(machine, qemu='10', cpu='rv64,svade=on')


def test_boots_without_sstc(machine):
    boot_to_shell(machine, cpu='rv64,sstc=off')


def test_end_of_input_powers_off(pytestconfig):
    """`make run < /dev/null` boots, then stops."""
    command = [os.path.join(m.TOP, 'scripts/qemu'), '--initrd', RUN_IMAGE, '--timeout',
               str(m.limit_s(600))]
    if pytestconfig.getoption('--kernel'):
        command += ['--kernel', pytestconfig.getoption('--kernel')]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert 'things to try' in done.stdout.lower()


def test_input_is_typed_in(pytestconfig):
    command = [os.path.join(m.TOP, 'scripts/qemu'), '--initrd', RUN_IMAGE, '--timeout',
               str(m.limit_s(600))]
    if pytestconfig.getoption('--kernel'):
        command += ['--kernel', pytestconfig.getoption('--kernel')]
    done = subprocess.run(command, input='echo two and two is $((2+2))\n', stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert 'two and two is 4' in done.stdout


def test_panic_is_a_failure(machine, pytestconfig):
    """A kernel panic names itself and QEMU's exit status is not 0."""
    if pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('Linux does not tell its firmware why it stops')
    console = machine(initrd=RUN_IMAGE)
    shell = console.shell()
    shell.send('echo c > /proc/sysrq-trigger\n')
    console.expect('(?i)panic', 60)
    assert console.wait_off() != 0


def test_second_make_builds_nothing():
    """Nothing is out of date right after a build."""
    if not shutil.which('make'):
        pytest.skip('no make')
    env = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
    done = subprocess.run(['make', '-q', 'rootfs', 'build/rootfs-test.cpio'], cwd=m.TOP, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
