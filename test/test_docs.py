# SPDX-License-Identifier: MIT
"""The documents say what is so: every step of the protocol is a place in the code."""
import json
import os
import re

import pytest

import machine as m


def rows_of(section: str) -> list:
    """(who, step, function, file) of the tables under a heading of docs/protocol.md."""
    with open(os.path.join(m.TOP, 'docs/protocol.md')) as f:
        text = f.read()
    part = re.search(rf'^## {re.escape(section)}\n(.*?)(?=^## |\Z)', text, re.M | re.S).group(1)
    return [(who, step, function, file) for who, step, function, file in re.findall(
        r'^\| (\w+) \| ([^|]+?) \| `([^`]+)` \| `([^`]+)` \|', part, re.M)]


def expected(*keys) -> list:
    with open(os.path.join(m.TOP, 'test/data/protocol.json')) as f:
        data = json.load(f)
    steps = []
    for path in keys:
        part = data
        for key in path:
            part = part[key]
        steps += [(row['who'], row['step']) for row in part]
    return steps


SECTIONS = {
    'Direct execution without limits': [('direct_execution',)],
    'A system call': [('system_call', 'boot'), ('system_call', 'run')],
    'The timer interrupt': [('timer_interrupt', 'boot'), ('timer_interrupt', 'run')],
}


@pytest.mark.parametrize('section', SECTIONS)
def test_every_step_has_its_row(section):
    assert [(who, step) for who, step, _, _ in rows_of(section)] == expected(*SECTIONS[section])


@pytest.mark.parametrize('section', SECTIONS)
def test_every_function_is_defined_there(section):
    for _, step, function, file in rows_of(section):
        with open(os.path.join(m.TOP, file)) as f:
            text = f.read()
        name = re.escape(function)
        if file.endswith('.S'):
            found = re.search(rf'^{name}:|^\.macro {name}\b', text, re.M)
        else:
            # A definition: the name with its arguments, then a brace.
            found = re.search(rf'^[a-z][\w *]*\b{name}\([^;{{]*\)[\sA-Z_]*\n\{{', text, re.M)
        assert found, f'{step}: no {function} in {file}'


def test_links_in_documents_lead_somewhere():
    for folder in ('docs', '.'):
        for name in os.listdir(os.path.join(m.TOP, folder)):
            if not name.endswith('.md'):
                continue
            with open(os.path.join(m.TOP, folder, name)) as f:
                text = f.read()
            for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', text):
                path = os.path.join(m.TOP, folder, target)
                assert os.path.exists(path), f'{folder}/{name}: {target}'
            # Files named in running text, as `kernel/mm/fault.c`.
            for target in re.findall(r'`((?:arch|kernel|drivers|usr|test|scripts|docs)/[\w./-]+\.\w+)`',
                                     text):
                assert os.path.exists(os.path.join(m.TOP, target)), f'{folder}/{name}: {target}'
