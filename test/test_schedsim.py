# SPDX-License-Identifier: MIT
"""The kernel's scheduling policies in the simulator: the figures of OSTEP ch. 7-9, exactly.

Each entry of data/schedsim.json is a workload (scripts/schedsim tells the words)
and what is expected of it.
"""
import importlib.machinery
import importlib.util
import json
import os
import sys
import xml.etree.ElementTree as ET

import pytest

import machine as m

with open(os.path.join(m.TOP, 'test/data/schedsim.json')) as f:
    WORKLOADS = json.load(f)


@pytest.fixture(scope='session')
def schedsim(host):
    """scripts/schedsim, as a module; its program is built."""
    loader = importlib.machinery.SourceFileLoader('schedsim',
                                                  os.path.join(m.TOP, 'scripts/schedsim'))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('schedsim', loader))
    sys.modules['schedsim'] = module
    loader.exec_module(module)
    return module


def stretches(runs, with_level: bool) -> str:
    return ', '.join(f'{name}{level if with_level else ""} {begin:g} {end:g}'
                     for _, name, begin, end, level in runs)


def check(expect: dict, result) -> None:
    jobs = result.jobs
    for what in ('turnaround', 'response', 'ran'):
        for name, value in expect.get(what, {}).items():
            assert getattr(jobs[name], what) == pytest.approx(value, abs=0.005), (what, name)
        if f'average_{what}' in expect:
            assert result.average(what) == pytest.approx(expect[f'average_{what}'], abs=0.005)
    if 'runs' in expect:
        assert stretches(result.runs, False) == expect['runs']
    if 'levels' in expect:
        assert stretches(result.runs, True) == expect['levels']
    if 'order' in expect:  # one letter for each unit
        letters = ''.join(name * round(end - begin) for _, name, begin, end, _ in result.runs)
        assert letters == expect['order']
    for name, least in expect.get('at_least', {}).items():
        assert jobs[name].ran >= least, name
    for name, most in expect.get('at_most', {}).items():
        assert jobs[name].ran <= most, name
    for name, share in expect.get('shares', {}).items():
        assert jobs[name].ran / result.end == pytest.approx(share, abs=expect['within']), name
    if 'by_weight' in expect:
        to_the_end = [job for job in jobs.values() if job.finish is None]
        total = sum(job.weight for job in to_the_end)
        time = sum(job.ran for job in to_the_end)
        for job in to_the_end:
            assert job.ran == pytest.approx(time * job.weight / total,
                                            rel=expect['by_weight']), job.name
    assert result.fairness() >= expect.get('fairness', 0)


@pytest.mark.parametrize('name', WORKLOADS)
def test_workload(schedsim, name):
    check(WORKLOADS[name]['expect'], schedsim.simulate(WORKLOADS[name]))


def test_lottery_is_fair_to_long_jobs(schedsim):
    """OSTEP ch. 9, "Lottery Fairness Study": U, one finish by the other, goes to 1."""
    def unfairness(length):
        ratios = []
        for tickets in range(100, 130):  # other tickets, another sequence of winners
            jobs = [{'name': n, 'run': length, 'tickets': tickets} for n in 'AB']
            result = schedsim.simulate({'policy': 'lottery', 'unit_ms': 10, 'jobs': jobs})
            ratios.append(min(j.finish for j in result.jobs.values()) / result.end)
        return sum(ratios) / len(ratios)

    assert unfairness(1) == 0.5
    assert 0.5 < unfairness(10) < unfairness(1000)
    assert unfairness(1000) > 0.95


def test_a_policy_that_breaks_its_rule_is_noticed(schedsim):
    """Are the expectations able to fail? Give the book's MLFQ cases to round robin."""
    work = {**WORKLOADS['mlfq-short'], 'policy': 'rr'}
    with pytest.raises(AssertionError):
        check(work['expect'], schedsim.simulate(work))


def test_chart_is_svg(schedsim):
    result = schedsim.simulate(WORKLOADS['mlfq-short'])
    root = ET.fromstring(schedsim.gantt(WORKLOADS['mlfq-short'], result))
    boxes = [e for e in root if e.tag.endswith('rect')]
    assert len(boxes) == len(result.runs)
