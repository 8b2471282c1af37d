#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""experiments.py - run the pages of docs/experiments and keep their output true

    scripts/experiments.py               run every page; say which output differs
    scripts/experiments.py PAGE ...      only these
    scripts/experiments.py --update ...  write what the machine said into the pages

Idea: what a page quotes is never typed. A page names its machine in a comment
and shows sessions in blocks marked `console`; a line that begins with the
prompt, "# ", is a command, and what follows is what came back:

    <!-- machine: harts=1 icount append=preempt=none -->
    ```console
    # twice
    child:  value at 0x4a0010 is 2
    ```

The comment boots a machine for the blocks after it (the options of
scripts/qemu; without one a page has the usual machine). Two lines stand for
what cannot be typed as a command:

    ^C          the interrupt key, typed while the command runs
    (silence)   the machine says nothing more, whatever is typed; it is lost

Addresses, process numbers and instruction counts differ from build to build,
so two outputs are the same when they are with their numbers masked. Under a
comment <!-- varies --> a block's output is not compared at all; the page's own
test (test/test_experiments.py) says what has to hold.
"""
import argparse
import os
import re
import shlex
import sys
from dataclasses import dataclass, field

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = os.path.join(TOP, 'docs/experiments')
PROMPT = '# '
KEY, SILENCE = '^C', '(silence)'
BLOCK = re.compile(r'(?:<!-- machine:(?P<machine>[^>]*)-->\n+)?(?P<varies><!-- varies -->\n)?'
                   r'```console\n(?P<text>.*?)^```$', re.M | re.S)

sys.path.insert(0, os.path.join(TOP, 'test'))
import machine as m  # noqa: E402


@dataclass
class Step:
    """One command, and what the page says that came back."""
    command: str
    output: str
    live: str = ''


@dataclass
class Session:
    """One block of a page: steps on a machine."""
    options: dict = field(default_factory=dict)
    new_machine: bool = False
    varies: bool = False
    steps: list = field(default_factory=list)

    def text(self) -> str:
        return ''.join(f'{PROMPT}{s.command}\n{s.live}' for s in self.steps)


def machine_options(words: str) -> dict:
    """'harts=1 icount append="a b"' as arguments of machine.Machine."""
    options = {}
    for word in shlex.split(words):
        name, equals, value = word.partition('=')
        options[name] = value if equals else True
    return options


def pages() -> list:
    """The names of all pages, in reading order of the table of contents."""
    with open(os.path.join(PAGES, 'README.md')) as f:
        listed = re.findall(r'\]\(([\w-]+)\.md\)', f.read())
    return list(dict.fromkeys(listed))


def read_page(name: str) -> str:
    with open(os.path.join(PAGES, name + '.md')) as f:
        return f.read()


def sessions_of(text: str) -> list:
    """The sessions that a page's text shows."""
    sessions = []
    for block in BLOCK.finditer(text):
        session = Session(varies=bool(block['varies']))
        if block['machine'] is not None:
            session.new_machine = True
            session.options = machine_options(block['machine'])
        for line in block['text'].splitlines(keepends=True):
            if line.startswith(PROMPT):
                session.steps.append(Step(line[len(PROMPT):].strip(), ''))
            else:
                assert session.steps, f'a block begins without a command: {line!r}'
                session.steps[-1].output += line
        sessions.append(session)
    return sessions


def masked(text: str) -> str:
    """@text without what differs from build to build."""
    text = re.sub(r'\b0x[0-9a-f]+|\b[0-9a-f]{8,16}\b', 'H', text)
    text = re.sub(r'\d+(\.\d+)?', 'N', text)
    # A number of one digit more takes the place of a blank, also at a line's beginning.
    return re.sub(r'(?m)^ ', '', re.sub(r'[ \t]+', ' ', text))


def run_step(shell: m.Shell, step: Step, timeout: float) -> bool:
    """Run one step; False when the machine is lost after it, as the page says."""
    lines = step.output.splitlines()
    if SILENCE in lines:
        begin = shell.console.at
        shell.start(step.command)
        shell.console.settle(1.0)
        shell.send('echo is anybody there\n')
        shell.console.settle(3.0)
        said = shell.console.text[begin:].split(step.command + '\n')[-1]
        said = re.sub(r'(?s)^.*@begin-\d+\r?\n', '', said).replace('\r\n', '\n')
        assert not re.search(r'^is anybody there$', said, re.M), said
        step.live = re.sub(r'echo is anybody there\n', '', said) + SILENCE + '\n'
        return False
    if KEY in lines:
        shell.start(step.command)
        shell.console.settle(1.0)
        shell.send('\x03')
        step.live = shell.finish(timeout).output
        return True
    step.live = shell.run(step.command, timeout).output
    if step.live and not step.live.endswith('\n'):
        step.live += '\n'
    return True


def run_page(text: str, boot, timeout: float = 600) -> list:
    """
    Run the sessions of a page's @text; returns them with their live output.
    @boot(**options) makes a machine (a Console) that is somebody else's to close.
    """
    sessions = sessions_of(text)
    shell = None
    for session in sessions:
        if session.new_machine or shell is None:
            shell = boot(**session.options).shell(300)
        for step in session.steps:
            assert shell, f'the machine was lost before: {step.command}'
            if not run_step(shell, step, timeout):
                shell = None
    return sessions


def differences(sessions: list) -> list:
    """Where the page is not what was seen, as readable text."""
    out = []
    for session in sessions:
        for step in session.steps:
            if not session.varies and masked(step.output) != masked(step.live):
                out.append(f'# {step.command}\nthe page says:\n{step.output}'
                           f'the machine says:\n{step.live}')
    return out


def updated(text: str, sessions: list) -> str:
    """@text with the blocks' contents as they were seen."""
    live = iter(sessions)
    return BLOCK.sub(lambda b: b.group(0).replace(b['text'], next(live).text()), text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--update', action='store_true')
    parser.add_argument('page', nargs='*')
    args = parser.parse_args()
    wrong = 0
    for name in args.page or pages():
        booted = []

        def boot(**options):
            options.setdefault('mem', '256M')
            options.setdefault('harts', '1')
            log = os.path.join(m.LOGS, f'experiment-{name}-{len(booted)}.log')
            booted.append(m.Machine(log, **options))
            return booted[-1]

        text = read_page(name)
        try:
            sessions = run_page(text, boot)
        finally:
            for console in booted:
                console.close()
        found = differences(sessions)
        if args.update:
            with open(os.path.join(PAGES, name + '.md'), 'w') as f:
                f.write(updated(text, sessions))
        print(f'{name}: {"as the page says" if not found else "differs"}', flush=True)
        if found and not args.update:
            print('\n'.join(found))
            wrong += 1
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
