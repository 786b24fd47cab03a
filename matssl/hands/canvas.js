// The canvas of the widgets: shows a part of a picture of any size, asks the kernel for what it shows, and sends strokes back.
// Coordinates sent to the kernel are picture pixels, x and y, pixel centres at whole numbers.

const el = (tag, style, into) => { const e = document.createElement(tag); Object.assign(e.style, style); into.append(e); return e; };
const clamp = (x, a, b) => Math.min(Math.max(x, a), b);

function render({ model, el: root }) {
  const get = k => model.get(k), set = (k, v) => { model.set(k, v); model.save_changes(); };
  const box = el('div', { outline: 'none', display: 'inline-block', maxWidth: '100%' }, root);
  box.className = 'matssl-canvas'; box.tabIndex = 0;
  box.dataset.lmSuppressShortcuts = 'true'; // JupyterLab's own keys (d d deletes a cell) stay out while the canvas has the focus
  const canvas = el('canvas', { display: 'block', maxWidth: '100%', cursor: 'crosshair', touchAction: 'none', background: '#888', imageRendering: 'pixelated' }, box);
  const line = el('div', { font: '12px monospace', whiteSpace: 'pre-wrap', minHeight: '1.4em', padding: '2px 0' }, box);
  const ctx = canvas.getContext('2d'), id = Math.random().toString(36).slice(2);
  let at = { x: 0, y: 0, zoom: 1 }, parts = {}, whole = null, stroke = null, pan = null, pointer = null, held = null, timer = 0, space = false, drawn = 0;
  let active = null, panel = 0, sent = [], silent = 0; // the finger that draws, the panel it began in, strokes without an answer yet

  // Where things are: the panels (prediction, and truth beside it), picture to screen and back
  const panels = () => get('beside') ? 2 : 1;
  const wide = () => canvas.width / panels();
  const size = () => get('shape'); // [height, width], px
  const screen = (x, y) => [(x + .5 - at.x) * at.zoom + wide() / 2, (y + .5 - at.y) * at.zoom + canvas.height / 2];
  const under = sx => clamp(Math.floor(sx / wide()), 0, panels() - 1); // the panel under a place
  const picture = (sx, sy, k = active === null ? under(sx) : panel) => [(sx - k * wide() - wide() / 2) / at.zoom + at.x - .5, (sy - canvas.height / 2) / at.zoom + at.y - .5];
  const fit = () => { const [h, w] = size(); return { x: w / 2, y: h / 2, zoom: Math.min(wide() / w, canvas.height / h) }; };
  const mouse = e => { const r = canvas.getBoundingClientRect(); return [(e.clientX - r.left) * canvas.width / r.width, (e.clientY - r.top) * canvas.height / r.height]; };

  function keepInside() {
    const [h, w] = size(), all = fit();
    at.zoom = clamp(at.zoom, Math.min(all.zoom, 1), 32); at.x = clamp(at.x, 0, w); at.y = clamp(at.y, 0, h);
    if (at.zoom <= all.zoom * 1.0001) { at.x = all.x; at.y = all.y; }
  }
  function moved(tell = true) {
    keepInside(); draw(); clearTimeout(timer);
    timer = setTimeout(() => { want(); if (tell) set('view', [at.x, at.y, at.zoom]); }, 60);
  }

  // Everything that goes to the kernel says which picture it is about
  const hand = m => model.send({ ...m, number: get('picture_number') });

  // What is shown: one window of the picture, at native resolution or at every 2nd, 4th, ... block of pixels
  function want(layers) {
    const [h, w] = size(), step = 2 ** Math.max(0, Math.floor(Math.log2(1 / at.zoom)));
    const [x0, y0] = picture(0, 0, 0), cut = (v, n) => clamp(Math.floor(v / step) * step, 0, Math.floor((n - 1) / step) * step);
    const col = cut(x0, w), row = cut(y0, h);
    const nx = Math.min(Math.ceil((x0 + 1 + wide() / at.zoom - col) / step), Math.ceil((w - col) / step));
    const ny = Math.min(Math.ceil((y0 + 1 + canvas.height / at.zoom - row) / step), Math.ceil((h - row) / step));
    hand({ kind: 'want', id, row, col, h: Math.max(ny, 1), w: Math.max(nx, 1), step, layers: layers || get('layers') });
  }
  function received(m, buffers) {
    if (m.kind === 'changed') return want(m.layers);
    if (m.kind !== 'window' || m.id !== id || m.number !== get('picture_number')) return;
    if (m.layers.includes('labels')) { sent = []; clearTimeout(silent); silent = 0; }
    m.layers.forEach((name, i) => {
      const b = buffers[i], data = new Uint8Array(b.buffer ? b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength) : b);
      const part = { ...m, data, image: null };
      parts[name] = data.length ? part : null;
      if (name === 'picture' && !whole) whole = part;
    });
    for (const name of m.none) parts[name] = null;
    drawn += 1; box.dataset.windows = drawn; draw();
  }
  function tinted(p, colour) {
    const c = document.createElement('canvas'); c.width = p.w; c.height = p.h;
    const im = new ImageData(p.w, p.h), d = im.data, n = p.w * p.h;
    for (let i = 0; i < n; i++) colour(p.data, i, d, 4 * i);
    c.getContext('2d').putImageData(im, 0, 0); return c;
  }
  const grey = (s, i, d, o) => { d[o] = d[o + 1] = d[o + 2] = s[i]; d[o + 3] = 255; };
  const rgb = (s, i, d, o) => { d[o] = s[3 * i]; d[o + 1] = s[3 * i + 1]; d[o + 2] = s[3 * i + 2]; d[o + 3] = 255; };
  const heat = (s, i, d, o) => { d[o] = 255; d[o + 1] = 255 - s[i] / 2; d[o + 2] = 0; d[o + 3] = s[i]; };
  function classes(strength) {
    const palette = get('palette'), shown = get('shown');
    return (s, i, d, o) => {
      const k = s[i]; if (k >= palette.length || !shown[k]) return;
      d[o] = palette[k][0]; d[o + 1] = palette[k][1]; d[o + 2] = palette[k][2]; d[o + 3] = 255 * strength;
    };
  }
  function lay(p, colour, panel, smooth) {
    if (!p) return;
    p.image = p.image || tinted(p, colour);
    const [x, y] = screen(p.col - .5, p.row - .5), s = p.step * at.zoom;
    ctx.imageSmoothingEnabled = smooth; ctx.drawImage(p.image, x + panel * wide(), y, p.w * s, p.h * s);
  }
  const base = (p, panel) => p && lay(p, p.data.length === 3 * p.w * p.h ? rgb : grey, panel, at.zoom < 1);

  function draw() {
    ctx.fillStyle = '#888'; ctx.fillRect(0, 0, canvas.width, canvas.height);
    for (let panel = 0; panel < panels(); panel++) {
      ctx.save(); ctx.beginPath(); ctx.rect(panel * wide(), 0, wide(), canvas.height); ctx.clip();
      base(whole, panel); base(parts.picture, panel);
      if (panel === 1) lay(parts.truth, classes(get('opacity')), 1, false);
      else {
        lay(parts.guess, classes(get('opacity') * .6), 0, false);
        lay(parts.labels, classes(get('opacity')), 0, false);
        if (get('entropy')) lay(parts.entropy, heat, 0, false);
      }
      ctx.restore();
    }
    if (panels() === 2) { ctx.fillStyle = '#fff'; ctx.fillRect(wide() - 1, 0, 2, canvas.height); }
    scaleBar(); marks();
  }
  function marks() { // the stroke in the making, the measured line, the brush
    ctx.lineCap = ctx.lineJoin = 'round';
    const now = stroke ? [{ kind: get('tool'), label: get('label'), brush: get('brush'), points: stroke }] : [];
    for (const s of [...sent, ...now]) {
      ctx.strokeStyle = s.kind === 'erase' ? 'rgba(255,255,255,.7)' : `rgba(${get('palette')[s.label] || [255, 255, 255]},.7)`;
      ctx.lineWidth = s.kind === 'outline' ? 2 : Math.max(1, 2 * s.brush * at.zoom);
      ctx.beginPath(); s.points.forEach(([x, y], i) => ctx[i ? 'lineTo' : 'moveTo'](...screen(x, y)));
      if (s.points.length === 1) ctx.lineTo(...screen(s.points[0][0] + .01, s.points[0][1]));
      ctx.stroke();
    }
    const l = get('line');
    if (l.length === 4) {
      const a = screen(l[0], l[1]), b = screen(l[2], l[3]);
      for (const [w, c] of [[4, '#000'], [2, '#fd0']]) {
        ctx.lineWidth = w; ctx.strokeStyle = c; ctx.beginPath(); ctx.moveTo(...a); ctx.lineTo(...b); ctx.stroke();
        for (const p of [a, b]) { ctx.beginPath(); ctx.moveTo(p[0], p[1] - 8); ctx.lineTo(p[0], p[1] + 8); ctx.stroke(); }
      }
    }
    const r = get('region');
    if (r.length === 4) {
      const [x, y] = screen(r[1] - .5, r[0] - .5);
      ctx.setLineDash([6, 4]); ctx.lineWidth = 2; ctx.strokeStyle = '#fff'; ctx.strokeRect(x, y, r[3] * at.zoom, r[2] * at.zoom); ctx.setLineDash([]);
    }
    if (pointer && ['brush', 'erase'].includes(get('tool'))) {
      ctx.lineWidth = 1; ctx.strokeStyle = '#fff'; ctx.beginPath(); ctx.arc(...pointer, Math.max(1, get('brush') * at.zoom), 0, 7); ctx.stroke();
    }
  }
  function scaleBar() {
    const um = get('um_per_px'); if (!um) return;
    const most = wide() / 4 * um / at.zoom, e = 10 ** Math.floor(Math.log10(most)), length = [5, 2, 1].find(k => k * e <= most) * e, px = length / um * at.zoom;
    const text = length >= 1 ? `${+length.toPrecision(2)} µm` : `${+(length * 1000).toPrecision(2)} nm`, x = 12, y = canvas.height - 14;
    ctx.font = '13px sans-serif'; const room = Math.max(px, ctx.measureText(text).width) + 12;
    ctx.fillStyle = 'rgba(0,0,0,.55)'; ctx.fillRect(x - 6, y - 20, room, 30);
    ctx.fillStyle = '#fff'; ctx.fillRect(x, y, px, 4); ctx.fillText(text, x, y - 5);
  }
  function readOut() {
    let t = `${at.zoom >= 1 ? +at.zoom.toPrecision(3) + ' screen px a picture px' : '1 screen px = ' + (1 / at.zoom).toPrecision(3) + ' picture px'}`;
    if (pointer) {
      const [x, y] = picture(...pointer).map(Math.round), p = parts.picture, seen = [];
      const look = q => { const i = Math.floor((x - q.col) / q.step), j = Math.floor((y - q.row) / q.step); return i >= 0 && j >= 0 && i < q.w && j < q.h ? j * q.w + i : -1; };
      if (p && p.data.length === p.w * p.h && look(p) >= 0) seen.push(`grey ${p.data[look(p)]} of 255${p.step > 1 ? `, mean of ${p.step} x ${p.step} px` : ''}`);
      for (const name of ['labels', 'guess', 'truth']) { const q = parts[name], i = q ? look(q) : -1; if (i >= 0 && get('codes')[q.data[i]] !== undefined) seen.push(`${name === 'labels' ? '' : name + ' '}${get('codes')[q.data[i]]}`); }
      if (parts.entropy && look(parts.entropy) >= 0) seen.push(`entropy ${(parts.entropy.data[look(parts.entropy)] / 255).toFixed(2)}`);
      t = `row ${y}, column ${x}   ${seen.join(', ')}   ${t}`;
    }
    line.textContent = [t, get('status'), silent === true ? 'No answer from the kernel yet: what was drawn last may not be kept.' : ''].filter(v => v).join('\n');
  }

  // Hands: wheel zooms at the pointer, space or the middle button moves, the left button does what the tool says
  canvas.addEventListener('wheel', e => {
    if (!box.contains(document.activeElement) && !e.ctrlKey) return; // the page scrolls past, until the canvas was clicked
    e.preventDefault(); const [sx, sy] = mouse(e), [x, y] = picture(sx, sy);
    at.zoom *= 2 ** (-clamp(e.deltaY, -100, 100) / 200); keepInside();
    const [nx, ny] = picture(sx, sy); at.x += x - nx; at.y += y - ny; moved();
  }, { passive: false });
  canvas.addEventListener('pointerdown', e => {
    if (active !== null) return; // a second finger
    box.focus({ preventScroll: true }); canvas.setPointerCapture(e.pointerId); pointer = mouse(e); panel = under(pointer[0]); active = e.pointerId; const p = picture(...pointer), tool = get('tool');
    if (e.button === 1 || e.button === 2 || space || tool === 'pan') pan = { from: pointer, x: at.x, y: at.y };
    else if (tool === 'fill') hand({ kind: 'fill', point: p, label: get('label'), brush: get('brush') });
    else if (tool === 'measure') measureDown(p);
    else stroke = [p];
    e.preventDefault(); draw();
  });
  function measureDown(p) {
    const l = get('line'), near = k => l.length === 4 && Math.hypot(l[k] - p[0], l[k + 1] - p[1]) * at.zoom < 10;
    held = near(0) ? 0 : near(2) ? 2 : l.length === 4 && l[0] === l[2] && l[1] === l[3] ? 2 : null;
    if (held === null) { held = 2; model.set('line', [...p, ...p]); }
    drag(p);
  }
  function drag(p) { const l = [...get('line')]; l[held] = p[0]; l[held + 1] = p[1]; model.set('line', l); }
  canvas.addEventListener('pointermove', e => {
    if (active !== null && e.pointerId !== active) return;
    pointer = mouse(e); const p = picture(...pointer);
    if (pan) { at.x = pan.x - (pointer[0] - pan.from[0]) / at.zoom; at.y = pan.y - (pointer[1] - pan.from[1]) / at.zoom; moved(); }
    else if (held !== null) drag(p);
    else if (stroke) stroke.push(p);
    draw(); readOut();
  });
  function letGo(e) {
    if (e.pointerId !== active) return;
    if (held !== null) model.save_changes();
    if (stroke) {
      const m = { kind: get('tool'), label: get('label'), brush: get('brush'), points: stroke.map(p => p.map(v => Math.round(v * 100) / 100)) };
      hand(m); sent.push(m); clearTimeout(silent); silent = setTimeout(() => { silent = true; readOut(); }, 8000);
    }
    stroke = pan = held = active = null; draw();
  }
  canvas.addEventListener('pointerup', letGo);
  canvas.addEventListener('pointercancel', letGo);
  canvas.addEventListener('pointerleave', () => { if (active === null) { pointer = null; draw(); readOut(); } });
  canvas.addEventListener('contextmenu', e => e.preventDefault());
  const tools = { b: 'brush', e: 'erase', f: 'fill', o: 'outline', p: 'pan' };
  function pressed(e) {
    const k = e.key.length === 1 ? e.key.toLowerCase() : e.key; let known = true;
    if (k === ' ' && box.contains(e.target)) space = true;
    else if (k === 'z' || k === 'y') hand({ kind: k === 'y' || e.shiftKey ? 'redo' : 'undo' });
    else if (e.ctrlKey || e.metaKey || e.altKey) known = false;
    else if (/^[0-9]$/.test(k)) { if (+k < get('codes').length) set('label', +k); }
    else if (tools[k]) { if (get('tools').includes(tools[k])) set('tool', tools[k]); }
    else if (k === '[' || k === ']') set('brush', clamp(get('brush') * (k === ']' ? 1.25 : .8), .5, 200));
    else if (k === '+' || k === '=' || k === '-') { at.zoom *= k === '-' ? .7071 : 1.4142; moved(); }
    else if (k === 'w') { at = fit(); moved(); }
    else if (k === 'n') { at.zoom = 1; moved(); }
    else if (k === 'ArrowRight' || k === 'ArrowLeft') { if (!e.repeat) hand({ kind: k === 'ArrowRight' ? 'next' : 'previous' }); }
    else known = false;
    if (known) { e.preventDefault(); e.stopPropagation(); draw(); readOut(); }
  }
  box.addEventListener('keydown', pressed);
  const typing = () => document.activeElement && document.activeElement.closest('input, select, textarea, [contenteditable]');
  const back = e => { if (e.target.closest('button')) setTimeout(() => { if (!typing()) box.focus({ preventScroll: true }); }, 50); }; // from a button back to the canvas: keys go on working, and stay out of the notebook
  let around = null, tries = 0;
  (function join() { // the widget around the canvas, once it is on the page
    around = root.isConnected ? root.closest('.widget-vbox') : null;
    if (around) around.addEventListener('click', back); else if (tries++ < 200) setTimeout(join, 50);
  })();
  box.addEventListener('keyup', e => { if (e.key === ' ') space = false; });
  box.addEventListener('blur', () => { space = false; });

  // What the kernel changes
  function resized() { [canvas.width, canvas.height] = get('size'); looked(); }
  function looked() { const [x, y, zoom] = get('view'); at = zoom ? { x, y, zoom } : fit(); moved(!zoom); }
  function another() { parts = {}; whole = stroke = pan = held = active = null; sent = []; at = fit(); moved(); }
  function again() { for (const p of Object.values(parts)) if (p) p.image = null; draw(); readOut(); }
  const on = { 'change:size': resized, 'change:beside': () => { keepInside(); moved(); }, 'change:view': () => { const [x, y, zoom] = get('view'); if (x !== at.x || y !== at.y || zoom !== at.zoom) looked(); },
    'change:picture_number': another, 'msg:custom': received };
  for (const k of ['palette', 'shown', 'opacity', 'entropy', 'label', 'tool', 'brush', 'line', 'region', 'status', 'um_per_px', 'codes']) on[`change:${k}`] = again;
  for (const [k, f] of Object.entries(on)) model.on(k, f);
  resized(); readOut();
  return () => { clearTimeout(timer); clearTimeout(silent); if (around) around.removeEventListener('click', back); for (const [k, f] of Object.entries(on)) model.off(k, f); };
}

export default { render };
