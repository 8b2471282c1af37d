# SPDX-License-Identifier: MIT
"""bench_chart.py - the history of the figures as a picture

Idea: the figures in test/data/bench.json change only by commits, so git has
their history: every version of that file is a point. Above, the geometric mean
against Linux; below, a small curve for every operation, its cost relative to
Linux's (to its first figure where Linux has none). Drawn with matplotlib, which
only this needs (`make bench CHART=1` installs it).
"""
import json
import math
import os
import subprocess

import mkrootfs

FIGURES = 'test/data/bench.json'
COLUMNS = 5


def git(*args: str) -> str:
    return subprocess.run(['git', '-C', mkrootfs.TOP, *args], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def history() -> list:
    """(commit, its operations), oldest first; what is in the tree now comes last."""
    points = []
    for commit in git('log', '--reverse', '--format=%h', '--', FIGURES).split():
        try:
            points.append((commit, json.loads(git('show', f'{commit}:{FIGURES}'))['operations']))
        except (ValueError, KeyError, subprocess.CalledProcessError):
            continue  # a commit that removed it, or had a conflict in it
    with open(os.path.join(mkrootfs.TOP, FIGURES)) as f:
        now = json.load(f)['operations']
    if not points or now != points[-1][1]:
        points.append(('now', now))
    return points


def mean(rows: dict, base: dict, column: str, without: tuple) -> float:
    logs = [math.log(v / base[n][column]) for n, v in rows.items()
            if n not in without and base.get(n, {}).get(column)]
    return math.exp(sum(logs) / len(logs))


def draw(path: str, base: dict, without: tuple) -> str:
    import matplotlib
    matplotlib.use('svg')
    import matplotlib.pyplot as plt
    points = history()
    x = list(range(len(points)))
    names = list(points[-1][1])
    rows = -(-len(names) // COLUMNS)
    figure = plt.figure(figsize=(16, 4 + 1.6 * rows))
    grid = figure.add_gridspec(rows + 2, COLUMNS, hspace=0.9)
    top = figure.add_subplot(grid[:2, :])
    for column, label in (('linux', 'Linux as shipped'), ('linux_lean', 'Linux lean')):
        top.plot(x, [mean(r, base, column, without) for _, r in points], 'o-', label=label)
    top.set_ylim(bottom=0)
    top.set_xticks(x, [c for c, _ in points], rotation=45, fontsize=7)
    top.set_title('instructions per operation: geometric mean against')
    top.legend()
    for i, name in enumerate(names):
        axes = figure.add_subplot(grid[2 + i // COLUMNS, i % COLUMNS])
        values = [r.get(name, math.nan) for _, r in points]
        unit = base.get(name, {}).get('linux') or values[-1]
        axes.plot(x, [v / unit for v in values], '.-')
        axes.set_ylim(0, max(1.05, max(v / unit for v in values if v == v) * 1.05))
        axes.axhline(1, color='gray', linewidth=0.5)
        axes.set_xticks([])
        axes.tick_params(labelsize=7)
        axes.set_title(f'{name}: {values[-1]:,.0f}', fontsize=8)
    figure.savefig(path, bbox_inches='tight')
    return f'{os.path.relpath(path)}: {len(points)} points'
