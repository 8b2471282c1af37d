#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-includes.py - includes point down the ladder of rooms, never up or sideways

Idea: every room has a level; a file may include headers of its own room, of
lower levels, and, on the one level where rooms are a knot (sync, sched, time,
mm), of each other. The arch contract (<arch/...>) is level 1; arch code itself
may use everything up to level 3 and the upward entries in arch_entry.h.
Prints each arrow that points the wrong way; exit status 1 if there is one.
"""
import os
import re
import sys

LEVELS = {
    'kernel/abi': 0, 'kernel/lib': 0,
    'arch/riscv/include': 1,
    'kernel/debug': 2, 'kernel/trace': 2,
    'kernel/sync': 3, 'kernel/sched': 3, 'kernel/time': 3, 'kernel/mm': 3,
    'kernel/dev': 4, 'kernel/block': 4,
    'kernel/vfs': 5,
    'kernel/proc': 6,
    'kernel/fs': 7, 'kernel/tty': 7, 'kernel/net': 7,
    'drivers': 8,
    'kernel/syscall': 9,
    'kernel': 10,
}
KNOT = 3
# Rooms that may include each other: lib's code returns errno values of abi;
# a file system's type is what another file system is built on.
FRIENDS = {('kernel/lib', 'kernel/abi'), ('kernel/abi', 'kernel/lib'),
           ('kernel/fs', 'kernel/tty')}
# Single headers that stand on a level of their own: level.
HEADERS = {
    'kernel/arch_entry.h': 1,      # what arch calls upward; only declarations
    'kernel/debug/panic.h': 1,     # assert() for the contract's users
    'kernel/sched/current.h': 2,   # tp and the interrupt count
}
# Private headers that others must not see.
PRIVATE = re.compile(r'/internal\.h$')
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def room_of(path: str) -> str:
    parts = path.split('/')
    if parts[0] == 'arch':
        return 'arch/riscv/include' if path.startswith('arch/riscv/include/') else 'arch/riscv'
    if parts[0] == 'drivers':
        return 'drivers'
    return 'kernel' if len(parts) == 2 else '/'.join(parts[:2])


def level_of(path: str) -> int:
    return HEADERS.get(path, LEVELS.get(room_of(path), 10))


def file_system(path: str) -> str:
    return '/'.join(path.split('/')[:3])


def allowed(source: str, target: str) -> bool:
    here, there = room_of(source), room_of(target)
    if target in HEADERS:
        return True
    if here == 'arch/riscv':
        return there in ('arch/riscv', 'arch/riscv/include') or level_of(target) <= KNOT
    if there == 'arch/riscv':
        return False
    if there == 'drivers':
        return here == 'drivers' and os.path.dirname(source) == os.path.dirname(target)
    if PRIVATE.search(target) and os.path.dirname(source) != os.path.dirname(target):
        return False
    if here == there or (here, there) in FRIENDS:
        return True
    low, high = level_of(target), level_of(source)
    return low < high or (low == high == KNOT)


def resolve(kind: str, name: str) -> str:
    """The tree's path of an include, or '' for a header from elsewhere."""
    if kind == '<':
        return 'arch/riscv/include/' + name if name.startswith('arch/') else ''
    return name if os.path.exists(name) else ''


def main() -> int:
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    wrong = 0
    for top in ('arch', 'kernel', 'drivers'):
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                # User code and unit tests stand outside the ladder.
                if not name.endswith(('.c', '.h', '.S')) or name.endswith('_test.c') or \
                        folder.endswith('/vdso'):
                    continue
                path = os.path.join(folder, name)
                with open(path) as f:
                    for number, line in enumerate(f, 1):
                        m = INCLUDE.match(line)
                        target = m and resolve(m.group(1), m.group(2))
                        if target and not allowed(path, target):
                            print(f'{path}:{number}: may not include {target}')
                            wrong += 1
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
