# SPDX-License-Identifier: MIT
"""scripts/lde: a run taken out of the machine, as tables, for Perfetto, and as a page."""
import json
import os
import re
import subprocess
import sys
import tty

import pytest

import browser
import machine as m
from ldelib import chrome, page, table, trace

# Processes, files, and three that only compute (on two harts), until they were sent away often
# enough: more than 10,000 events.
PROGRAM = ('for i in $(seq 40); do ls / > /dev/null; done; spin & a=$!; spin & b=$!; spin & c=$!; n=0; '
           'until [ $n -gt 40 ]; do sleep 0.3; n=0; for p in $a $b $c; do while read -r name count; do '
           'case $name in nonvol*) n=$((n + count));; esac; done < /proc/$p/status; done; done; '
           'kill -9 $a $b $c; wait')
FEW = 'cat /proc/version'
LDE = os.path.join(m.TOP, 'scripts/lde')


def lde(*arguments, status=0) -> str:
    result = subprocess.run([sys.executable, LDE, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=900 * m.SCALE,
                            check=False)
    assert result.returncode == status, result.stdout
    return result.stdout


def load(folder) -> trace.Trace:
    files = {name: (folder / name).read_bytes() for name in ('format', 'boot', 'raw', 'lost')}
    return trace.Trace(trace.Format(files['format'].decode()), files['raw'], files['boot'],
                       files['lost'].decode())


@pytest.fixture(scope='module')
def saved(tmp_path_factory, pytestconfig):
    """The folder that `scripts/lde run --save` made."""
    if pytestconfig.getoption('--kernel') or pytestconfig.getoption('--serial'):
        pytest.skip('scripts/lde boots this tree\'s kernel')
    folder = tmp_path_factory.mktemp('run')
    lde('run', '--save', folder, '--json', folder / 'json', PROGRAM)
    return folder


@pytest.fixture(scope='module')
def run(saved):
    return load(saved)


# ---- taking it out --------------------------------------------------------------------

def test_nothing_is_lost_on_the_way(run):
    """The machine's own count of events is what arrived."""
    recorded = sum(int(n) for n in re.findall(r'recorded (\d+)', run.lost))
    assert run.lost_events() == 0 and recorded > 10000
    # Those of the boot are counted too, if they were recorded to be read.
    assert recorded - run.first_of_run <= len(run.events) <= recorded + run.first_of_run
    orders = [e.order for e in run.events]
    assert orders == sorted(set(orders))


def test_what_does_not_fit_is_counted(tmp_path):
    said = lde('run', '--size', 64, '--save', tmp_path / 'run', 'for i in $(seq 20); do ls /; done')
    lost = load(tmp_path / 'run').lost_events()
    assert lost > 0 and f'{lost} events were lost' in said


@pytest.mark.parametrize('damage, says', [
    (lambda raw: raw[:-4], 'torn|broken'),
    (lambda raw: raw[:16] + b'\1\0' + raw[18:], 'broken record at byte 0'),
    (lambda raw: raw[:20] + b'\xfe' + raw[21:], 'broken record at byte 0'),
    (lambda raw: b'', 'not a single event'),
], ids=['cut', 'length', 'kind', 'empty'])
def test_damaged_records_are_refused(run, saved, damage, says):
    with pytest.raises(trace.BadTrace, match=says):
        trace.Trace(run.form, damage((saved / 'raw').read_bytes()))


def test_over_a_serial_line(tmp_path, saved):
    """A board on a cable: here a machine at the other end of a pseudo-terminal."""
    ours, line = os.openpty()
    tty.setraw(line)
    qemu = subprocess.Popen([os.path.join(m.TOP, 'scripts/qemu'), '--pipe', '--harts', '1'],
                            stdin=ours, stdout=ours)
    try:
        said = lde('run', '--serial', os.ttyname(line), '--save', tmp_path / 'run', 'hello')
    finally:
        qemu.kill()
        qemu.wait()
        os.close(ours)
        os.close(line)
    assert 'hello from user mode' in said
    events = load(tmp_path / 'run').events
    assert any(e.texts.get(1, '').startswith('hello from') for e in events if e.name == 'syscall')


def test_a_folder_without_a_trace_is_said(tmp_path):
    said = lde('show', tmp_path, status=1)
    assert 'No such file' in said


# ---- tables ----------------------------------------------------------------------------

def cells(text: str) -> list:
    """[column, words] of a table's lines; a continuation is joined."""
    out = []
    for line in text.split('-+-', 1)[1].splitlines()[1:]:
        parts = [part.rstrip() for part in line.split(' | ')] if not line.startswith('-') else []
        filled = [(trace.COLUMNS[i], part) for i, part in enumerate(parts[:3]) if part.strip()]
        if len(filled) != 1:
            continue
        column, words = filled[0]
        if words.startswith('  ') and out and out[-1][0] == column:
            out[-1][1] += ' ' + words.strip()
        else:
            out.append([column, words.strip()])
    return out


def test_every_row_is_in_the_table_in_its_column(run):
    """Unfolded, the table is the rows of all events; those of a thread are in order."""
    events = [e for episode in table.episodes(run) for e in episode.events]
    assert sorted(e.order for e in events) == [e.order for e in run.events]
    for tid in run.pids:
        orders = [e.order for e in events if e.tid == tid]
        assert orders == sorted(orders)
    shown = cells(table.as_text(run, folded=False).replace('|', ' | ').replace('  |  ', ' | '))
    expected = [(row.column, row.words) for e in events for row in e.rows]
    assert len(shown) == len(expected)
    for (column, words), (wanted_column, wanted) in zip(shown, expected):
        assert column == wanted_column and ' '.join(words.split()).startswith(wanted), \
            (words, wanted)


def unfold(node) -> list:
    if isinstance(node, table.Episode):
        return [node.key()]
    return [key for part in node.parts for key in unfold(part)] * node.times


def test_folding_loses_nothing(run):
    every = table.episodes(run)
    keys = [e.key() for e in every]
    folded = table.fold(every)
    assert len(folded) < len(every) * 0.7
    assert [key for node in folded for key in unfold(node)] == keys


def test_markdown_has_three_columns(run):
    text = table.as_markdown(run)
    rows = [line for line in text.splitlines() if line.startswith('|')]
    assert rows[0] == '| OS | Hardware | Program |'
    assert all(len(re.findall(r'(?<!\\)\|', line)) == 4 for line in rows)
    assert re.search(r'^\| \*\.\.\. \d+ times in all\* \|', text, re.M)
    assert len(rows) < len(table.as_markdown(run, folded=False).splitlines()) * 0.7


def test_words_are_the_machines(run, saved):
    """Another kernel says it otherwise and has a new event: so does the table."""
    text = run.form.text.replace('save registers to kernel stack', 'put the registers away')
    text = text.replace('Save', 'save') + 'event\t63\tteatime\tcups:u\n' \
        'row\t63\thardware\tnone\tmake tea\t0\n'
    record = trace.HEAD.pack(run.events[-1].order * 1000, 1 << 60, 5, 0, 63, 1, 0, 1, 1, 1) + \
        (3).to_bytes(8, 'little')
    other = trace.Trace(trace.Format(text), (saved / 'raw').read_bytes() + record)
    assert other.events[-1].name == 'teatime' and other.events[-1].args == {'cups': 3}
    shown = table.as_text(other)
    assert 'put the registers away' in shown and 'save registers to kernel stack' not in shown
    assert 'make tea: cups 3' in shown


def test_system_calls_read_like_strace(run):
    calls = [run.syscall_text(e) for e in run.events if e.name == 'syscall']
    assert any(re.fullmatch(r'openat\(-100, "/", \w+, \d+\) = \d+', c) for c in calls), calls[:50]
    assert any(c.startswith('exit_group(0)') for c in calls)


# ---- for Perfetto ------------------------------------------------------------------------

METADATA = {'process_name', 'process_sort_index', 'thread_name', 'thread_sort_index'}


def check_format(document: dict) -> None:
    """The Trace Event Format: fields, nesting, order, arrows, and named tracks."""
    assert set(document) <= {'traceEvents', 'displayTimeUnit', 'otherData'}
    assert document['displayTimeUnit'] in ('ms', 'ns')
    stacks, arrows, named, used = {}, {}, set(), set()
    last = 0.0
    for e in document['traceEvents']:
        assert isinstance(e['name'], str) and e['name']
        assert type(e['pid']) is int and type(e['tid']) is int
        assert isinstance(e.get('args', {}), dict)
        track = (e['pid'], e['tid'])
        if e['ph'] == 'M':
            assert e['name'] in METADATA and e['args']
            if e['name'] == 'thread_name':
                named.add(track)
            continue
        assert isinstance(e['ts'], (int, float)) and e['ts'] >= last
        last = e['ts']
        used.add(track)
        stack = stacks.setdefault(track, [])
        if e['ph'] == 'B':
            stack.append(e['name'])
        elif e['ph'] == 'E':
            assert stack and stack.pop() == e['name']
        elif e['ph'] == 'i':
            assert e['s'] in ('t', 'p', 'g')
        elif e['ph'] == 'C':
            assert e['args'] and all(isinstance(v, (int, float)) for v in e['args'].values())
        elif e['ph'] == 's':
            assert e['id'] not in arrows and stack, 'an arrow begins in a slice'
            arrows[e['id']] = (e['cat'], e['name'])
        else:
            assert e['ph'] == 'f' and e['bp'] == 'e', e['ph']
            assert arrows.pop(e['id']) == (e['cat'], e['name']) and stack
    assert not any(stacks.values()), 'slices without an end'
    assert used <= named, f'tracks without a name: {used - named}'


def test_json_is_in_the_documented_format(saved):
    document = json.loads((saved / 'json').read_text())
    assert len(document['traceEvents']) > 10000
    check_format(document)


@pytest.mark.parametrize('phase', ['E', 's', 'M'])
def test_the_check_of_the_format_can_fail(saved, phase):
    document = json.loads((saved / 'json').read_text())
    i = next(i for i, e in enumerate(document['traceEvents'])
             if e['ph'] == phase and e['name'] != 'process_name'
             and (phase != 's' or any(f['ph'] == 'f' and f['id'] == e['id']
                                      for f in document['traceEvents'])))
    if phase == 'M':
        document['traceEvents'] = [e for e in document['traceEvents'] if e['name'] != 'thread_name']
    else:
        del document['traceEvents'][i]
    with pytest.raises((AssertionError, KeyError)):
        check_format(document)


def test_json_shows_calls_and_who_ran(run):
    events = json.loads(chrome.as_json(run))['traceEvents']
    begun = [e for e in events if e['ph'] == 'B']
    assert sum(e['name'].startswith('getdents64(') for e in begun) >= 40
    spins = [e['name'] for e in begun
             if e['pid'] == chrome.HARTS_PID and e['name'].startswith('spin ')]
    assert len(set(spins)) == 3 and len(spins) > 10
    assert sum(e['ph'] == 'f' for e in events) > 40  # wake-ups, up to who then ran


# ---- the page ------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def html(saved):
    if not browser.find():
        pytest.skip('no Chromium; `scripts/setup test` installs it')
    try:
        page.chart_library()
    except page.NoLibrary as e:
        pytest.skip(str(e))
    lde('show', '--html', saved / 'run.html', saved)
    return saved / 'run.html'


@pytest.fixture(scope='module')
def tab(html):
    with browser.Browser(html) as b:
        b.wait_until('window.lde')
        yield b
        assert b.complaints() == []


def test_page_needs_no_network(html, tab, run):
    assert tab.requests() == ['file://' + str(html)]
    assert f'{len(run.events):,} events' in tab.run('document.getElementById("facts").textContent')
    assert tab.run('document.getElementById("head").innerText').split()[-3:] == \
        ['OS', 'Hardware', 'Program']
    # Nor would it without the test's switching it off.
    text = html.read_text()
    assert not re.search(r'<(?:script|img|link|iframe)[^>]+(?:src|href)=', text)
    assert '@import' not in text and 'url(http' not in text


SCROLL = '''new Promise((done) => {
  const box = document.getElementById('scroll'), view = lde.view, steps = 120;
  const step = (box.scrollHeight - box.clientHeight) / steps;
  let n = 0, most = 0, before = 0;
  const work = [];
  box.scrollTop = 0; view.frames = view.work = 0;
  const next = () => {
    most = Math.max(most, view.elements.size);
    work.push(view.work - before); before = view.work;
    if (n++ === steps) {
      // Without those frames in which the host had no time for us.
      const usual = work.sort((a, b) => a - b).slice(0, 90).reduce((a, b) => a + b) / 90;
      requestAnimationFrame(() => done({ frames: view.frames, work: usual, most,
                                         end: box.scrollTop + box.clientHeight >= box.scrollHeight - 2 }));
      return;
    }
    box.scrollTop = n * step;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next); })'''


def test_page_scrolls_smoothly(tab, tmp_path):
    """Each step of a scroll over all rows is a frame, and a frame's work does not grow
    with the run: against a page with a hundredth of the events."""
    many = tab.run(SCROLL)
    assert tab.run('lde.data.time.length') > 10000
    assert many['end'] and many['frames'] >= 118 and many['most'] < 100, many
    lde('run', '--html', tmp_path / 'few.html', FEW)
    with browser.Browser(tmp_path / 'few.html') as b:
        b.wait_until('window.lde')
        assert b.run('lde.data.time.length') < 1000
        few = b.run(SCROLL)
    assert many['work'] < 10 * few['work'], (many, few)


def test_page_zooms_smoothly(tab):
    """A turn of the wheel is one drawing; the place under the mouse stays where it is."""
    tab.run('document.getElementById("fit").click()')
    x, y, width = tab.run('(() => { const r = lde.plot().over.getBoundingClientRect();'
                          ' return [r.left, r.top + 10, r.width]; })()')
    window = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {' \
             ' const s = lde.plot().scales.x; done([s.min, s.max]); })))'
    before = tab.run(window)
    at = before[0] + (before[1] - before[0]) / 2
    drawn = 'lde.plot().hooks.draw.push(() => { lde.drawn++; })'
    tab.run('lde.drawn = 0; ' + drawn)
    for _ in range(20):
        tab.mouse('mouseWheel', x + width / 2, y, deltaX=0, deltaY=-120)
    after = tab.run(window)
    assert 1 <= tab.run('lde.drawn') <= 40
    assert after[1] - after[0] < (before[1] - before[0]) / 100
    assert after[0] < at < after[1]
    tab.run('document.getElementById("fit").click()')
    assert tab.run(window) == before


def click_row(tab, i: int) -> None:
    """Bring row @i into sight and click it with the mouse."""
    tab.run(f'document.getElementById("scroll").scrollTop = {i * 22 - 200}')
    tab.wait_until(f'lde.view.elements.has({i})')
    x, y = tab.run(f'(() => {{ const r = lde.view.elements.get({i}).getBoundingClientRect();'
                   ' return [r.left + 300, r.top + 11]; })()')
    tab.click(x, y)
    tab.wait_until(f'lde.view.selected === {i}')


def rows_by_words(run, wanted=lambda event: True) -> dict:
    """words: (index of the row on the page, event, row), the last one of each."""
    out, i = {}, 0
    for e in run.events:
        for k, row in enumerate(e.rows):
            if wanted(e):
                out[row.words] = (i + k, e, row)
        i += max(1, len(e.rows))
    return out


def test_click_shows_the_line_that_does_it(tab, run):
    """For every kind of row in the run: file, line and function, and the line's own text."""
    rows = rows_by_words(run)
    assert len(rows) > 30
    for words, (i, event, row) in rows.items():
        click_row(tab, i)
        place = run.form.places[event.place if row.place < 0 else row.place]
        assert tab.run('document.querySelector("#detail h2").textContent') == words
        assert tab.run('document.getElementById("source-place").textContent') == \
            f'{place.file}:{place.line} {place.function}()'
        with open(os.path.join(m.TOP, place.file)) as f:
            line = f.read().splitlines()[place.line - 1]
        shown = tab.run('document.querySelector("#detail .here").textContent')
        assert shown == f'{place.line:4}  {line}'
        # It is a line that reports an event, or marks a step of the assembly.
        assert run.form.places[event.place].function, words


def cells_of(tab, title: str) -> list:
    """The table behind a heading."""
    return tab.run(f'''(() => {{ const h = {title};
        return [...h.nextElementSibling.rows].map((r) => [...r.cells].map((c) => c.textContent)); }})()''')


def test_click_shows_registers_before_and_after(tab, run):
    _, event, _ = rows_by_words(run)['jump to PC after trap']
    click_row(tab, rows_by_words(run)['jump to PC after trap'][0])
    before = [e for e in run.events
              if e.tid == event.tid and e.registers and e.order < event.order][-1]
    shown = {row[0]: row[1:] for row in cells_of(tab, 'document.getElementById("registers")')[1:]}
    assert before.is_trap and set(shown) == set(run.form.words['registers'])
    for name, values in shown.items():
        assert values == [hex(before.registers[name]), hex(event.registers[name])], name
    changed = tab.run('[...document.querySelectorAll("#detail tr.changed")]'
                      '.map((r) => r.cells[0].textContent)')
    assert changed == [n for n in run.form.words['registers']
                       if before.registers[n] != event.registers[n]]


def test_click_shows_both_stacks_at_a_switch(tab, run):
    i, event, _ = rows_by_words(run, lambda e: len(e.stacks) == 2 and all(
        len(words) > 4 for _, words in e.stacks.values()))['call switch()']
    click_row(tab, i)
    context = cells_of(tab, 'document.getElementById("context")')[1:]
    assert [row[0] for row in context] == run.form.words['context']
    saved_ra, restored_ra = context[0][1:]
    assert saved_ra.startswith(hex(event.saved['ra'])) and 'schedule+' in saved_ra
    assert restored_ra.startswith(hex(event.restored['ra']))
    for k, side in enumerate(('from', 'to')):
        shown = cells_of(tab, f'document.querySelectorAll("#detail .stack")[{k}]')[1:]
        address, words = event.stacks[side]
        assert len(shown) == len(words)
        assert [row[0] for row in shown[:2]] == [hex(address), hex(address + 8)]
        assert [row[1].split()[0] for row in shown] == [hex(w) for w in words]
    assert event.stacks['from'][0] == event.args['from_sp']


def test_table_and_timeline_go_together(tab):
    """A click in the timeline selects a step there; scrolling moves the window."""
    tab.run('document.getElementById("fit").click()')
    x, y, width = tab.run('(() => { const r = lde.plot().over.getBoundingClientRect();'
                          ' return [r.left, r.top, r.width]; })()')
    at, hart = tab.run(f'[lde.plot().posToVal({width} / 3, "x"), lde.data.hart[lde.data.run]]')
    tab.click(x + width / 3, y + 17 + 34 * hart)
    time, selected_hart = tab.run('(() => { const e = lde.rows().event[lde.view.selected];'
                                  ' return [lde.data.time[e], lde.data.hart[e]]; })()')
    nearest = tab.run(f'Math.min(...lde.data.time.map((t, i) => lde.data.hart[i] === {hart}'
                      f' ? Math.abs(t - {at}) : Infinity))')
    pixel = tab.run('lde.plot().posToVal(1, "x") - lde.plot().posToVal(0, "x")')
    assert selected_hart == hart and abs(time - at) <= nearest + 2 * pixel
    tab.run(f'lde.zoom(0.05, {time})')
    tab.run('document.getElementById("scroll").scrollTop = 1e9')
    tab.wait_until('lde.view.last >= lde.rows().count - 1 && lde.plot().scales.x.max + 1 >= '
                   'lde.data.time[lde.rows().event[lde.view.last]]')


def test_keys_and_the_choice_of_a_thread(tab):
    tab.run('lde.select(10, true)')
    for key, by in (('j', 11), ('j', 12), ('k', 11)):
        tab.call('Input.dispatchKeyEvent', type='keyDown', key=key, text=key)
        tab.wait_until(f'lde.view.selected === {by}')
    tids = tab.run('''(() => { const only = document.getElementById('only');
        only.selectedIndex = only.options.length - 1; only.dispatchEvent(new Event('change'));
        return [only.value, [...new Set(lde.rows().event.map((e) => lde.data.tid[e]))]]; })()''')
    assert tids[1] == [int(tids[0])]
    tab.run('''(() => { const only = document.getElementById('only'); only.value = '';
        only.dispatchEvent(new Event('change')); })()''')
