# SPDX-License-Identifier: MIT
"""Broken inputs: the machine says what is wrong and goes on, or stops cleanly.

    programs        are executed after damage (usr/test/broken_elf.c)
    archives        the first root file system, cut short or with bad headers
    device trees    QEMU's own, with nodes missing and numbers that are wrong

The fuzzers of the readers themselves are in test/host.
"""
import os
import re
import shutil
import subprocess

import pytest

import machine as m

RUN_IMAGE = os.path.join(m.BUILD, 'rootfs.cpio')
# Of a kernel that lost its way.
NEVER = ('PANIC', 'Call chain', 'sbi_trap_error')


@pytest.fixture(autouse=True)
def only_ours(pytestconfig):
    if pytestconfig.getoption('--kernel') == 'linux':
        pytest.skip('about our own boot')


def outcome(console) -> str:
    """Wait for the machine's end, or for a prompt that answers."""
    found = console.expect(r'STOP: .*\n|' + m.PROMPT, 60)
    if found.group(0).startswith('STOP'):
        console.wait_off(30)
        result = found.group(0).strip()
    else:
        console.at = found.start()
        shell = console.shell()
        assert shell.check('echo $((6 * 7))').strip() == '42'
        shell.send('/bin/busybox poweroff -f\n')
        assert console.wait_off() == 0
        result = 'shell'
    for word in NEVER:
        assert word not in console.text, console.text[-3000:]
    return result


# ---- programs -------------------------------------------------------------------

def test_programs_leave_nothing_behind(machine):
    """Other damage than in test_abi.py's run, and memory comes back."""
    shell = machine(mem='256M').shell()
    program = '/usr/lib/creance/test/broken_elf'
    free = "sync; awk '/^MemFree/ { print $2 }' /proc/meminfo"
    shell.check(f'{program} 2 50', 120)
    before = int(shell.check(free))
    result = shell.run(f'{program} 3 200', 300)
    assert result.status == 0, result
    after = int(shell.check(free))
    assert after > 0.99 * before, (before, after)


# ---- archives ---------------------------------------------------------------------

def header_of(archive: bytes, name: bytes) -> int:
    """Where the member @name begins."""
    return re.search(rb'070701[0-9A-F]{104}' + re.escape(name) + rb'\0', archive).start()


def smash(name: bytes, field: int, digits: bytes):
    """A change of one of the 13 numbers in the header of member @name."""
    def change(archive: bytes) -> bytes:
        at = header_of(archive, name) + 6 + 8 * field
        return archive[:at] + digits + archive[at + len(digits):]
    return change


def cut(part: float):
    return lambda archive: archive[:int(len(archive) * part)]


BUSYBOX = b'bin/busybox'
SIZE, NAME_SIZE, MODE = 6, 11, 1

ARCHIVES = {
    'nothing': (lambda archive: b'\0' * 4, 'STOP: no init found'),
    'cut in the first header': (lambda archive: archive[:50], 'STOP: no init found'),
    'cut early': (cut(0.02), 'STOP: no init found'),
    'cut in the middle': (cut(0.8), 'shell'),
    'cut before the end': (lambda archive: archive[:-700], 'shell'),
    'no archive': (lambda archive: b'what is this?' * 1000, 'STOP: no init found'),
    'bad magic': (lambda archive: b'x' + archive[1:], 'STOP: no init found'),
    'a size beyond the end': (smash(BUSYBOX, SIZE, b'7FFFFFFF'), 'STOP: no init found'),
    'the largest size': (smash(BUSYBOX, SIZE, b'FFFFFFFF'), 'STOP: no init found'),
    'no digits': (smash(BUSYBOX, SIZE, b'........'), 'STOP: no init found'),
    'a name of no bytes': (smash(BUSYBOX, NAME_SIZE, b'00000000'), 'STOP: no init found'),
    'a huge name': (smash(BUSYBOX, NAME_SIZE, b'FFFFFFFF'), 'STOP: no init found'),
    'a file of no kind': (smash(b'etc/motd', MODE, b'00000000'), 'shell'),
    'init damaged': (smash(b'init', SIZE, b'7FFFFFFF'), 'shell'),  # /bin/sh is tried, too
}


@pytest.mark.parametrize('case', ARCHIVES)
def test_archive(machine, tmp_path, case):
    change, expected = ARCHIVES[case]
    with open(RUN_IMAGE, 'rb') as f:
        archive = f.read()
    image = str(tmp_path / 'broken.cpio')
    with open(image, 'wb') as f:
        f.write(change(archive))
    console = machine(initrd=image, mem='128M')
    result = outcome(console)
    assert result.startswith(expected)
    if case != 'nothing':
        assert 'initramfs: ' in console.text


# ---- device trees -----------------------------------------------------------------

MEMORY = 256 << 20
SERIAL, PLIC, RTC = '/soc/serial@10000000', '/soc/plic@c000000', '/soc/rtc@101000'
VIRTIO = [f'/soc/virtio_mmio@1000{i}000' for i in range(1, 9)]
CPUS = ['/cpus/cpu@0', '/cpus/cpu@1']


def node(*paths):
    """Take nodes out."""
    return [['-r', '{}', path] for path in paths]


def gone(name, *paths):
    """Take a property out."""
    return [['-d', '{}', path, name] for path in paths]


def cells(name, path, *numbers):
    """Give a property other numbers."""
    return [['-t', 'x', '{}', path, name, *(f'{n:x}' for n in numbers)]]


def text(name, path, value):
    return [['-t', 's', '{}', path, name, value]]


NO_MEMORY = 'STOP: the device tree names no memory where the kernel is'
TREES = {
    'whole': ([], 'shell'),
    'no chosen': (node('/chosen'), 'STOP: no init found'),
    'no stdout-path': (gone('stdout-path', '/chosen'), 'shell'),
    'stdout-path to nowhere': (text('stdout-path', '/chosen', '/no/where'), 'shell'),
    'no serial port': (node(SERIAL), 'shell'),
    'serial port without registers': (gone('reg', SERIAL), 'shell'),
    'serial port without interrupt': (gone('interrupts', SERIAL), 'shell'),
    'an interrupt there is not': (cells('interrupts', SERIAL, 0xfffffff), 'shell'),
    'no interrupt controller': (node(PLIC), 'shell'),
    'interrupt controller too small': (cells('reg', PLIC, 0, 0xc000000, 0, 16), 'shell'),
    'no virtio': (node(*VIRTIO), 'shell'),
    'no clock': (node(RTC), 'shell'),
    'no timebase': (gone('timebase-frequency', '/cpus'), 'STOP: no timebase-frequency'),
    'timebase of zero': (cells('timebase-frequency', '/cpus', 0), 'STOP: no timebase-frequency'),
    'no cpus': (node('/cpus'), 'STOP: no timebase-frequency'),
    'harts without MMU': (gone('mmu-type', *CPUS), 'shell'),
    'harts without ISA': (gone('riscv,isa', *CPUS), 'shell'),
    'an instruction there is not': (
        [c for cpu in CPUS for c in text('riscv,isa', cpu, 'rv64imafdc_zicboz') +
         cells('riscv,cboz-block-size', cpu, 64)], 'shell'),
    'blocks of an odd size': (
        [c for cpu in CPUS for c in text('riscv,isa', cpu, 'rv64imafdc_zicboz') +
         cells('riscv,cboz-block-size', cpu, 96)], 'shell'),
    'harts without number': (gone('reg', *CPUS), 'shell'),
    'no memory': (node('/memory@80000000'), NO_MEMORY),
    'half an address of memory': (cells('reg', '/memory@80000000', 0, 0x80000000), NO_MEMORY),
    'memory of no size': (cells('reg', '/memory@80000000', 0, 0x80000000, 0, 0), NO_MEMORY),
    'memory beyond all bounds': (cells('reg', '/memory@80000000', 0, 0x80000000,
                                       0xffffffff, 0xffffffff), NO_MEMORY),
    'memory too small': (cells('reg', '/memory@80000000', 0, 0x80000000, 0, 0x100000), NO_MEMORY),
    'memory hardly more than us': (cells('reg', '/memory@80000000', 0, 0x80000000, 0, 0x600000),
                                   'STOP: '),
    'odd memory': (cells('reg', '/memory@80000000', 0, 0x80000123, 0, 0xfffde01), 'shell'),
    'cells of seven words': (cells('#address-cells', '/', 7), NO_MEMORY),
    'no ranges': (gone('ranges', '/soc'), 'shell'),
    'no devices': (node('/soc'), 'shell'),
    'nothing is compatible': ([['-t', 's', '{}', path, 'compatible', ''] for path in
                               (SERIAL, PLIC, RTC, *VIRTIO)], 'shell'),
    'ramdisk outside memory': (cells('linux,initrd-end', '/chosen', 0, 0x40000000, 0),
                               'STOP: no init found'),
    'ramdisk backwards': (cells('linux,initrd-end', '/chosen', 0x1000), 'STOP: no init found'),
}


@pytest.fixture(scope='session')
def whole_tree(tmp_path_factory):
    """QEMU's device tree for the machine, with the ramdisk in it."""
    path = str(tmp_path_factory.mktemp('tree') / 'virt.dtb')
    command = subprocess.run(
        [os.path.join(m.TOP, 'scripts/qemu'), '--print', '--pipe', '--harts', '2', '--mem',
         str(MEMORY >> 20) + 'M', '--initrd', RUN_IMAGE], stdout=subprocess.PIPE, text=True,
        check=True).stdout.replace("'", '').split()
    command[command.index('-machine') + 1] += ',dumpdtb=' + path
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=m.limit_s(60))
    return path


def changed_tree(whole: str, changes: list, to: str) -> bytes:
    """The tree in the file @whole after these calls of fdtput; also in the file @to."""
    shutil.copyfile(whole, to)
    for change in changes:
        subprocess.run(['fdtput', *[to if w == '{}' else w for w in change]], check=True)
    with open(to, 'rb') as f:
        return f.read()


def kernel_with_tree(kernel: str, tree: bytes) -> bytes:
    """A kernel behind four instructions that give it this tree, not QEMU's.

    The firmware would fail first, or repair the tree; so it sees a whole one.
    Kernels want to lie at a multiple of 2 MiB; the tree comes 4 KiB after the
    instructions:   auipc a1, 1; auipc t0, 0x200; jr -4(t0)
    """
    with open(kernel, 'rb') as f:
        image = f.read()
    code = b''.join(word.to_bytes(4, 'little') for word in (0x1597, 0x200297, 0xffc28067))
    return (code.ljust(4096, b'\0') + tree).ljust(2 << 20, b'\0') + image


def start_with_tree(machine, kernel: str, tmp_path, tree: bytes) -> m.Machine:
    image = str(tmp_path / 'Image')
    with open(image, 'wb') as f:
        f.write(kernel_with_tree(kernel, tree))
    return machine(kernel=image, initrd=RUN_IMAGE, harts=2, mem=f'{MEMORY >> 20}M')


def boot_tree(machine, pytestconfig, tmp_path, tree: bytes) -> str:
    kernel = pytestconfig.getoption('--kernel') or os.path.join(m.BUILD, 'Image')
    return outcome(start_with_tree(machine, kernel, tmp_path, tree))


@pytest.mark.parametrize('case', TREES)
def test_device_tree(machine, pytestconfig, tmp_path, whole_tree, case):
    changes, expected = TREES[case]
    tree = changed_tree(whole_tree, changes, str(tmp_path / 'broken.dtb'))
    assert boot_tree(machine, pytestconfig, tmp_path, tree).startswith(expected)


@pytest.mark.parametrize('tree', [b'', b'\xd0\x0d\xfe\xed', b'\xff' * 4096, 'cut', 'bad offset'],
                         ids=['nothing', 'only magic', 'noise', 'cut', 'bad offset'])
def test_no_device_tree(machine, pytestconfig, tmp_path, whole_tree, tree):
    with open(whole_tree, 'rb') as f:
        whole = f.read()
    if tree == 'cut':
        tree = whole[:2000]
    elif tree == 'bad offset':
        tree = whole[:8] + b'\x7f\xff\xff\xff' + whole[12:]
    result = boot_tree(machine, pytestconfig, tmp_path, tree)
    assert result.startswith('STOP: no valid device tree')
