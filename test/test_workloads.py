# SPDX-License-Identifier: MIT
"""The workloads: Debian's unmodified programs do what they do on Linux.

data/workloads.json says what to run and what to expect (its "how_to_run" is
what this file implements); data/workloads.selected says which of them. Run
`pytest --kernel linux test_workloads.py` to check an expectation.
"""
import re

import pytest

from mkcpio import Tree
import mkrootfs

WORKLOADS = mkrootfs.workloads()


# Programs of tier 0 (static, busybox) run in a machine of this size.
SMALL = '16M'


def names(kind):
    return [pytest.param(name, marks=pytest.mark.skip(reason=why) if why else [])
            for name, why in mkrootfs.selected().items() if WORKLOADS[name]['kind'] == kind]


def memory_of(workload):
    return SMALL if workload['tier'] == 0 else '128M'


# Gives something three seconds that takes one; the host may not have given the machine that much.
HURRIES = {'t1-coreutils-proc': 5}


@pytest.mark.parametrize('name', names('batch'))
def test_batch(shell, name):
    for left in reversed(range(HURRIES.get(name, 1))):
        try:
            run_batch(shell, name)
            break
        except AssertionError:
            if not left or not shell.ok():
                raise


def test_tier_0_in_16_mib(machine, tmp_path):
    """All of them one after the other, in a machine with hardly any memory."""
    image = str(tmp_path / 'small.cpio')
    mkrootfs.small_image().write(image)
    shell = machine(initrd=image, mem=SMALL).shell()
    ran = 0
    for name, why_not in mkrootfs.selected().items():
        w = WORKLOADS[name]
        if w['tier'] == 0 and w['kind'] == 'batch' and not why_not:
            run_batch(shell, name)
            ran += 1
    assert ran >= 11


def run_batch(shell, name):
    w = WORKLOADS[name]
    status = shell.run(f'/srv/run/{name}', w['timeout_s']).status
    output = shell.read(f'/srv/out/{name}').decode('utf-8', 'replace')
    errors = shell.read(f'/srv/err/{name}').decode('utf-8', 'replace')
    told = f'\n--- output ---\n{output}\n--- errors ---\n{errors}'
    for pattern in w['stdout_re']:
        assert re.search(pattern, output, re.M), f'no {pattern!r} in:{told}'
    assert status == w['exit_code'], f'exit status {status}, not {w["exit_code"]}:{told}'


def console_image(path, command):
    """Like the test image, but process 1 is a script that runs @command.

    It mounts what `rc` mounts. Its child is not the leader of a process group,
    because a shell that is not interactive leaves the groups as they are.
    """
    tree = mkrootfs.small_image()
    tree.file('init', b'#!/bin/busybox sh\n/etc/rc\n' + command.encode() +
              b'\n/bin/busybox echo console-ended; /bin/busybox poweroff -f\n', 0o755)
    tree.write(path)


@pytest.mark.parametrize('name', names('console'))
def test_console(machine, tmp_path, name):
    w = WORKLOADS[name]
    image = str(tmp_path / 'console.cpio')
    console_image(image, w['steps'][0]['run_on_console'])
    console = machine(initrd=image, mem=memory_of(w))
    console.expect('Creance: ', w['timeout_s'])  # the end of rc
    for step in w['steps'][1:]:
        if 'expect' in step:
            console.expect(step['expect'], w['timeout_s'])
        elif 'send' in step:
            console.settle()
            console.send(step['send'])
        else:
            console.settle(step['wait'])


@pytest.mark.parametrize('name', names('boot'))
def test_boot(machine, tmp_path, name):
    w = WORKLOADS[name]
    tree = Tree()
    tree.file('bin/busybox', mkrootfs.busybox(), 0o755)
    for link in ('bin/sh', 'sbin/init', 'init'):
        tree.link(link, '/bin/busybox')
    for node in (('dev/console', 0o600, 'c', 5, 1), ('dev/null', 0o666, 'c', 1, 3)):
        tree.node(*node)
    tree.directory('proc')
    for path, text in w['files'].items():
        tree.file(path.lstrip('/'), text.encode())
    image = str(tmp_path / 'boot.cpio')
    tree.write(image)
    console = machine(initrd=image, mem=memory_of(w))
    assert console.wait_off(w['timeout_s']) == 0
    for pattern in w['stdout_re']:
        assert re.search(pattern, console.text, re.M), f'no {pattern!r} on the console'
