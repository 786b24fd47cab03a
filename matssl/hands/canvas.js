// The canvas of the widgets: shows a part of a picture of any size, asks the kernel for what it shows, and sends strokes back.
// Coordinates sent to the kernel are picture pixels, x and y, pixel centres at whole numbers.
//
// `render`, at the end, is the table of contents. Each function works on one `canvas` object, made by `beginning`.
// What the kernel decides (tool, class, colours, ...) is read from the model when it is needed and kept nowhere else.

// ---------------------------------------------------------------- Small tools

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function element(tag, style, into) {
  const made = document.createElement(tag);
  Object.assign(made.style, style);
  into.append(made);
  return made;
}

function asStyle(colour, alpha) {
  return `rgba(${colour},${alpha})`;
}

// All that is said goes through here: the English text, or what stands for it in the language of the page, with its {places} filled
function say(canvas, text, values = {}) {
  const said = canvas.get('words')[text] || text;
  return said.replace(/\{(\w+)\}/g, (place, name) => values[name]);
}

// A number with the decimal sign of the page
function numeral(canvas, number) {
  return `${number}`.replace('.', () => say(canvas, '.'));
}

// ---------------------------------------------------------------- What there is

function boxIn(root) {
  const box = element('div', { outline: 'none', display: 'inline-block', maxWidth: '100%' }, root);
  box.className = 'matssl-canvas';
  box.tabIndex = 0;
  box.dataset.lmSuppressShortcuts = 'true'; // JupyterLab's own keys (d d deletes a cell) stay out while the canvas has the focus
  return box;
}

const sheetStyle = { display: 'block', maxWidth: '100%', touchAction: 'none', background: '#888', imageRendering: 'pixelated' };
// As wide as the picture, whatever is said in it
const belowStyle = { display: 'flex', flexWrap: 'wrap', gap: '0 12px', alignItems: 'flex-start', width: '0', minWidth: '100%' };
const textStyle = { font: '12px monospace', lineHeight: '1.4', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', padding: '2px 0' };
// Places of so many lines, whether anything is said in them or not: nothing below them moves. What is longer is scrolled
const lineStyle = { ...textStyle, flex: '1 1 26em', height: '2.8em', overflowY: 'auto' };
const zoomStyle = { ...textStyle, flex: 'none', display: 'flex', flexWrap: 'wrap', gap: '4px', alignItems: 'center' };
const zoomLineStyle = { minWidth: '31ch', textAlign: 'right' }; // the longest that is said there
const statusStyle = { ...textStyle, flex: '1 1 100%', fontWeight: 'bold', padding: '0', height: '4.2em', overflowY: 'auto' };
const buttonStyle = {
  font: '14px sans-serif', minWidth: '34px', height: '30px', padding: '0 6px', cursor: 'pointer',
  color: '#222', background: '#f2f2f2', border: '1px solid #999', borderRadius: '3px',
};

function beginning(model, root) {
  const box = boxIn(root);
  const sheet = element('canvas', sheetStyle, box);
  const below = element('div', belowStyle, box);
  const line = element('div', lineStyle, below);
  const zooming = element('div', zoomStyle, below);
  const zoomLine = element('span', zoomLineStyle, zooming);
  const statusLine = element('div', statusStyle, below);
  return {
    model, root, box, sheet, line, zooming, zoomLine, statusLine,
    pen: sheet.getContext('2d'),
    aside: document.createElement('canvas'), // never shown: rings are made on it
    id: Math.random().toString(36).slice(2), // one widget may be shown twice: answers go to the view that asked
    get: name => model.get(name),
    at: { x: 0, y: 0, zoom: 1 }, // what lies in the middle, px of the picture; screen pixels a picture pixel
    parts: {},       // for each layer the window that came last
    whole: null,     // the first window of the picture: drawn below, where nothing better has come yet
    drawn: 0,        // windows that have come
    asking: 0,       // timer: the next request for windows
    pointer: null,   // where the pointer is, screen pixels
    active: null,    // the pointer that is down and does what the tool says
    isPen: false,    // it is a pen: fingers do nothing meanwhile
    erases: false,   // it is the other end of a pen
    panel: 0,        // the panel that it went down in
    fingers: new Map(), // those on the screen: the number of each, and where it is
    pinch: null,     // where moving the picture with two of them began
    stroke: null,    // points of the stroke in the making
    tap: null,       // where a region is to be filled, once the hand is lifted
    pan: null,       // where moving the picture began
    held: null,      // the end of the measured line that is held: 0 or 2, its place in the list
    lineBefore: [],  // the measured line before an end was taken
    space: false,    // the space bar is down
    sent: [],        // strokes that no window has answered yet
    waiting: 0,      // timer: how long the kernel may stay silent
    silent: false,   // it has been silent for longer
    cursor: '',      // shape of the pointer
  };
}

// ---------------------------------------------------------------- Where things are

// The prediction in one panel, the truth in a second one beside it
function panelCount(canvas) {
  return canvas.get('beside') ? 2 : 1;
}

function panelWidth(canvas) {
  return canvas.sheet.width / panelCount(canvas);
}

function panelUnder(canvas, screenX) {
  return clamp(Math.floor(screenX / panelWidth(canvas)), 0, panelCount(canvas) - 1);
}

function toScreen(canvas, x, y) {
  const { at, sheet } = canvas;
  const screenX = (x + .5 - at.x) * at.zoom + panelWidth(canvas) / 2;
  const screenY = (y + .5 - at.y) * at.zoom + sheet.height / 2;
  return [screenX, screenY];
}

function panelOf(canvas, screenX) {
  return canvas.active === null ? panelUnder(canvas, screenX) : canvas.panel;
}

function toPicture(canvas, screenX, screenY, panel = panelOf(canvas, screenX)) {
  const { at, sheet } = canvas;
  const inPanel = screenX - panel * panelWidth(canvas);
  const x = (inPanel - panelWidth(canvas) / 2) / at.zoom + at.x - .5;
  const y = (screenY - sheet.height / 2) / at.zoom + at.y - .5;
  return [x, y];
}

function placeOf(canvas, event) {
  const { sheet } = canvas;
  const shown = sheet.getBoundingClientRect();
  const x = (event.clientX - shown.left) * sheet.width / shown.width;
  const y = (event.clientY - shown.top) * sheet.height / shown.height;
  return [x, y];
}

function wholePicture(canvas) {
  const [height, width] = canvas.get('shape');
  const zoom = Math.min(panelWidth(canvas) / width, canvas.sheet.height / height);
  return { x: width / 2, y: height / 2, zoom };
}

function keepInside(canvas) {
  const { at } = canvas;
  const [height, width] = canvas.get('shape');
  const all = wholePicture(canvas);
  at.zoom = clamp(at.zoom, Math.min(all.zoom, 1), 32);
  at.x = clamp(at.x, 0, width);
  at.y = clamp(at.y, 0, height);
  if (at.zoom > all.zoom * 1.0001) return;
  at.x = all.x;
  at.y = all.y;
}

// Drawn at once; the windows are asked for when the hand rests
function moved(canvas, tell = true) {
  keepInside(canvas);
  draw(canvas);
  readOut(canvas);
  clearTimeout(canvas.asking);
  canvas.asking = setTimeout(() => {
    askForWindows(canvas);
    if (tell) tellView(canvas);
  }, 60);
}

function tellView(canvas) {
  const { at } = canvas;
  setTrait(canvas, 'view', [at.x, at.y, at.zoom]);
}

function goTo(canvas, place) {
  canvas.at = place;
  moved(canvas);
}

function zoomBy(canvas, factor) {
  canvas.at.zoom *= factor;
  moved(canvas);
}

// ---------------------------------------------------------------- What goes to the kernel

function setTrait(canvas, name, value) {
  canvas.model.set(name, value);
  canvas.model.save_changes();
}

// Everything says which picture it is about: the kernel may have opened another one meanwhile
function send(canvas, message) {
  canvas.model.send({ ...message, number: canvas.get('picture_number') });
}

// Pictures are sent at native resolution, or at every 2nd, 4th, ... block of pixels
function stepAt(zoom) {
  return 2 ** Math.max(0, Math.floor(Math.log2(1 / zoom)));
}

function firstBlock(place, length, step) {
  const last = Math.floor((length - 1) / step) * step;
  return clamp(Math.floor(place / step) * step, 0, last);
}

function blockCount(end, first, length, step) {
  const seen = Math.ceil((end - first) / step);
  const left = Math.ceil((length - first) / step);
  return Math.max(Math.min(seen, left), 1);
}

function windowInSight(canvas) {
  const { at, sheet } = canvas;
  const [height, width] = canvas.get('shape');
  const step = stepAt(at.zoom);
  const [left, top] = toPicture(canvas, 0, 0, 0);
  const col = firstBlock(left, width, step);
  const row = firstBlock(top, height, step);
  const w = blockCount(left + 1 + panelWidth(canvas) / at.zoom, col, width, step);
  const h = blockCount(top + 1 + sheet.height / at.zoom, row, height, step);
  return { row, col, h, w, step };
}

function askForWindows(canvas, layers) {
  const inSight = windowInSight(canvas);
  send(canvas, { kind: 'want', id: canvas.id, ...inSight, layers: layers || canvas.get('layers') });
}

// ---------------------------------------------------------------- What comes from the kernel

function received(canvas, message, buffers) {
  if (message.kind === 'changed') askForWindows(canvas, message.layers);
  if (message.kind === 'window' && isForUs(canvas, message)) takeWindows(canvas, message, buffers);
}

function isForUs(canvas, message) {
  return message.id === canvas.id && message.number === canvas.get('picture_number');
}

function takeWindows(canvas, message, buffers) {
  if (message.layers.includes('labels')) strokesAnswered(canvas);
  message.layers.forEach((name, i) => takeLayer(canvas, name, message, buffers[i]));
  for (const name of message.none) canvas.parts[name] = null;
  canvas.drawn += 1;
  canvas.box.dataset.windows = canvas.drawn;
  draw(canvas);
  readOut(canvas);
}

function takeLayer(canvas, name, message, buffer) {
  const data = bytesOf(buffer);
  const part = { ...message, data, image: null };
  canvas.parts[name] = data.length ? part : null;
  if (name === 'picture' && !canvas.whole) canvas.whole = part;
}

function bytesOf(buffer) {
  if (!buffer.buffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}

function strokesAnswered(canvas) {
  canvas.sent = [];
  clearTimeout(canvas.waiting);
  canvas.silent = false;
}

// ---------------------------------------------------------------- Colours of a window

// A colouring paints pixel `i` of `source` into four bytes of `out` from `o` on: red, green, blue, alpha
function grey(source, i, out, o) {
  out[o] = source[i];
  out[o + 1] = source[i];
  out[o + 2] = source[i];
  out[o + 3] = 255;
}

function rgb(source, i, out, o) {
  out[o] = source[3 * i];
  out[o + 1] = source[3 * i + 1];
  out[o + 2] = source[3 * i + 2];
  out[o + 3] = 255;
}

function heat(source, i, out, o) {
  out[o] = 255;
  out[o + 1] = 255 - source[i] / 2;
  out[o + 2] = 0;
  out[o + 3] = source[i];
}

function classColours(canvas, strength) {
  const palette = canvas.get('palette');
  const shown = canvas.get('shown');
  return (source, i, out, o) => {
    const label = source[i];
    if (label >= palette.length || !shown[label]) return;
    out[o] = palette[label][0];
    out[o + 1] = palette[label][1];
    out[o + 2] = palette[label][2];
    out[o + 3] = 255 * strength;
  };
}

function coloured(part, colouring) {
  const image = new ImageData(part.w, part.h);
  for (let i = 0; i < part.w * part.h; i++) colouring(part.data, i, image.data, 4 * i);
  const made = document.createElement('canvas');
  made.width = part.w;
  made.height = part.h;
  made.getContext('2d').putImageData(image, 0, 0);
  return made;
}

function isGrey(part) {
  return part.data.length === part.w * part.h;
}

// ---------------------------------------------------------------- Drawing

function draw(canvas) {
  shapePointer(canvas);
  drawGround(canvas);
  for (let panel = 0; panel < panelCount(canvas); panel++) drawPanel(canvas, panel);
  if (panelCount(canvas) === 2) drawDivider(canvas);
  drawScaleBar(canvas);
  drawStrokes(canvas);
  drawMeasuredLine(canvas);
  drawRegion(canvas);
  drawBrush(canvas);
}

function drawGround({ pen, sheet }) {
  pen.fillStyle = '#888';
  pen.fillRect(0, 0, sheet.width, sheet.height);
}

function drawPanel(canvas, panel) {
  const { pen, sheet, parts } = canvas;
  const wide = panelWidth(canvas);
  pen.save();
  pen.beginPath();
  pen.rect(panel * wide, 0, wide, sheet.height);
  pen.clip();
  layPicture(canvas, canvas.whole, panel);
  layPicture(canvas, parts.picture, panel);
  if (panel === 0) layPrediction(canvas);
  else layTruth(canvas);
  pen.restore();
}

function layPicture(canvas, part, panel) {
  if (!part) return;
  lay(canvas, part, isGrey(part) ? grey : rgb, panel, canvas.at.zoom < 1);
}

function layPrediction(canvas) {
  const { parts } = canvas;
  const opacity = canvas.get('opacity');
  lay(canvas, parts.guess, classColours(canvas, opacity * .6), 0, false);
  lay(canvas, parts.labels, classColours(canvas, opacity), 0, false);
  if (parts.labels && opacity && isHand(canvas)) drawEdges(canvas, parts.labels);
  if (canvas.get('entropy')) lay(canvas, parts.entropy, heat, 0, false);
}

function layTruth(canvas) {
  lay(canvas, canvas.parts.truth, classColours(canvas, canvas.get('opacity')), 1, false);
}

function lay(canvas, part, colouring, panel, smooth) {
  if (!part) return;
  part.image = part.image || coloured(part, colouring);
  const { pen, at } = canvas;
  const [x, y] = toScreen(canvas, part.col - .5, part.row - .5);
  const side = part.step * at.zoom; // of a block, screen pixels
  pen.imageSmoothingEnabled = smooth;
  pen.drawImage(part.image, x + panel * panelWidth(canvas), y, part.w * side, part.h * side);
}

// ---------------------------------------------------------------- Seen on any grey level
// A light line between dark ones: one of the two stands out on whatever lies below

const dark = 'rgba(0,0,0,.75)';
const light = '#fff';

function strokeIn(pen, path, width, colour) {
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke(path);
}

function strokeOutlined(pen, path, width, colour) {
  strokeIn(pen, path, width + 2, dark);
  strokeIn(pen, path, width, colour);
}

function emptied({ sheet, aside }) {
  aside.width = sheet.width; // this empties it
  aside.height = sheet.height;
  return aside.getContext('2d');
}

// A light ring and a dark one around a line, beside it and not below it
function drawRings(canvas, path, width) {
  const { pen, aside } = canvas;
  const made = emptied(canvas);
  made.lineCap = 'round';
  made.lineJoin = 'round';
  strokeIn(made, path, width + 5, dark);
  strokeIn(made, path, width + 3, light);
  made.globalCompositeOperation = 'destination-out';
  strokeIn(made, path, width, '#000');
  pen.drawImage(aside, 0, 0);
}

// Can a hand draw here?
function isHand(canvas) {
  return canvas.get('tools').includes('brush');
}

// Where strokes lie is seen in any colour, a black one on a black pore too. The rings lie outside: a thin stroke keeps its colour
function drawEdges(canvas, part) {
  part.edges = part.edges || edgesOf(part, canvas.get('shown'));
  part.drawn = part.drawn || coloured(part, opaqueWhere(canvas.get('shown')));
  const side = part.step * canvas.at.zoom; // of a block, screen pixels
  const [x, y] = toScreen(canvas, part.col - .5, part.row - .5);
  const path = new Path2D();
  path.addPath(part.edges, new DOMMatrix([side, 0, 0, side, x, y]));
  const made = emptied(canvas);
  made.lineCap = 'square';
  strokeIn(made, path, 5, dark);
  strokeIn(made, path, 3, light);
  made.globalCompositeOperation = 'destination-out';
  made.imageSmoothingEnabled = false;
  made.drawImage(part.drawn, x, y, part.w * side, part.h * side);
  canvas.pen.drawImage(canvas.aside, 0, 0);
}

function opaqueWhere(shown) {
  return (data, i, rgba, at) => { rgba[at + 3] = shown[data[i]] ? 255 : 0; };
}

const mostEdges = 20000; // of more, such as those of a noisy mask, none is drawn: the hand would wait for them

// Between blocks of a class that is shown and blocks without one; in blocks
function edgesOf({ w, h, data }, shown) {
  const isDrawn = new Uint8Array(w * h);
  for (let i = 0; i < w * h; i++) isDrawn[i] = shown[data[i]] ? 1 : 0;
  const lines = [];
  for (let y = 1; y < h; y++) {
    for (const [from, to] of stepsBetween(isDrawn, (y - 1) * w, y * w, 1, w)) lines.push([from, y, to, y]);
  }
  for (let x = 1; x < w; x++) {
    for (const [from, to] of stepsBetween(isDrawn, x - 1, x, w, h)) lines.push([x, from, x, to]);
  }
  const path = new Path2D();
  if (lines.length <= mostEdges) for (const line of lines) addLine(path, ...line);
  return path;
}

// Along two rows or columns, which begin at `one` and `other`: from where to where they differ
function stepsBetween(values, one, other, step, n) {
  const found = [];
  let from = -1;
  for (let i = 0; i <= n; i++) {
    const differ = i < n && values[one + i * step] !== values[other + i * step];
    if (differ && from < 0) from = i;
    if (differ || from < 0) continue;
    found.push([from, i]);
    from = -1;
  }
  return found;
}

function addLine(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}

// ---------------------------------------------------------------- Over the picture

function drawDivider(canvas) {
  const { pen, sheet } = canvas;
  pen.fillStyle = '#fff';
  pen.fillRect(panelWidth(canvas) - 1, 0, 2, sheet.height);
}

// Strokes that the kernel has not answered yet, and the one in the making
function drawStrokes(canvas) {
  const { pen, sent, stroke } = canvas;
  pen.lineCap = 'round';
  pen.lineJoin = 'round';
  for (const one of sent) drawStroke(canvas, one);
  if (stroke) drawStroke(canvas, inTheHand(canvas, stroke));
}

function drawStroke(canvas, { kind, label, brush, points }) {
  const colour = canvas.get('palette')[label] || [255, 255, 255];
  const width = kind === 'outline' ? 2 : Math.max(1, 2 * brush * canvas.at.zoom);
  const path = pathThrough(canvas, points, kind === 'outline');
  drawRings(canvas, path, width);
  strokeIn(canvas.pen, path, width, asStyle(kind === 'erase' ? [255, 255, 255] : colour, .7));
}

// What is circled is closed from the start: so it is seen what will be filled
function pathThrough(canvas, points, isClosed) {
  const path = new Path2D();
  points.forEach(([x, y], i) => path[i ? 'lineTo' : 'moveTo'](...toScreen(canvas, x, y)));
  const [[x, y]] = points;
  if (points.length === 1) path.lineTo(...toScreen(canvas, x + .01, y)); // a line of no length is not drawn
  if (isClosed) path.closePath();
  return path;
}

function drawMeasuredLine(canvas) {
  const line = canvas.get('line');
  if (line.length !== 4) return;
  const ends = [toScreen(canvas, line[0], line[1]), toScreen(canvas, line[2], line[3])];
  const path = new Path2D();
  addLine(path, ...ends[0], ...ends[1]);
  for (const [x, y] of ends) addLine(path, x, y - 8, x, y + 8);
  strokeOutlined(canvas.pen, path, 2, '#fd0');
}

function drawRegion(canvas) {
  const { pen, at } = canvas;
  const region = canvas.get('region');
  if (region.length !== 4) return;
  const [row, col, height, width] = region;
  const path = new Path2D();
  path.rect(...toScreen(canvas, col - .5, row - .5), width * at.zoom, height * at.zoom);
  strokeIn(pen, path, 4, dark);
  pen.setLineDash([6, 4]);
  strokeIn(pen, path, 2, light);
  pen.setLineDash([]);
}

function drawBrush(canvas) {
  const { pen, at, pointer } = canvas;
  if (!pointer || !['brush', 'erase'].includes(canvas.get('tool'))) return;
  const path = new Path2D();
  path.arc(...pointer, Math.max(1, canvas.get('brush') * at.zoom), 0, 7);
  strokeOutlined(pen, path, 1.5, light);
}

// ---------------------------------------------------------------- The pointer's own shape

function crosshair() {
  const lines = 'M12 1v8M12 15v8M1 12h8M15 12h8';
  const stroked = (colour, width) => `<path d="${lines}" stroke="${colour}" stroke-width="${width}px"/>`;
  const both = stroked('#000', 3) + stroked('#fff', 1);
  const image = `<svg xmlns="http://www.w3.org/2000/svg" width="24px" height="24px">${both}</svg>`;
  return `url("data:image/svg+xml,${encodeURIComponent(image)}") 12 12, crosshair`;
}

const crosshairCursor = crosshair();

function cursorOf(canvas) {
  if (canvas.pan) return 'grabbing';
  return canvas.space || canvas.get('tool') === 'pan' ? 'grab' : crosshairCursor;
}

function shapePointer(canvas) {
  const cursor = cursorOf(canvas);
  if (canvas.cursor !== cursor) canvas.sheet.style.cursor = cursor;
  canvas.cursor = cursor;
}

// ---------------------------------------------------------------- The scale bar

// 1, 2 or 5 times a power of ten
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].find(times => times * power <= most) * power;
}

function lengthInWords(canvas, um) {
  const inMicrometres = um >= 1;
  const number = +(inMicrometres ? um : um * 1000).toPrecision(2);
  return `${numeral(canvas, number)} ${inMicrometres ? 'µm' : 'nm'}`;
}

function drawScaleBar(canvas) {
  const { pen, at, sheet } = canvas;
  const umPerPx = canvas.get('um_per_px');
  if (!umPerPx) return;
  const um = roundLength(panelWidth(canvas) / 4 * umPerPx / at.zoom);
  const length = um / umPerPx * at.zoom;
  const text = lengthInWords(canvas, um);
  const x = 12;
  const y = sheet.height - 14;
  pen.font = '13px sans-serif';
  const room = Math.max(length, pen.measureText(text).width) + 12;
  pen.fillStyle = asStyle([0, 0, 0], .55);
  pen.fillRect(x - 6, y - 20, room, 30);
  pen.fillStyle = '#fff';
  pen.fillRect(x, y, length, 4);
  pen.fillText(text, x, y - 5);
}

// ---------------------------------------------------------------- Below the picture

function readOut(canvas) {
  canvas.line.textContent = canvas.pointer ? underThePointer(canvas) : '';
  const late = canvas.silent ? say(canvas, 'No answer yet: what was drawn last is seen here, but not kept so far.') : '';
  const sentences = [canvas.get('said'), late].filter(text => text);
  canvas.statusLine.textContent = sentences.join('\n');
  canvas.zoomLine.textContent = zoomInWords(canvas);
  canvas.sheet.title = canvas.pointer ? doubtInFigures(canvas) : '';
}

function zoomInWords(canvas) {
  const { zoom } = canvas.at;
  if (zoom >= 1) return say(canvas, '1 picture px = {n} screen px', { n: numeral(canvas, +zoom.toPrecision(3)) });
  return say(canvas, '1 screen px = {n} picture px', { n: numeral(canvas, (1 / zoom).toPrecision(3)) });
}

function placeUnderPointer(canvas) {
  return toPicture(canvas, ...canvas.pointer).map(Math.round);
}

// Where a hand can draw, the labels are its own; where none can, a model has filled them in
function underThePointer(canvas) {
  const [x, y] = placeUnderPointer(canvas);
  const { picture, labels, guess, truth, entropy } = canvas.parts;
  const isDrawn = isHand(canvas);
  const named = classAt(canvas, labels, x, y);
  const seen = [
    greyInWords(canvas, picture, x, y),
    isDrawn ? named : inPlace(named, name => say(canvas, 'filled in as {name}', { name })),
    doubtInWords(canvas, entropy, x, y),
    inPlace(classAt(canvas, guess, x, y), name => say(canvas, 'filled in as {name}', { name })),
    inPlace(classAt(canvas, truth, x, y), name => say(canvas, 'should be {name}', { name })),
  ];
  const place = say(canvas, 'row {row}, column {column}', { row: y, column: x });
  return `${place}   ${seen.filter(text => text).join(', ')}`;
}

// The value of a window at a pixel of the picture; undefined outside of it
function valueAt(part, x, y) {
  if (!part) return undefined;
  const across = Math.floor((x - part.col) / part.step);
  const down = Math.floor((y - part.row) / part.step);
  const inside = across >= 0 && down >= 0 && across < part.w && down < part.h;
  return inside ? part.data[down * part.w + across] : undefined;
}

function greyInWords(canvas, part, x, y) {
  if (!part || !isGrey(part)) return '';
  const value = valueAt(part, x, y);
  if (value === undefined) return '';
  const { step } = part;
  if (step > 1) return say(canvas, 'grey {value} of 255, mean of {step} x {step} px', { value, step });
  return say(canvas, 'grey {value} of 255', { value });
}

function classAt(canvas, part, x, y) {
  return canvas.get('codes')[valueAt(part, x, y)] || '';
}

function inPlace(name, words) {
  return name && words(name);
}

// Of two classes a model is sure above 95 %, and not sure below 85 %
function doubtInWords(canvas, part, x, y) {
  const value = valueAt(part, x, y);
  if (value === undefined) return '';
  if (value < .3 * 255) return say(canvas, 'sure');
  return value < .6 * 255 ? say(canvas, 'not quite sure') : say(canvas, 'not sure');
}

// For experts: a tip where the pointer rests
function doubtInFigures(canvas) {
  const value = valueAt(canvas.parts.entropy, ...placeUnderPointer(canvas));
  return value === undefined ? '' : say(canvas, 'entropy {value} of 1', { value: numeral(canvas, (value / 255).toFixed(2)) });
}

// ---------------------------------------------------------------- Buttons
// For hands without a wheel and without keys

const zoomButtons = [
  { name: () => '+', tip: canvas => say(canvas, 'Nearer (key +)'), act: canvas => zoomBy(canvas, 1.4142) },
  { name: () => '−', tip: canvas => say(canvas, 'Farther (key -)'), act: canvas => zoomBy(canvas, .7071) },
  { name: canvas => say(canvas, 'fit'), tip: canvas => say(canvas, 'The whole picture (key w)'), act: goToWhole },
  { name: () => '1:1', tip: canvas => say(canvas, 'Pixel by pixel (key n)'), act: goToNative },
];

function goToWhole(canvas) {
  goTo(canvas, wholePicture(canvas));
}

function goToNative(canvas) {
  goTo(canvas, { ...canvas.at, zoom: 1 });
}

function makeButtons(canvas) {
  canvas.buttons = zoomButtons.map(({ act }) => {
    const button = element('button', buttonStyle, canvas.zooming);
    button.type = 'button';
    button.addEventListener('click', () => act(canvas));
    return button;
  });
  nameButtons(canvas);
}

function nameButtons(canvas) {
  zoomButtons.forEach(({ name, tip }, i) => {
    canvas.buttons[i].textContent = name(canvas);
    canvas.buttons[i].title = tip(canvas);
  });
}

// ---------------------------------------------------------------- The wheel

function zoomAt(canvas, screenX, screenY, factor) {
  const { at } = canvas;
  const [x, y] = toPicture(canvas, screenX, screenY);
  at.zoom *= factor;
  keepInside(canvas);
  const [newX, newY] = toPicture(canvas, screenX, screenY);
  at.x += x - newX;
  at.y += y - newY;
  moved(canvas);
}

function wheeled(canvas, event) {
  const clicked = canvas.box.contains(document.activeElement);
  if (!clicked && !event.ctrlKey) return; // the page scrolls past, until the canvas was clicked
  event.preventDefault();
  const factor = 2 ** (-clamp(event.deltaY, -100, 100) / 200);
  zoomAt(canvas, ...placeOf(canvas, event), factor);
}

function listenToWheel(canvas) {
  canvas.sheet.addEventListener('wheel', event => wheeled(canvas, event), { passive: false });
}

// ---------------------------------------------------------------- The pointer
// Space or the middle button moves the picture; the left button, a pen or one finger does what the tool says

function pressed(canvas, event) {
  event.preventDefault();
  if (event.pointerType === 'touch') fingerDown(canvas, event);
  else if (event.pointerType === 'pen') penDown(canvas, event);
  else handDown(canvas, event);
  draw(canvas);
}

function handDown(canvas, event) {
  if (canvas.active !== null) return; // one thing at a time
  takeInHand(canvas);
  canvas.box.focus({ preventScroll: true });
  canvas.sheet.setPointerCapture(event.pointerId);
  canvas.pointer = placeOf(canvas, event);
  canvas.panel = panelUnder(canvas, canvas.pointer[0]);
  canvas.active = event.pointerId;
  beginWith(canvas, event.button);
}

function beginWith(canvas, button) {
  const tool = canvas.get('tool');
  const point = toPicture(canvas, ...canvas.pointer);
  if (canvas.erases) canvas.stroke = [point];
  else if (button === 1 || button === 2 || canvas.space || tool === 'pan') beginPan(canvas);
  else if (tool === 'fill') canvas.tap = point;
  else if (tool === 'measure') beginMeasure(canvas, point);
  else canvas.stroke = [point];
}

function dragged(canvas, event) {
  const isFinger = canvas.fingers.has(event.pointerId);
  if (event.pointerType === 'touch' && !isFinger) return; // a hand that rests beside the pen
  if (isFinger) canvas.fingers.set(event.pointerId, placeOf(canvas, event));
  if (canvas.pinch) goOnPinch(canvas);
  else if (canvas.active === null || canvas.active === event.pointerId) handMoved(canvas, event);
}

function handMoved(canvas, event) {
  canvas.pointer = placeOf(canvas, event);
  const point = toPicture(canvas, ...canvas.pointer);
  if (canvas.pan) goOnPan(canvas);
  else if (canvas.held !== null) dragEnd(canvas, point);
  else if (canvas.stroke) canvas.stroke.push(...pointsOf(canvas, event));
  draw(canvas);
  readOut(canvas);
}

// A quick hand is in several places before the page is drawn once: they come with one event
function pointsOf(canvas, event) {
  const joined = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  const events = joined.length ? joined : [event];
  return events.map(one => toPicture(canvas, ...placeOf(canvas, one)));
}

function released(canvas, event) {
  fingerUp(canvas, event);
  if (event.pointerId !== canvas.active) return;
  if (canvas.held !== null) canvas.model.save_changes();
  if (canvas.stroke) sendStroke(canvas);
  if (canvas.tap) sendFill(canvas, canvas.tap);
  handsOff(canvas);
  draw(canvas);
}

// The system says that a finger was none, a resting palm for example; a stroke of the mouse or the pen is kept
function cancelled(canvas, event) {
  const wasDrawing = event.pointerId === canvas.active;
  if (event.pointerType === 'touch' && wasDrawing) takeBack(canvas);
  released(canvas, event);
  draw(canvas);
}

function handsOff(canvas) {
  canvas.stroke = null;
  canvas.tap = null;
  canvas.pan = null;
  canvas.held = null;
  canvas.active = null;
  canvas.isPen = false;
  canvas.erases = false;
}

// What has begun is not done
function takeBack(canvas) {
  if (canvas.held !== null) canvas.model.set('line', canvas.lineBefore);
  handsOff(canvas);
}

function pointerGone(canvas) {
  if (canvas.active !== null) return;
  canvas.pointer = null;
  draw(canvas);
  readOut(canvas);
}

function listenToPointer(canvas) {
  const { sheet } = canvas;
  sheet.addEventListener('pointerdown', event => pressed(canvas, event));
  sheet.addEventListener('pointermove', event => dragged(canvas, event));
  sheet.addEventListener('pointerup', event => released(canvas, event));
  sheet.addEventListener('pointercancel', event => cancelled(canvas, event));
  sheet.addEventListener('pointerleave', () => pointerGone(canvas));
  sheet.addEventListener('contextmenu', event => event.preventDefault());
}

// ---------------------------------------------------------------- Pen and fingers
// A second finger takes back what the first has begun: two move the picture and zoom. A pen counts more than fingers

const eraserEnd = 5; // its button

function penDown(canvas, event) {
  if (canvas.isPen) return;
  takeBack(canvas);
  canvas.fingers.clear();
  canvas.pinch = null;
  canvas.isPen = true;
  canvas.erases = event.button === eraserEnd && canvas.get('tools').includes('erase');
  handDown(canvas, event);
}

function fingerDown(canvas, event) {
  if (canvas.isPen) return;
  canvas.sheet.setPointerCapture(event.pointerId);
  canvas.fingers.set(event.pointerId, placeOf(canvas, event));
  if (canvas.fingers.size === 1) handDown(canvas, event);
  if (canvas.fingers.size === 2) beginPinch(canvas);
}

// Of three fingers two are left: they begin anew. The last one draws nothing
function fingerUp(canvas, event) {
  const wasThere = canvas.fingers.delete(event.pointerId);
  if (!wasThere || !canvas.pinch) return;
  canvas.pinch = null;
  if (canvas.fingers.size > 1) beginPinch(canvas);
}

function betweenFingers(canvas) {
  const [[x1, y1], [x2, y2]] = [...canvas.fingers.values()];
  const middle = [(x1 + x2) / 2, (y1 + y2) / 2];
  const apart = Math.max(Math.hypot(x2 - x1, y2 - y1), 10); // screen pixels
  return { middle, apart };
}

function beginPinch(canvas) {
  takeBack(canvas);
  canvas.pointer = null;
  const { middle, apart } = betweenFingers(canvas);
  const panel = panelUnder(canvas, middle[0]);
  canvas.pinch = { apart, panel, zoom: canvas.at.zoom, place: toPicture(canvas, ...middle, panel) };
}

// The place between the fingers stays between them
function goOnPinch(canvas) {
  const { at, pinch } = canvas;
  const { middle, apart } = betweenFingers(canvas);
  at.zoom = pinch.zoom * apart / pinch.apart;
  keepInside(canvas);
  const [x, y] = toPicture(canvas, ...middle, pinch.panel);
  at.x += pinch.place[0] - x;
  at.y += pinch.place[1] - y;
  moved(canvas);
}

// ---------------------------------------------------------------- What the tools do

function beginPan(canvas) {
  canvas.pan = { from: canvas.pointer, x: canvas.at.x, y: canvas.at.y };
}

function goOnPan(canvas) {
  const { at, pan, pointer } = canvas;
  at.x = pan.x - (pointer[0] - pan.from[0]) / at.zoom;
  at.y = pan.y - (pointer[1] - pan.from[1]) / at.zoom;
  moved(canvas);
}

function sendFill(canvas, point) {
  send(canvas, { kind: 'fill', point, label: canvas.get('label'), brush: canvas.get('brush') });
}

// A stroke with the tool, the class and the brush of this moment
function inTheHand(canvas, points) {
  const kind = canvas.erases ? 'erase' : canvas.get('tool');
  return { kind, label: canvas.get('label'), brush: canvas.get('brush'), points };
}

function toHundredths(value) {
  return Math.round(value * 100) / 100;
}

function sendStroke(canvas) {
  const message = inTheHand(canvas, canvas.stroke.map(point => point.map(toHundredths)));
  send(canvas, message);
  canvas.sent.push(message);
  awaitAnswer(canvas);
}

function awaitAnswer(canvas) {
  clearTimeout(canvas.waiting);
  canvas.silent = false;
  canvas.waiting = setTimeout(() => {
    canvas.silent = true;
    readOut(canvas);
  }, 8000);
}

// The first click sets both ends, the second one the other end; later an end is taken where one is near
function beginMeasure(canvas, point) {
  canvas.lineBefore = canvas.get('line');
  canvas.held = endToHold(canvas, point);
  if (canvas.held === null) {
    canvas.held = 2;
    canvas.model.set('line', [...point, ...point]);
  }
  dragEnd(canvas, point);
}

function endToHold(canvas, point) {
  const line = canvas.get('line');
  if (line.length !== 4) return null;
  if (isNear(canvas, line, 0, point)) return 0;
  if (isNear(canvas, line, 2, point)) return 2;
  const hasOneEnd = line[0] === line[2] && line[1] === line[3];
  return hasOneEnd ? 2 : null;
}

function isNear(canvas, line, end, [x, y]) {
  return Math.hypot(line[end] - x, line[end + 1] - y) * canvas.at.zoom < 10; // screen pixels
}

function dragEnd(canvas, [x, y]) {
  const line = [...canvas.get('line')];
  line[canvas.held] = x;
  line[canvas.held + 1] = y;
  canvas.model.set('line', line);
}

// ---------------------------------------------------------------- Keys

const toolOfKey = { b: 'brush', e: 'erase', f: 'fill', o: 'outline', p: 'pan' };

const brushStep = 10 ** .1; // two steps of the slider, which takes none between them; 6 px is one, and both ends are

// Comma and point lie on every keyboard without a further key; brackets do not, on a German one
const thinner = canvas => scaleBrush(canvas, 1 / brushStep);
const thicker = canvas => scaleBrush(canvas, brushStep);

const keys = {
  ',': thinner,
  '[': thinner,
  '.': thicker,
  ']': thicker,
  '-': canvas => zoomBy(canvas, .7071),
  '+': canvas => zoomBy(canvas, 1.4142),
  '=': canvas => zoomBy(canvas, 1.4142),
  w: goToWhole,
  n: goToNative,
  Escape: takeBack,
  ArrowRight: (canvas, event) => sendOnce(canvas, event, 'next'),
  ArrowLeft: (canvas, event) => sendOnce(canvas, event, 'previous'),
};

function scaleBrush(canvas, factor) {
  setTrait(canvas, 'brush', clamp(canvas.get('brush') * factor, 6 * brushStep ** -11, 6 * brushStep ** 15));
}

// A key that is held down repeats itself; that is one wish
function sendOnce(canvas, event, kind) {
  if (!event.repeat) send(canvas, { kind });
}

function chooseClass(canvas, label) {
  if (label < canvas.get('codes').length) setTrait(canvas, 'label', label);
}

function chooseTool(canvas, tool) {
  if (canvas.get('tools').includes(tool)) setTrait(canvas, 'tool', tool);
}

// AltGr, with which brackets are typed on some keyboards, is told as Ctrl and Alt by Windows
function isCommand(event) {
  const isTyped = event.getModifierState('AltGraph');
  return !isTyped && (event.ctrlKey || event.metaKey || event.altKey);
}

// Did the key mean something here?
function doKey(canvas, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isUndo = key === 'z' || key === 'y';
  if (key === ' ') canvas.space = true;
  else if (isUndo) send(canvas, { kind: key === 'y' || event.shiftKey ? 'redo' : 'undo' });
  else if (isCommand(event)) return false;
  else if (/^[0-9]$/.test(key)) chooseClass(canvas, +key);
  else if (toolOfKey[key]) chooseTool(canvas, toolOfKey[key]);
  else if (keys[key]) keys[key](canvas, event);
  else return false;
  return true;
}

// Fields of text and menus keep all their keys, sliders their arrows
function keepsKey(canvas, { target, key }) {
  if (isOfText(target)) return true;
  if (/^Arrow/.test(key)) return Boolean(target.closest('[role=slider]'));
  return key === ' ' && target !== canvas.box && (!canvas.pointer || Boolean(target.closest('button, input')));
}

function keyDown(canvas, event) {
  if (keepsKey(canvas, event) || !doKey(canvas, event)) return;
  event.preventDefault();
  event.stopPropagation();
  draw(canvas);
  readOut(canvas);
}

function spaceUp(canvas) {
  canvas.space = false;
  shapePointer(canvas);
}

function keyUp(canvas, event) {
  if (event.key === ' ') spaceUp(canvas);
}

function listenToKeys(canvas) {
  const { box } = canvas;
  box.addEventListener('keydown', event => keyDown(canvas, event));
  box.addEventListener('keyup', event => keyUp(canvas, event));
  box.addEventListener('blur', () => spaceUp(canvas));
}

// ---------------------------------------------------------------- Keys beside the canvas
// Who has pressed a button still means the picture. In the application keys are heard wherever the focus is,
// but in a field of text. On a page of its own that is everywhere; in a notebook, whose keys are its own, within the application

const inHand = 'matssl-in-hand'; // of several canvases, the one that was used last

function takeInHand({ box }) {
  for (const other of document.querySelectorAll(`.${inHand}`)) other.classList.remove(inHand);
  box.classList.add(inHand);
}

// Does a key that nobody has heard yet go to this canvas?
function isMeant({ box }, page) {
  const there = [...page.querySelectorAll('.matssl-canvas')].filter(one => one.offsetParent);
  return box === (there.find(one => one.classList.contains(inHand)) || there[0]);
}

function hearKeys(canvas, page) {
  const down = event => {
    if (!event.defaultPrevented && isMeant(canvas, page)) keyDown(canvas, event);
  };
  const up = event => keyUp(canvas, event);
  page.addEventListener('keydown', down);
  page.addEventListener('keyup', up);
  return () => {
    page.removeEventListener('keydown', down);
    page.removeEventListener('keyup', up);
  };
}

// Gives a function that takes the listeners away
function keysBeside(canvas) {
  return onceThere(canvas, '.matssl-app', app => {
    app.dataset.lmSuppressShortcuts = 'true'; // as on the canvas itself
    return hearKeys(canvas, document.body.dataset.voila ? document : app);
  });
}

// ---------------------------------------------------------------- The focus
// From a button of the widget it goes back to the canvas, so that keys go on working and stay out of the notebook

const keyless = ['checkbox', 'radio', 'button', 'range', 'color'];

function isOfText(target) {
  const field = target.closest('input, select, textarea, [contenteditable]');
  return Boolean(field) && !keyless.includes(field.type);
}

function comeBack(canvas, event) {
  if (!event.target.closest('button')) return;
  setTimeout(() => {
    const focused = document.activeElement;
    if (!focused || !isOfText(focused)) canvas.box.focus({ preventScroll: true });
  }, 50);
}

// What is around the canvas is there only once it is on the page. Gives a function that takes back what was done then
function onceThere(canvas, selector, act) {
  const { root } = canvas;
  let undo = () => {};
  let tries = 0;
  let later = 0;
  function join() {
    const around = root.isConnected ? root.closest(selector) : null;
    if (around) undo = act(around);
    else if (tries++ < 200) later = setTimeout(join, 50);
  }
  join();
  return () => {
    clearTimeout(later);
    undo();
  };
}

function keepFocus(canvas) {
  const clicked = event => comeBack(canvas, event);
  return onceThere(canvas, '.widget-vbox', around => {
    around.addEventListener('click', clicked);
    return () => around.removeEventListener('click', clicked);
  });
}

// ---------------------------------------------------------------- What the kernel changes

function resized(canvas) {
  const { sheet } = canvas;
  [sheet.width, sheet.height] = canvas.get('size');
  lookWhereToldTo(canvas);
}

function lookWhereToldTo(canvas) {
  const [x, y, zoom] = canvas.get('view');
  canvas.at = zoom ? { x, y, zoom } : wholePicture(canvas);
  moved(canvas, !zoom);
}

function viewChanged(canvas) {
  const { at } = canvas;
  const [x, y, zoom] = canvas.get('view');
  const isHere = x === at.x && y === at.y && zoom === at.zoom; // our own message, come back
  if (!isHere) lookWhereToldTo(canvas);
}

function pictureChanged(canvas) {
  canvas.parts = {};
  canvas.whole = null;
  canvas.sent = [];
  handsOff(canvas);
  canvas.pinch = null;
  goTo(canvas, wholePicture(canvas));
}

function paintAnew(canvas) {
  for (const part of Object.values(canvas.parts)) if (part) Object.assign(part, { image: null, edges: null, drawn: null });
  draw(canvas);
  readOut(canvas);
}

// Buttons know the number of a tool, not its name: here both are kept alike, so that a choice does not wait for the kernel
function toolNumbered(canvas) {
  const tool = canvas.get('tools')[canvas.get('tool_index')];
  if (tool && tool !== canvas.get('tool')) setTrait(canvas, 'tool', tool);
}

function toolNamed(canvas) {
  const number = canvas.get('tools').indexOf(canvas.get('tool'));
  if (number >= 0 && number !== canvas.get('tool_index')) setTrait(canvas, 'tool_index', number);
  paintAnew(canvas);
}

function saidAnew(canvas) {
  nameButtons(canvas);
  readOut(canvas);
}

const repainting = [
  'palette', 'shown', 'opacity', 'entropy', 'label', 'brush', 'line', 'region', 'said', 'um_per_px', 'codes',
];

function kernelHandlers(canvas) {
  const handlers = {
    'msg:custom': (message, buffers) => received(canvas, message, buffers),
    'change:size': () => resized(canvas),
    'change:beside': () => moved(canvas),
    'change:view': () => viewChanged(canvas),
    'change:words': () => saidAnew(canvas),
    'change:tool': () => toolNamed(canvas),
    'change:tool_index': () => toolNumbered(canvas),
    'change:picture_number': () => pictureChanged(canvas),
  };
  for (const name of repainting) handlers[`change:${name}`] = () => paintAnew(canvas);
  return handlers;
}

// Gives a function that takes the listeners away
function listenToKernel(canvas) {
  const { model } = canvas;
  const handlers = Object.entries(kernelHandlers(canvas));
  for (const [name, handler] of handlers) model.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) model.off(name, handler);
  };
}

function stopTimers(canvas) {
  clearTimeout(canvas.asking);
  clearTimeout(canvas.waiting);
}

// ---------------------------------------------------------------- All of it

function render({ model, el: root }) {
  const canvas = beginning(model, root);
  makeButtons(canvas);
  listenToWheel(canvas);
  listenToPointer(canvas);
  listenToKeys(canvas);
  const leaveFocus = keepFocus(canvas);
  const leaveKeys = keysBeside(canvas);
  const leaveKernel = listenToKernel(canvas);
  resized(canvas);
  readOut(canvas);
  return () => {
    stopTimers(canvas);
    leaveFocus();
    leaveKeys();
    leaveKernel();
  };
}

export default { render };
