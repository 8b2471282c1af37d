# SPDX-License-Identifier: MIT
"""Everything at once, on the debug kernel, while harts come and go.

Debian's stress-ng runs stressors of all kinds side by side, a different choice
each round, on tmpfs and on an ext4 disk; fork storms go on beside them, and harts
are unplugged and plugged in again. The kernel's own checks (test_debug.py) must
have nothing to report, nothing may hang, and at the end no object or frame is
missing. CI runs a sample of a minute; `pytest --minutes 30 test_stress.py` is the
real thing. A round's seed is in the log, and `--stress-seed` begins there again.
"""
import os
import random
import shutil
import subprocess
import time

import pytest

import machine as m
from test_debug import IMAGE, REPORT, build_debug_kernel
from test_leaks import kernel_counts

CPU = '/sys/devices/system/cpu'
ROUND = 20      # seconds that one choice of stressors runs
AT_ONCE = 10    # stressors of a round
# Those that this kernel is made for, and that need no network, module or device. Left out
# are also those that loop as SCHED_FIFO or RR (mutex, cpu-sched, schedpolicy, schedmix,
# prio-inv, resched, hrtimers): when all other harts are unplugged such a loop has the last one
# for itself, as its policy says, and nothing would come to an end. test_sched.py has those.
STRESSORS = '''
    access affinity aio alarm bad-altstack bigheap brk cap chdir chmod chown chroot clock clone
    close copy-file cpu daemon dekker dentry dev dev-shm dir dirdeep dirmany dup dynlib enosys env
    epoll eventfd exit-group fallocate fault fcntl fd-abuse fd-fork fd-race fifo file-ioctl
    filename filerace flipflop flock fork forkheavy fp fpunch fstat futex get getdent getrandom
    goto hash hdd inode-flags inotify io iomix ioprio itimer kcmp kill klog lease link locka lockf
    lockmix lockofd loop madvise malloc matrix membarrier memcpy memfd mergesort metamix mincore
    min-nanosleep mknod mlock mmap mmapaddr mmapcow mmapfiles mmapfixed mmapfork mmapmany
    mmaptorture mprotect mremap msync msyncmany mtx munmap nanosleep nice null open pagemove
    peterson personality pidfd pipe pipeherd poll prctl procfs pseek pthread ptrace pty qsort
    ramfs regs remap rename resources revio ring-pipe rlimit rmap seal seek sem sem-sysv sendfile
    session set shm shm-sysv sigabrt sigbus sigchld sigfd sigfpe sighup sigill signal signest
    sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap sigurg sigvtalrm sigxcpu sigxfsz
    sleep sockfd sockpair spawn splice stack stackmmap str stream switch symlink
    sync-file sysbadaddr sysfs sysinfo tee timer timerfd tlb-shootdown tmpfs touch tree tsearch
    umask umount unlink urandom utime vdso vfork vforkmany vm vma vm-addr vm-rw vm-segv vm-splice
    wait xattr yield zero zombie
'''.split()


@pytest.fixture
def stressed(machine, tmp_path, pytestconfig):
    """A shell on a debug kernel with four harts, stress-ng, and an ext4 disk at /mnt."""
    if pytestconfig.getoption('--kernel'):
        pytest.skip('another kernel was asked for')
    if not os.path.exists(os.path.join(m.BUILD, 'stress/.fetched')):
        pytest.skip('scripts/fetch stress')
    build_debug_kernel()
    subprocess.run(['scripts/mkrootfs.py', 'stress'], cwd=m.TOP, check=True)
    disk = str(tmp_path / 'disk.img')
    with open(disk, 'wb') as f:
        f.truncate(256 << 20)
    subprocess.run(['mkfs.ext4', '-q', disk], check=True)
    shell = machine(kernel=IMAGE, harts=4, mem='1G', disk=disk,
                    initrd=os.path.join(m.BUILD, 'rootfs-stress.cpio'),
                    more=('-gdb', f'unix:{tmp_path}/gdb,server=on,wait=off')).shell(300)
    shell.gdb = f'{tmp_path}/gdb'
    shell.check('mount -t ext4 /dev/vda /mnt; mkdir -p /tmp/s /mnt/s')
    return shell


def say_where(shell) -> None:
    """A hang: which function each hart is in, and the threads, if gdb is there."""
    if not shutil.which('gdb-multiarch'):
        return
    done = subprocess.run(
        ['gdb-multiarch', '-q', '-batch', '-ex', f'target remote {shell.gdb}',
         '-ex', 'thread apply all bt 14', '-ex', f'source {m.TOP}/scripts/gdb.py', '-ex', 'threads',
         IMAGE.replace('Image', 'kernel.elf')],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    print(done.stdout, flush=True)


def begin_beside(shell):
    """Harts that come and go, and storms of forks, until /tmp/stop is there."""
    shell.check('rm -f /tmp/stop')
    shell.check(f'(while [ ! -e /tmp/stop ]; do for on in 0 1; do for c in {CPU}/cpu?/online; do '
                'echo $on > $c; sleep 0.3; done; done; done) >/dev/null 2>&1 &')
    shell.check('(while [ ! -e /tmp/stop ]; do for i in $(seq 50); do /bin/true & done; wait; '
                'sleep 0.5; done) >/dev/null 2>&1 &')


def end_beside(shell):
    shell.check('touch /tmp/stop; wait; '
                f'for c in {CPU}/cpu?/online; do [ "$(cat $c)" = 1 ] || echo 1 > $c; done', 300)


def settled_counts(shell) -> dict:
    """What the kernel has in use when all that it only remembers is dropped."""
    shell.check('sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1; sync; '
                'echo 3 > /proc/sys/vm/drop_caches', 300)
    return kernel_counts(shell)


def one_round(shell, seed: int, seconds: int) -> None:
    choice = random.Random(seed)
    names = choice.sample(STRESSORS, AT_ONCE)
    path = choice.choice(['/tmp/s', '/mnt/s'])
    print(f'round {seed}: {path} {" ".join(names)}', flush=True)
    options = ' '.join(f'--{name} {choice.choice([1, 1, 2])}' for name in names)
    try:
        result = run_stressors(shell, seed, seconds, path, options)
    except m.MachineError:
        say_where(shell)
        raise
    print(result.output, flush=True)
    reports = REPORT.findall(shell.console.text)
    assert not reports, '\n'.join(reports)
    # 0 all passed; 2 one complained (its reasons are its own); 3 one had no resources.
    assert result.status in (0, 2, 3), result


def run_stressors(shell, seed: int, seconds: int, path: str, options: str) -> m.Result:
    # As many stressors as that need more time than they are given to end.
    return shell.run(f'stress-ng --seed {seed} --temp-path {path} --oomable --timeout {seconds} '
                     f'--vm-bytes 64M --mmap-bytes 32M {options} >/tmp/out 2>&1; '
                     'S=$?; grep -E "fail:|error:|skipped: [1-9]" /tmp/out; (exit $S)',
                     seconds * 10 + 300)


def test_stress(stressed, request):
    shell = stressed
    minutes = float(request.config.getoption('--minutes'))
    seed = int(request.config.getoption('--stress-seed'))
    # Once for what is made at the first use and kept.
    one_round(shell, 0, 5)
    before = settled_counts(shell)
    begin_beside(shell)
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        one_round(shell, seed, min(ROUND, int(60 * minutes / 3)))
        seed += 1
    end_beside(shell)
    after = settled_counts(shell)
    print({name: (before[name], after[name]) for name in before if after[name] != before[name]})
    lost = before['frames_free'] - after['frames_free']
    assert lost <= before['frames_total'] // 100, (before, after)
    shell.check('umount /mnt')
    shell.send('poweroff -f\n')
    assert shell.console.wait_off(120) == 0
    assert not REPORT.findall(shell.console.text)
