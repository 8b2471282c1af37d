#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py - the table of function names that backtraces use

    nm -n kernel-1.elf | scripts/symbols.py > symbols.S

Writes a count, the functions' offsets from KERNEL_BASE in order, the offsets
of their names, and the names, into section .symbols: kernel/debug/symbols.c
reads it, linker.ld places it behind everything whose address it holds.
"""
import sys

KERNEL_BASE = 0xffffffff80000000


def functions(lines):
    """(offset, name) of each function, one name per address, sorted."""
    found = {}
    for line in lines:
        words = line.split()
        if len(words) != 3 or words[1] not in 'tT':
            continue
        offset = int(words[0], 16) - KERNEL_BASE
        name = words[2]
        if not 0 <= offset < 1 << 32 or name.startswith(('.L', '$')):
            continue
        # a section's start may share the address of its first function
        if offset not in found or found[offset].endswith(('_start', '_end')):
            found[offset] = name
    return sorted(found.items())


def main():
    table = functions(sys.stdin)
    out = ['\t.section .symbols, "a"', '\t.balign 8',
           '\t.globl symbol_table', 'symbol_table:',
           f'\t.word {len(table)}',
           '\t.globl symbol_offsets', 'symbol_offsets:']
    out += [f'\t.word {offset:#x}' for offset, _ in table]
    out += ['\t.globl symbol_name_offsets', 'symbol_name_offsets:']
    place = 0
    for _, name in table:
        out.append(f'\t.word {place}')
        place += len(name) + 1
    out += ['\t.globl symbol_names', 'symbol_names:']
    out += [f'\t.asciz "{name}"' for _, name in table]
    out.append('\t.balign 8')
    print('\n'.join(out))


if __name__ == '__main__':
    main()
