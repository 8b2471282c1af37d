# SPDX-License-Identifier: MIT
"""Harts that work side by side do not wait for each other: a sample of scripts/contention.

Two harts do the same things, each with files, pipes, memory and children of its
own, in the debug kernel, which counts its locks. At most 1 % of the acquisitions
may find a lock taken. And two harts need as many instructions as one for what they
do apart, counted by a plugin in QEMU. On demand: `make contention`, 1 to 8 harts.
"""
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import subprocess

import pytest

import machine as m


@pytest.fixture(scope='module')
def measured(pytestconfig):
    if pytestconfig.getoption('--kernel') or pytestconfig.getoption('--serial'):
        pytest.skip('the figures are of our debug kernel, in QEMU')
    env = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
    with open(os.path.join(m.BUILD, '.debug.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers ask for the debug kernel
        done = subprocess.run([os.path.join(m.TOP, 'scripts/contention'), '--harts', '2', '--scale', '0.5'],
                              env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert os.path.exists(os.path.join(m.BUILD, 'contention/locks.json')), done.stdout
    with open(os.path.join(m.BUILD, 'contention/locks.json')) as f:
        return done, json.load(f)['2']


@pytest.mark.parametrize('kind', ['open_close', 'pipe', 'fault', 'fork_exit'])
def test_harts_seldom_wait_for_each_other(measured, kind):
    done, found = measured
    locks = found[kind]['locks']
    acquired = sum(lock[0] for lock in locks.values())
    contended = sum(lock[1] for lock in locks.values())
    assert acquired >= found[kind]['operations'], 'the locks were not counted'
    assert contended <= acquired / 100, done.stdout


def test_opening_a_file_takes_no_lock_of_all_harts(measured):
    """A walk along a path is a read section (kernel/vfs/path.c)."""
    _, found = measured
    one = found['open_close']
    for name in ('dentry', 'inode', 'process_tree'):
        acquired = one['locks'].get(name, [0])[0]
        assert acquired < one['operations'] / 10, name


def test_two_harts_need_no_more_instructions(pytestconfig):
    if pytestconfig.getoption('--kernel') or pytestconfig.getoption('--serial'):
        pytest.skip('the figures are of our kernel, in QEMU')
    if not os.path.exists(os.path.join(m.BUILD, 'qemu10/.fetched')):
        pytest.skip('scripts/fetch qemu10')
    loader = importlib.machinery.SourceFileLoader('contention', os.path.join(m.TOP, 'scripts/contention'))
    tool = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(tool)
    one, two = (tool.count(os.path.join(m.BUILD, 'Image'), ['open_close', 'fault'], n, 0.5) for n in (1, 2))
    for kind, instructions in one.items():
        assert two[kind] < 1.05 * instructions, (one, two)
