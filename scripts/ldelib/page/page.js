/* SPDX-License-Identifier: MIT */
/*
 * page.js - three columns of steps, a timeline of the harts, and what is behind
 * a step
 *
 * Idea: the events are in the page, packed. Of the rows (several for each event)
 * only those in sight exist as elements; of the timeline only what is in the
 * window is drawn, at most one rectangle for each pixel. So the work for a frame
 * does not grow with the length of the run.
 *
 * State: view.selected is one row; the timeline and the details follow it, and
 * the window of the timeline follows the rows in sight.
 */
'use strict';

const ROW_HEIGHT = 22, SPARE_ROWS = 8, LANE_HEIGHT = 34, AXIS_HEIGHT = 36;
const COLORS = ['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377', '#ee8866',
                '#44bb99'];
const IDLE = '#bbbbbb55', TICKS = ['#205ca8', '#b8690f', '#1c7040'];
const byId = (id) => document.getElementById(id);

/* ---- the data ---------------------------------------------------------------- */

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).json();
}

/* Registers are kept as changes against what the thread had before. */
function fillRegisters(data) {
  const last = {};
  data.detail.forEach((detail, i) => {
    if (!detail.r) return;
    const before = last[data.tid[i]];
    const now = before ? before.values.slice() : [];
    for (const [number, value] of detail.r) now[number] = value;
    detail.registers = { before, values: now, event: i };
    last[data.tid[i]] = detail.registers;
  });
}

/* All rows, in order: the event of each, and which of its rows it is (-1: an
 * event that stands for no row of the tables). */
function makeRows(data, only) {
  const event = [], part = [];
  data.time.forEach((_, i) => {
    if (only !== '' && data.tid[i] !== +only) return;
    const kinds = data.kinds[data.strings[data.detail[i].n]];
    const count = Math.max(1, kinds.length);
    for (let k = 0; k < count; k++) {
      event.push(i);
      part.push(kinds.length ? k : -1);
    }
  });
  return { event, part, count: event.length };
}

/* The first index with list[index] >= value; list rises. */
function firstAtLeast(list, value, length = list.length, get = (i) => list[i]) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (get(middle) < value) low = middle + 1; else high = middle;
  }
  return low;
}

/* ---- the page ------------------------------------------------------------------ */

let data, rows, plot;
const view = { selected: -1, first: -1, last: -1, elements: new Map(), frames: 0, work: 0 };
const colorOf = new Map();

function rowOf(i) {
  const e = rows.event[i], detail = data.detail[e];
  const kinds = data.kinds[data.strings[detail.n]];
  if (rows.part[i] < 0)
    return { e, detail, column: 0, words: '(' + data.strings[detail.n].replace(/_/g, ' ') + ')',
             place: detail.p, table: 'none' };
  const [column, words, place, table] = data.rows[kinds[rows.part[i]]];
  return { e, detail, column, words, place: place < 0 ? detail.p : place, table };
}

function element(tag, text, name) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  return node;
}

const microseconds = (ns) => (ns / 1000).toLocaleString('en', {
  minimumFractionDigits: 1, maximumFractionDigits: 1 });

function makeRow(i) {
  const { e, detail, column, words } = rowOf(i);
  const first = rows.part[i] <= 0, note = first ? data.strings[detail.s] : '';
  const node = element('div', undefined, 'row c' + column + (first ? ' first' : ''));
  node.style.top = i * ROW_HEIGHT + 'px';
  node.dataset.row = i;
  node.append(element('span', first ? microseconds(data.time[e]) : ''),
              element('span', first ? data.hart[e] + ': ' + data.threads[data.tid[e]][0] : ''));
  /* It begins in its column and may go on to the right: nothing else is there. */
  const cell = element('span', words + (note ? ': ' + note : ''));
  cell.style.gridColumn = column + 3 + ' / 6';
  cell.title = cell.textContent;
  node.append(cell);
  if (i === view.selected) node.classList.add('selected');
  return node;
}

function drawRows() {
  const box = byId('scroll');
  const bottom = box.scrollTop + box.clientHeight;
  view.first = Math.min(rows.count - 1, Math.floor(box.scrollTop / ROW_HEIGHT));
  view.last = Math.min(rows.count - 1, Math.max(view.first, Math.ceil(bottom / ROW_HEIGHT) - 1));
  const first = Math.max(0, view.first - SPARE_ROWS);
  const last = Math.min(rows.count, view.last + 1 + SPARE_ROWS);
  for (const [i, node] of view.elements) {
    if (i < first || i >= last) {
      node.remove();
      view.elements.delete(i);
    }
  }
  const fresh = document.createDocumentFragment();
  for (let i = first; i < last; i++) {
    if (view.elements.has(i)) continue;
    const node = makeRow(i);
    view.elements.set(i, node);
    fresh.append(node);
  }
  byId('rows').append(fresh);
}

/* Many events may ask for a drawing; one is made in each frame. */
let wanted = false;
function drawSoon() {
  if (wanted) return;
  wanted = true;
  requestAnimationFrame(() => {
    const start = performance.now();
    wanted = false;
    drawRows();
    followRows();
    view.work += performance.now() - start;
    view.frames++;
  });
}

function select(i, scroll) {
  if (i < 0 || i >= rows.count) return;
  const old = view.elements.get(view.selected);
  if (old) old.classList.remove('selected');
  view.selected = i;
  const box = byId('scroll'), top = i * ROW_HEIGHT;
  if (scroll && (top < box.scrollTop || top + ROW_HEIGHT > box.scrollTop + box.clientHeight))
    box.scrollTop = top - box.clientHeight / 3;
  drawRows();
  const node = view.elements.get(i);
  if (node) node.classList.add('selected');
  showDetail(i);
  drawSoon();
}

/* ---- what is behind a step ------------------------------------------------------- */

function sourceOf(place) {
  const box = document.createDocumentFragment(), [file, line, name] = data.places[place];
  const { first, marked, lines } = data.sources[place];
  const title = element('h3', file + ':' + line + ' ' + name + '()');
  title.id = 'source-place';
  const pre = element('pre');
  lines.forEach((text, k) => {
    const node = element('i', String(first + k).padStart(4) + '  ' + text,
                         marked.includes(first + k) ? 'here' : '');
    pre.append(node);
  });
  box.append(title, pre);
  return box;
}

function table(heads, lines) {
  const node = element('table'), top = element('tr');
  for (const head of heads) top.append(element('th', head));
  node.append(top);
  for (const { cells, changed } of lines) {
    const line = element('tr', undefined, changed ? 'changed' : '');
    for (const cell of cells) line.append(element('td', cell));
    node.append(line);
  }
  return node;
}

function registersOf({ before, values, event }) {
  const box = document.createDocumentFragment();
  const name = (i) => data.strings[data.detail[i].n].replace(/_/g, ' ');
  const old = before ? before.values : [];
  const title = element('h3', 'Registers in the trap frame' +
    (before ? ', before and after (at ' + name(before.event) + ', now)' : ''));
  title.id = 'registers';
  box.append(title, table(['', 'before', 'after'], data.registers.map((register, k) => ({
    cells: [register, old[k] || '', values[k] || ''],
    changed: before && old[k] !== values[k] }))));
  return box;
}

function switchOf(e, detail) {
  const box = document.createDocumentFragment();
  if (detail.c) {
    const title = element('h3', 'Context: saved of A, restored of B');
    title.id = 'context';
    box.append(title, table(['', 'A, saved', 'B, restored'], detail.c.map(([n, a, b]) => ({
      cells: [data.strings[n], a, b] }))));
  }
  for (const side of ['from', 'to']) {
    if (!detail.k || !detail.k[side]) continue;
    const [address, words] = detail.k[side];
    const title = element('h3', "Kernel stack of " + (side === 'from' ? 'A' : 'B') + ', from its sp up');
    title.className = 'stack';
    box.append(title, table(['address', 'word'], words.map((word, k) => ({
      cells: ['0x' + (BigInt(address) + BigInt(8 * k)).toString(16), word] }))));
  }
  return box;
}

function showDetail(i) {
  const { e, detail, words, place, table: which } = rowOf(i);
  const box = byId('detail');
  box.replaceChildren(element('h2', words));
  const tables = { system_call: 'Row of the lecture\'s table of a system call.',
                   timer_interrupt: 'Row of the lecture\'s table of a timer interrupt.',
                   both: 'Row of both tables of the lecture.', none: '' };
  if (tables[which]) box.append(element('p', tables[which]));
  box.append(element('p', microseconds(data.time[e]) + ' µs, hart ' + data.hart[e] + ', ' +
                     data.threads[data.tid[e]][0] + ': ' +
                     data.strings[detail.n].replace(/_/g, ' ')));
  box.append(sourceOf(place));
  if (detail.a.length) {
    box.append(element('h3', 'Arguments'), table(['', ''], detail.a.map(([k, v]) => ({
      cells: [data.strings[k], data.strings[v]] }))));
  }
  box.append(switchOf(e, detail));
  if (detail.registers) box.append(registersOf(detail.registers));
  box.scrollTop = 0;
}

/* ---- the timeline ------------------------------------------------------------------ */

/* Rectangles of one hart, at most one for each pixel. */
function drawLane(ctx, lane, u, min, max, top, height) {
  const { starts, ends, tids, kernels } = lane;
  let i = Math.max(0, firstAtLeast(starts, min) - 1), painted = -1;
  for (; i < starts.length && starts[i] <= max; i++) {
    const x0 = u.valToPos(Math.max(starts[i], min), 'x', true);
    const x1 = u.valToPos(Math.min(ends[i], max), 'x', true);
    if (x1 - painted < 1 && i > 0) continue;
    const from = Math.max(x0, painted);
    const width = Math.max(1, x1 - from);
    const inset = kernels[i] ? height / 4 : 0;
    ctx.fillStyle = tids[i] === 0 ? IDLE : colorOf.get(tids[i]) || IDLE;
    ctx.globalAlpha = kernels[i] ? 0.55 : 1;
    ctx.fillRect(from, top + inset, width, height - 2 * inset);
    painted = from + width;
  }
  ctx.globalAlpha = 1;
}

/* One line for each event, in the colour of its first row's column, if there is room. */
function drawEvents(ctx, u, min, max, top, height, ratio) {
  let last = -1;
  for (let i = firstAtLeast(data.time, min); i < data.time.length && data.time[i] <= max; i++) {
    const x = Math.round(u.valToPos(data.time[i], 'x', true));
    if (x - last < 4 * ratio) continue;
    last = x;
    const kinds = data.kinds[data.strings[data.detail[i].n]];
    ctx.fillStyle = TICKS[kinds.length ? data.rows[kinds[0]][0] : 0];
    ctx.fillRect(x, top + data.hart[i] * height + height * 0.82, ratio, height * 0.16);
  }
}

function drawTimeline(u) {
  const { ctx, bbox } = u, { min, max } = u.scales.x, ratio = window.devicePixelRatio || 1;
  const height = bbox.height / data.harts;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  data.lanes.forEach((lane, hart) =>
    drawLane(ctx, lane, u, min, max, bbox.top + hart * height + height * 0.12, height * 0.66));
  drawEvents(ctx, u, min, max, bbox.top, height, ratio);
  if (rows.count && view.first >= 0) {
    const a = u.valToPos(data.time[rows.event[view.first]], 'x', true);
    const b = u.valToPos(data.time[rows.event[view.last]], 'x', true);
    ctx.fillStyle = '#ffcc0040';
    ctx.fillRect(a, bbox.top, Math.max(2, b - a), bbox.height);
  }
  if (view.selected >= 0) {
    ctx.fillStyle = '#dd2222';
    const x = u.valToPos(data.time[rows.event[view.selected]], 'x', true);
    ctx.fillRect(x - ratio, bbox.top, 2 * ratio, bbox.height);
  }
  ctx.restore();
}

function zoom(factor, at) {
  const { min, max } = plot.scales.x, end = data.time[data.time.length - 1] || 1;
  const width = Math.min(end, Math.max(100, (max - min) * factor)); /* 100 ns */
  const centre = at === undefined ? (min + max) / 2 : at;
  let from = centre - (centre - min) / (max - min) * width;
  from = Math.max(0, Math.min(from, end - width));
  plot.setScale('x', { min: from, max: from + width });
}

/* The run; the events of the boot, long before it, are further out. */
function fit() {
  const end = data.time[data.time.length - 1] || 1;
  plot.setScale('x', { min: Math.min(data.time[data.run], end - 1), max: end });
}

/*
 * Move the window so that the rows in sight are in it; redraw it in any case. It
 * stays under the mouse while the rows are where a click in it has put them.
 */
function followRows() {
  const { min, max } = plot.scales.x;
  const a = data.time[rows.event[view.first]], b = data.time[rows.event[view.last]];
  const end = data.time[data.time.length - 1] || 1, width = Math.max(max - min, b - a);
  if ((a < min || b > max) && width < end && byId('scroll').scrollTop !== view.keptTop) {
    const from = Math.max(0, Math.min((a + b) / 2 - width / 2, end - width));
    plot.setScale('x', { min: from, max: from + width });
  } else {
    plot.redraw(false, false);
  }
}

function eventAt(x, y) {
  const time = plot.posToVal(x, 'x');
  const hart = Math.max(0, Math.min(data.harts - 1,
                                    Math.floor(y / plot.over.clientHeight * data.harts)));
  const near = firstAtLeast(rows.event, time, rows.count, (i) => data.time[rows.event[i]]);
  const fits = (i) => data.hart[rows.event[i]] === hart && rows.part[i] <= 0;
  const away = (i) => Math.abs(data.time[rows.event[i]] - time);
  let before = near - 1, after = near;
  while (before >= 0 && !fits(before)) before--;
  while (after < rows.count && !fits(after)) after++;
  if (before < 0 && after === rows.count) return Math.min(near, rows.count - 1);
  if (before < 0 || (after < rows.count && away(after) < away(before))) return after;
  return before;
}

const ink = () => getComputedStyle(document.body).color;

function makeTimeline() {
  const box = byId('timeline'), end = data.time[data.time.length - 1] || 1;
  const size = () => ({ width: box.clientWidth, height: data.harts * LANE_HEIGHT + AXIS_HEIGHT });
  plot = new uPlot({
    ...size(), legend: { show: false }, padding: [4, 12, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: true } },
    select: { show: true },
    scales: { x: { time: false, range: (u, min, max) => [min, max] },
              y: { range: [0, data.harts] } },
    axes: [{ stroke: ink, size: AXIS_HEIGHT - 6, space: 120, grid: { show: false },
             values: (u, ticks) => ticks.map((t) => (t / 1000).toLocaleString('en') + ' µs') },
           { stroke: ink, size: 60, grid: { show: false }, ticks: { show: false },
             splits: () => Array.from({ length: data.harts }, (_, k) => data.harts - k - 0.5),
             values: () => Array.from({ length: data.harts }, (_, k) => 'hart ' + k) }],
    series: [{}, { points: { show: false }, paths: () => null }],
    hooks: { draw: [drawTimeline] },
  }, [[0, end], [0, 0]], box);
  let down = null;
  plot.over.addEventListener('mousedown', (e) => { down = [e.offsetX, e.offsetY]; });
  plot.over.addEventListener('click', (e) => {
    if (!down || Math.abs(down[0] - e.offsetX) < 4) {
      select(eventAt(e.offsetX, e.offsetY), true);
      view.keptTop = byId('scroll').scrollTop;
    }
  });
  plot.over.addEventListener('wheel', (e) => {
    e.preventDefault();
    const { min, max } = plot.scales.x;
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      const move = (e.deltaX || e.deltaY) / plot.over.clientWidth * (max - min);
      const from = Math.max(0, Math.min(min + move, end - (max - min)));
      plot.setScale('x', { min: from, max: from + max - min });
    } else {
      zoom(Math.exp(e.deltaY / 400), plot.posToVal(e.offsetX, 'x'));
    }
  }, { passive: false });
  new ResizeObserver(() => plot.setSize(size())).observe(box);
}

function makeLanes() {
  data.lanes = Array.from({ length: data.harts }, () => ({
    starts: [], ends: [], tids: [], kernels: [] }));
  for (const [hart, from, to, tid, kernel] of data.spans) {
    const lane = data.lanes[hart];
    lane.starts.push(from);
    lane.ends.push(to);
    lane.tids.push(tid);
    lane.kernels.push(kernel);
  }
  Object.keys(data.threads).filter((tid) => tid !== '0').forEach((tid, k) =>
    colorOf.set(+tid, COLORS[k % COLORS.length]));
}

/* ---- the whole ---------------------------------------------------------------------- */

function show(only) {
  rows = makeRows(data, only);
  view.elements.forEach((node) => node.remove());
  view.elements.clear();
  view.selected = -1;
  byId('rows').style.height = rows.count * ROW_HEIGHT + 'px';
  byId('scroll').scrollTop = 0;
  if (plot) select(0, false);
}

function listen() {
  byId('scroll').addEventListener('scroll', drawSoon, { passive: true });
  byId('rows').addEventListener('click', (e) => {
    const node = e.target.closest('.row');
    if (node) select(+node.dataset.row, false);
  });
  const step = (by) => select(Math.max(0, Math.min(rows.count - 1, view.selected + by)), true);
  const keys = { j: () => step(1), ArrowDown: () => step(1), k: () => step(-1),
                 ArrowUp: () => step(-1), '+': () => zoom(0.5), '-': () => zoom(2), 0: fit };
  document.addEventListener('keydown', (e) => {
    if (!keys[e.key] || e.ctrlKey || e.target.tagName === 'SELECT') return;
    e.preventDefault();
    keys[e.key]();
  });
  byId('next').onclick = keys.j;
  byId('previous').onclick = keys.k;
  byId('zoom-in').onclick = keys['+'];
  byId('zoom-out').onclick = keys['-'];
  byId('fit').onclick = fit;
  byId('only').onchange = (e) => show(e.target.value);
}

async function main() {
  data = await unpack(byId('data').textContent.trim());
  fillRegisters(data);
  makeLanes();
  byId('facts').textContent = data.time.length.toLocaleString('en') + ' events, ' +
    data.harts + (data.harts === 1 ? ' hart' : ' harts') +
    (data.lost ? ', ' + data.lost.toLocaleString('en') + ' lost (the rings were full)' : '');
  const choice = byId('only');
  choice.append(new Option('all threads', ''));
  for (const [tid, [name]] of Object.entries(data.threads)) choice.append(new Option(name, tid));
  rows = makeRows(data, '');
  makeTimeline();
  show('');
  fit();
  /* Begin with the run; the boot is further up. */
  const start = firstAtLeast(rows.event, data.run);
  byId('scroll').scrollTop = start * ROW_HEIGHT;
  select(start, false);
  listen();
  byId('steps').focus();
  /* For tests. */
  window.lde = { data, view, select, zoom, rowOf, rows: () => rows, plot: () => plot };
}

main().catch((error) => { byId('facts').textContent = 'This page is broken: ' + error; });
