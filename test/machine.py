# SPDX-License-Identifier: MIT
"""machine.py - boot a machine and talk to it over its serial line

Idea: everything a test knows of the machine comes over the serial line, so the
same test drives QEMU and a board on a cable. Three layers:

    Console   bytes: send, and expect a pattern. A thread reads all the time,
              so the machine never waits for us, and all of it is in the log.
    Machine   a Console on a QEMU (or board) that was booted for the test
    Shell     a shell on a Console: run a command, get its output and status

Nothing here sleeps and hopes: every step waits for output. A time limit is to
end a test that will not end by itself, it is no claim about speed (tests of speed
count instructions): none is shorter than LEAST_S, for a busy host may let the
machine stand still for a minute. The environment's CREANCE_TIMEOUT_SCALE stretches
them all.
"""
import glob
import os
import re
import subprocess
import sys
import termios
import threading
import time
import tty
from dataclasses import dataclass, field

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, 'build')
LOGS = os.path.join(BUILD, 'test-logs')
SCALE = float(os.environ.get('CREANCE_TIMEOUT_SCALE', '1'))
LEAST_S = 300
PROMPT = r'[#$] (\x1b\[6n)?\Z'
# What the kernel says on the console meanwhile, which no program wrote.
KERNEL_LINE = re.compile(r'^\[ *\d+\.\d+\] .*\n', re.M)

sys.path.insert(0, os.path.join(TOP, 'scripts'))


class MachineError(AssertionError):
    """The machine did not do what was waited for."""


def limit_s(timeout: float) -> float:
    """How long is waited where @timeout is asked for."""
    return max(timeout, LEAST_S) * SCALE


class Console:
    """A serial line: two file descriptors and a memory of all that was said."""

    def __init__(self, read_fd: int, write_fd: int, log: str) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd
        self.text = ''          # all of it, decoded
        self.at = 0             # where the next expect() begins to look
        self.closed = False
        self.changed = threading.Condition()
        os.makedirs(os.path.dirname(log), exist_ok=True)
        self.log = open(log, 'wb', buffering=0)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self.read_fd, 65536)
            except OSError:
                chunk = b''
            with self.changed:
                if not chunk:
                    self.closed = True
                    self.changed.notify_all()
                    return
                self.log.write(chunk)
                self.text += chunk.decode('utf-8', 'replace')
                self.changed.notify_all()

    def send(self, text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(self.write_fd, data):]
        except OSError as e:
            raise MachineError(f'the machine is gone ({e})') from e

    def expect(self, pattern: str, timeout: float = 60) -> re.Match:
        """Wait until @pattern is in the output after the last match."""
        regex = re.compile(pattern, re.M)
        limit = time.monotonic() + limit_s(timeout)
        with self.changed:
            while True:
                m = regex.search(self.text, self.at)
                if m:
                    self.at = m.end()
                    return m
                left = limit - time.monotonic()
                if self.closed or left <= 0:
                    why = 'the line closed' if self.closed else f'{limit_s(timeout):g} s passed'
                    raise MachineError(f'no {pattern!r}: {why}. The last lines were:\n'
                                       + self.text[self.at:][-2000:])
                self.changed.wait(left)

    def settle(self, quiet: float = 0.5) -> None:
        """Wait until nothing more is said for so many seconds: when a person would begin to type."""
        had = 0.0
        before = self.clock()
        with self.changed:
            while had < quiet * SCALE and not self.closed:
                said = len(self.text)
                self.changed.wait_for(lambda: self.closed or len(self.text) != said, 0.05)
                now = self.clock()
                had = had + self.had_s(before, now) if len(self.text) == said else 0.0
                before = now

    def clock(self) -> tuple:
        return (time.monotonic(),)

    def had_s(self, before: tuple, now: tuple) -> float:
        """Of the time between two clock()s, that in which the machine could do something."""
        return now[0] - before[0]

    def close(self) -> None:
        self.log.close()


@dataclass
class Result:
    """What a command in the machine wrote, and its exit status."""
    command: str
    output: str
    status: int

    def __str__(self) -> str:
        return f'$ {self.command}\n{self.output}[exit status {self.status}]'


class Machine(Console):
    """A machine under test: started on creation, stopped by close()."""

    def __init__(self, log: str, kernel: str = '', initrd: str = '', harts: int = 0,
                 mem: str = '', append: str = '', more: tuple = (), **options) -> None:
        """Further options are scripts/qemu's: cpu, bios, qemu, disk, bus, machine, icount;
        those in @more are QEMU's own."""
        command = [os.path.join(TOP, 'scripts/qemu'), '--pipe']
        settings = dict(kernel=kernel, initrd=initrd, harts=harts, mem=mem, append=append,
                        **options)
        for name, value in settings.items():
            if value is True:
                command.append(f'--{name}')
            elif value:
                command += [f'--{name}', str(value)]
        if more:
            command += ['--', *more]
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        super().__init__(self.process.stdout.fileno(), self.process.stdin.fileno(), log)

    def alive(self) -> bool:
        return self.process.poll() is None

    def clock(self) -> tuple:
        """The time, QEMU's processor time, and whether all of its threads sleep."""
        used, asleep = 0, True
        for path in glob.glob(f'/proc/{self.process.pid}/task/*/stat'):
            try:
                with open(path) as f:
                    state, *words = f.read().rsplit(')', 1)[1].split()
            except OSError:
                continue  # it has just ended
            used += int(words[10]) + int(words[11])
            asleep &= state == 'S'
        return time.monotonic(), used / os.sysconf('SC_CLK_TCK'), asleep

    def had_s(self, before: tuple, now: tuple) -> float:
        """A machine that neither sleeps nor computes stands still: its host has no time for it."""
        passed = now[0] - before[0]
        return passed if now[2] else min(passed, now[1] - before[1])

    def wait_off(self, timeout: float = 60) -> int:
        """Wait until the machine has powered itself off; QEMU's exit status."""
        try:
            status = self.process.wait(limit_s(timeout))
        except subprocess.TimeoutExpired:
            raise MachineError(f'the machine is still on after {limit_s(timeout):g} s. '
                               'The last lines were:\n' + self.text[-2000:]) from None
        self.reader.join(LEAST_S)  # all of its output: it ends with the machine
        return status

    def shell(self, timeout: float = 120) -> 'Shell':
        """Wait for the shell's prompt."""
        return Shell(self, timeout)

    def close(self) -> None:
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.process.stdin.close()
        self.process.stdout.close()
        super().close()


class Board(Console):
    """A real board on a serial cable; somebody else turns it on and off."""

    def __init__(self, device: str, log: str, speed: int = 115200) -> None:
        fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd)
        settings = termios.tcgetattr(fd)
        settings[4] = settings[5] = getattr(termios, f'B{speed}')
        termios.tcsetattr(fd, termios.TCSANOW, settings)
        super().__init__(fd, fd, log)
        self.send('\n')

    def alive(self) -> bool:
        return not self.closed

    def shell(self, timeout: float = 300) -> 'Shell':
        return Shell(self, timeout)

    def close(self) -> None:
        pass  # the line is used by the next test again


@dataclass
class Shell:
    """busybox's shell at the other end of a console.

    Echo is turned off, which also makes the shell read plain lines instead of
    editing them; what remains between two markers is the command's output.
    """
    console: Console
    boot_timeout: float = 120
    count: int = field(default=0, init=False)
    broken: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.console.expect(PROMPT, self.boot_timeout)
        self.console.send('exec /bin/busybox sh\n')
        self.console.expect(PROMPT, 30)
        self.console.send("stty -echo; PS1= PS2=; echo read''y\n")
        self.console.expect(r'ready\r?\n', 30)

    def send(self, text: str) -> None:
        self.console.send(text)

    def expect(self, pattern: str, timeout: float = 60) -> re.Match:
        return self.console.expect(pattern, timeout)

    def start(self, command: str) -> None:
        """Begin a command that reads from the console; finish() ends it."""
        self.count += 1
        self.console.send(f'echo; echo @begin-{self.count}; {command}\n')
        self.console.expect(f'^@begin-{self.count}\r?\n', 60)

    def finish(self, timeout: float = 60) -> Result:
        begin = self.console.at
        self.console.send(f'echo "@end-{self.count} $?"\n')
        m = self.console.expect(rf'@end-{self.count} (\d+)\r?\n', timeout)
        text = self.console.text[begin:m.start()].replace('\r\n', '\n')
        return Result('', KERNEL_LINE.sub('', text), int(m.group(1)))

    def run(self, command: str, timeout: float = 60) -> Result:
        """Run @command (one line or several) with an empty standard input."""
        self.count += 1
        n, begin = self.count, self.console.at
        try:
            self.console.send(f'echo; echo @begin-{n}\n'
                              f'{{ {command}\n}} </dev/null\n'
                              f'echo "@end-{n} $?"\n')
            self.console.expect(rf'^@begin-{n}\r?\n', timeout)
            begin = self.console.at
            m = self.console.expect(rf'@end-{n} (\d+)\r?\n', timeout)
        except MachineError:
            self.broken = True
            raise
        text = self.console.text[begin:m.start()].replace('\r\n', '\n')
        return Result(command, KERNEL_LINE.sub('', text), int(m.group(1)))

    def check(self, command: str, timeout: float = 60) -> str:
        """run(), which must succeed; its output."""
        result = self.run(command, timeout)
        assert result.status == 0, str(result)
        return result.output

    def read(self, path: str) -> bytes:
        """A file's bytes, exactly."""
        import base64
        return base64.b64decode(self.check(f'/bin/busybox base64 {path}'))

    def ok(self) -> bool:
        """Does it still answer?"""
        if self.broken or not self.console.alive():
            return False
        try:
            return self.run('echo o""k', 30).output.strip() == 'ok'
        except MachineError:
            return False
