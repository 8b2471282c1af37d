# SPDX-License-Identifier: MIT
"""gdb.py - gdb commands that know this kernel

    help creance           this list, in gdb
    type TEXT              type a line at the machine's console
    wait-for TEXT          let the machine run until its console says TEXT
    program NAME           symbols of usr/*/NAME, and stop in its main()
    threads                the kernel's threads
    thread-where TID       where in the kernel a thread sleeps
    trap-frame [TID]       the user registers that the kernel saved
    page-walk ADDRESS [TID]   the Sv39 walk of an address, level by level
    protocol               where the machine is in the lectures' protocol
    step-syscall           from a user ecall into the kernel; from there back
                           out, to the user instruction after the ecall

Idea: the table of a lecture becomes something to walk along. A trap does not
change satp, so one address space holds both sides: gdb can follow a program's
ecall into trap_entry, and the kernel's sret back into the program.

`step-syscall` from a program that is not at an ecall runs on to its next one.
"""
import contextlib
import glob
import os
import select
import signal
import socket
import threading
import time

import gdb

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ECALL = 0x00000073
USER_ECALL = 8        # scause
INTERRUPT = 1 << 63   # in scause
SPP = 1 << 8          # in sstatus: the trap came from the kernel
PAGE = 4096
DIRECT_MAP = 0xffffffc000000000
HANDLERS = "'kernel/syscall/dispatch.c'::handlers"
REGISTERS = ('pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 '
             's10 s11 t3 t4 t5 t6').split()
console = None        # the socket of the machine's serial line
deadline = 0.0
said = awaited = b''  # its last output, and what `wait-for` waits for


# ---- small helpers -----------------------------------------------------------

def value(expression):
    return gdb.parse_and_eval(expression)


def register(name):
    return int(value('$' + name)) & (2**64 - 1)


def read_u64(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), 'little')


def instruction(address):
    try:
        return int.from_bytes(gdb.selected_inferior().read_memory(address, 4).tobytes(), 'little')
    except gdb.MemoryError:
        return 0


@contextlib.contextmanager
def as_kernel():
    """Read the kernel's memory while a program runs: QEMU lets gdb see what the
    hart may see in its present mode, so that is lent the kernel's. Never let
    the machine run meanwhile."""
    user = int(value('$priv')) == 0
    if user:
        gdb.execute('set $priv = 1', to_string=True)
    try:
        yield
    finally:
        if user:
            gdb.execute('set $priv = 0', to_string=True)


def in_user_mode():
    """The kernel lives in the upper half, programs in the lower one."""
    return register('pc') < 1 << 38


def where(address):
    """'function+12' or the number."""
    text = gdb.execute(f'info symbol {address:#x}', to_string=True)
    return f'{address:#x}' if 'No symbol' in text else text.split(' in section')[0]


def entries(head, struct, member):
    """The structs on one of the kernel's circular lists."""
    kind = gdb.lookup_type(struct)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    node, seen = head['next'], 0
    while int(node) != int(head.address) and seen < 100000:
        yield gdb.Value(int(node) - offset).cast(kind.pointer()).dereference()
        node, seen = node['next'], seen + 1


def threads():
    lists = value('thread_lists')
    for i in range(lists.type.range()[1] + 1):
        yield from entries(lists[i]['threads'], 'struct thread', 'all_node')


def find_thread(text):
    """The thread of a number, or the one that runs on the selected hart."""
    if text:
        with as_kernel():
            for t in threads():
                if int(t['tid']) == int(text, 0):
                    return t
        raise gdb.GdbError(f'no thread {text}; `threads` lists them')
    # The thread in user mode and in the kernel; but see trap.S and switch.S.
    at = register('sscratch')
    thread = gdb.Value(at).cast(gdb.lookup_type('struct thread').pointer()).dereference()
    with as_kernel():
        thread.fetch_lazy()
    return thread


def frame_of(thread):
    at = int(thread['arch']['kernel_sp'])
    return gdb.Value(at).cast(gdb.lookup_type('struct trap_frame').pointer()).dereference()


def syscall_name(number):
    try:
        with as_kernel():
            return where(int(value(HANDLERS)[number])).replace('sys_', '', 1)
    except (gdb.error, gdb.MemoryError):
        return f'call {number}'


class Command(gdb.Command):
    """Registers itself under `name`; the class's docstring is its help."""
    name = ''

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        self.run(*gdb.string_to_argv(argument))


# ---- the machine ---------------------------------------------------------------

class AttachMachine(Command):
    """attach-machine STUB CONSOLE: what scripts/gdb begins with."""
    name = 'attach-machine'
    AGAIN_S = 3.0  # until the machine is asked again to stop

    def run(self, stub, path):
        global console
        console = socket.socket(socket.AF_UNIX)
        console.connect(path)
        threading.Thread(target=self.listen, daemon=True).start()
        gdb.execute('set architecture riscv:rv64', to_string=True)
        # Else gdb reads the instruction where a breakpoint goes, and cannot when that
        # is the other mode's memory.
        gdb.execute('set riscv use-compressed-breakpoints on')
        gdb.execute(f'target remote {stub}', to_string=True)
        print('The machine waits before its first instruction. `continue` (or c) lets it run, ^C '
              'stops it;\n`type ls` types at its console; `help creance` lists more.')

    @staticmethod
    def listen():
        global said
        # Signals are for gdb's own thread.
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
        asked = 0.0
        while True:
            ready = select.select([console], [], [], 0.5)[0]
            if ready:
                data = console.recv(65536)
                if not data:
                    return
                os.write(1, data)
                said = (said + data)[-4096:]
            now = time.monotonic()
            if awaited and (awaited in said or now > deadline) and now > asked + AttachMachine.AGAIN_S:
                asked = now
                gdb.post_event(AttachMachine.stop_waiting)

    @staticmethod
    def stop_waiting():
        """Whatever gdb does with a breakpoint just now may cost us the interrupt: see AGAIN_S."""
        if awaited:
            gdb.execute('interrupt')


class Type(Command):
    """type TEXT: type a line at the machine's console. It is read when the machine runs."""
    name = 'type'

    def invoke(self, argument, from_tty):
        console.sendall(argument.encode() + b'\n')


class WaitFor(Command):
    """wait-for TEXT: let the machine run until its console says TEXT (10 minutes at most)."""
    name = 'wait-for'
    LIMIT_S = 600

    def invoke(self, argument, from_tty):
        global awaited, deadline
        if argument.encode() not in said:
            deadline = time.monotonic() + self.LIMIT_S
            awaited = argument.encode()
            gdb.execute('continue', to_string=True)
            awaited = b''
            if argument.encode() not in said:
                raise gdb.GdbError(f'the console did not say "{argument}"')


class Program(Command):
    """program NAME: read the symbols of our program NAME, and stop in its main()."""
    name = 'program'

    def run(self, name):
        found = glob.glob(os.path.join(TOP, 'build/usr/*', name))
        if not found:
            raise gdb.GdbError(f'no build/usr/*/{name}; `make usr` builds the programs')
        gdb.execute(f'add-symbol-file {found[0]}', to_string=True)
        # By address: breakpoints in memory that is not loaded yet must be the
        # machine's, not written into the program.
        main = int(gdb.lookup_static_symbol('main').value().address) \
            if gdb.lookup_static_symbol('main') else int(value('(long)&main'))
        gdb.Breakpoint(f'*{main:#x}', gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
        print(f'Stops at {name}\'s main. Now, at the shell: `type {name}`, and `continue`.')


# ---- looking -------------------------------------------------------------------

class Threads(Command):
    """threads: the kernel's threads, with what each is doing."""
    name = 'threads'
    STATES = {1: 'new', 2: 'ready', 4: 'running', 8: 'sleeping', 16: 'interruptible',
              32: 'killable', 64: 'stopped', 128: 'dead'}

    def run(self):
        with as_kernel():
            self.list()

    def list(self):
        print(f'{"tid":>6} {"pid":>6} {"state":<14} {"hart":>4}  {"name":<16} struct thread')
        for t in threads():
            state = int(t['state'])
            names = ' '.join(n for bit, n in self.STATES.items() if state & bit)
            pid = '-'
            if int(t['process']):
                pid = int(t['process']['pid']['number'])
            print(f'{int(t["tid"]):>6} {pid:>6} {names:<14} {int(t["sched"]["hart"]):>4}  '
                  f'{t["name"].string():<16} {int(t.address):#x}')


class ThreadWhere(Command):
    """thread-where TID: the calls that a thread which is not running is in."""
    name = 'thread-where'

    def run(self, tid):
        with as_kernel():
            self.calls(tid)

    def calls(self, tid):
        t = find_thread(tid)
        context = t['arch']['context']
        print(f'{t["name"].string()} will go on in {where(int(context["ra"]))}')
        fp = int(context['s'][0])
        while fp:
            ra, fp_next = read_u64(fp - 8), read_u64(fp - 16)
            print(f'  called from {where(ra)}')
            if fp_next <= fp:
                break
            fp = fp_next


class TrapFrame(Command):
    """trap-frame [TID]: the user registers that the kernel saved for a thread."""
    name = 'trap-frame'

    def run(self, tid=''):
        with as_kernel():
            self.show(tid)

    def show(self, tid):
        t = find_thread(tid)
        tf = frame_of(t)
        print(f'trap frame of {t["name"].string()} (tid {int(t["tid"])}) at {int(tf.address):#x}')
        base = int(tf.address)
        for i, name in enumerate(REGISTERS):
            print(f'{name:>4} {read_u64(base + 8 * i):#018x}', end='\n' if i % 4 == 3 else '  ')
        cause = int(tf['cause'])
        kind = 'interrupt' if cause & INTERRUPT else 'exception'
        print(f'status {int(tf["status"]):#x}  cause {kind} {cause & 0xff}  '
              f'tval {int(tf["tval"]):#x}  orig_a0 {int(tf["orig_a0"]):#x}')
        if cause == USER_ECALL:
            number = int(tf['a'][7])
            print(f'system call {number}: {syscall_name(number)}')


class PageWalk(Command):
    """page-walk ADDRESS [TID]: the Sv39 walk of an address, in the space of a thread."""
    name = 'page-walk'

    def run(self, address, tid=''):
        va = int(value(address)) & (2**64 - 1)
        with as_kernel():
            self.walk(va, tid)

    def walk(self, va, tid):
        if tid:
            space = find_thread(tid)['space']
            table = int((space['page_table'] if int(space) else value('kernel_page_table'))['root'])
            print(f'root table of thread {tid} at {table:#x}')
        else:
            satp = register('satp')
            if satp >> 60 != 8:
                raise gdb.GdbError('no Sv39 table is in use (satp is %#x)' % satp)
            table = ((satp & (1 << 44) - 1) << 12) + DIRECT_MAP
            print(f'satp {satp:#x}: Sv39, ASID {satp >> 44 & 0xffff}, root at {table:#x}')
        for level in (2, 1, 0):
            shift = 12 + 9 * level
            index = va >> shift & 511
            pte = read_u64(table + 8 * index)
            bits = ''.join(n if pte >> i & 1 else '-' for i, n in enumerate('VRWXUGAD'))[::-1]
            frame = (pte >> 10 & (1 << 44) - 1) << 12
            print(f'level {level}: entry {index:3} = {pte:#018x}  {bits}{"  COW" if pte >> 8 & 1 else ""}')
            if not pte & 1:
                print('not mapped')
                return
            if pte & 0xe:
                physical = frame | va & (1 << shift) - 1
                size = {0: '4 KiB', 1: '2 MiB', 2: '1 GiB'}[level]
                print(f'{va:#x} is at physical {physical:#x} (a page of {size})')
                return
            table = frame + DIRECT_MAP
        print('a table where a page should be')


class Protocol(Command):
    """protocol: where the selected hart is in the lectures' protocol."""
    name = 'protocol'

    def run(self):
        t = find_thread('')
        if in_user_mode():
            print(f'user mode: {t["name"].string()} (tid {int(t["tid"])}) runs by itself, at '
                  f'{where(register("pc"))}')
            if instruction(register('pc')) == ECALL:
                number = register('a7')
                print(f'its next instruction is the trap into the kernel: {syscall_name(number)}')
        else:
            print(f'kernel: {where(register("pc"))}, for {t["name"].string()} '
                  f'(tid {int(t["tid"])})')


# ---- stepping through a system call ----------------------------------------------

def run_to(address, condition=None):
    """Let the machine run until @address is reached and the condition holds."""
    address &= 2**64 - 1
    stop = gdb.Breakpoint(f'*{address:#x}', gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    stop.silent = True
    gdb.execute('set suppress-cli-notifications on')
    try:
        while True:
            try:
                gdb.execute('continue', to_string=True)
            except gdb.MemoryError:
                # Another process was there first and, when gdb stepped it past the
                # breakpoint, faulted into the kernel: gdb cannot see its page now.
                continue
            if register('pc') != address:
                raise gdb.GdbError('stopped elsewhere: ' + where(register('pc')))
            if condition is None or condition():
                return
    finally:
        stop.delete()
        gdb.execute('set suppress-cli-notifications off')


class StepSyscall(Command):
    """step-syscall: along one system call.

In a program: run to its next ecall; at an ecall: into the kernel, to trap_entry.
In the kernel, in a system call: back out, to the user instruction after the ecall."""
    name = 'step-syscall'

    def run(self):
        if not in_user_mode():
            self.back()
        elif instruction(register('pc')) == ECALL:
            self.enter()
        else:
            self.find()

    def find(self):
        """Step until the next instruction is an ecall of the same thread."""
        t = register('sscratch')
        gdb.execute('set suppress-cli-notifications on')
        try:
            for _ in range(100000):
                gdb.execute('stepi', to_string=True)
                if in_user_mode() and instruction(register('pc')) == ECALL \
                        and register('sscratch') == t:
                    break
            else:
                raise gdb.GdbError('no ecall in 100,000 instructions')
        finally:
            gdb.execute('set suppress-cli-notifications off')
        number = register('a7')
        print(f'program   {register("pc"):#x} {where(register("pc"))}: ecall, a7 = {number} '
              f'({syscall_name(number)}), a0 = {register("a0"):#x}')

    def enter(self):
        pc, number = register('pc'), register('a7')
        t = int(find_thread('').address)
        run_to(int(value('(long)&trap_entry')),
               lambda: register('scause') == USER_ECALL and register('sscratch') == t)
        print(f'hardware  sepc = {register("sepc"):#x} (the ecall), scause = '
              f'{register("scause")} (ecall from user mode),')
        print(f'          sstatus.SPP = {register("sstatus") >> 8 & 1} (it came from user mode), '
              f'pc = stvec: trap_entry')
        print(f'kernel    will save the registers of {pc:#x} and dispatch to '
              f'sys_{syscall_name(number)}')

    def back(self):
        # At trap_entry itself the frame is not written yet: sepc has it.
        if register('pc') == int(value('(unsigned long)&trap_entry')):
            if register('scause') != USER_ECALL:
                raise gdb.GdbError('this trap is not a system call')
            t, after = register('sscratch'), register('sepc') + 4
        else:
            thread = find_thread('')
            t, tf = int(thread.address), frame_of(thread)
            if int(tf['cause']) != USER_ECALL:
                raise gdb.GdbError('the current thread is not in a system call')
            after = int(tf['pc'])
        run_to(after, lambda: register('sscratch') == t)
        result = register('a0')
        result -= 1 << 64 if result >> 63 else 0
        print(f'kernel    sret: pc = sepc, user mode again')
        print(f'program   {after:#x} {where(after)}: the instruction after the ecall, '
              f'a0 = {result}')


class Help(Command):
    __doc__ = __doc__
    name = 'creance'

    def run(self, *_):
        print(__doc__)


for command in (AttachMachine, Type, WaitFor, Program, Threads, ThreadWhere, TrapFrame, PageWalk, Protocol,
                StepSyscall, Help):
    command()
