"""The widgets in a real JupyterLab: opened, clicked and drawn on in headless Chromium, results read back from the kernel.
Then each notebook that has cells flagged `#| browser`, with these cells: the application, walked through.

    python .ci/browser.py [-o SCREENSHOTS]

Wants a Chromium or Chrome on the path (or named by CHROMIUM), and the packages of `pip install 'matssl[dev]'`.
Ends with "N passed, M failed"; a screenshot of each widget is kept in the folder.
"""
import argparse, json, os, shutil, socket, subprocess, sys, tempfile, time, traceback, urllib.request
from pathlib import Path

setup = '''import warnings
warnings.filterwarnings('ignore')
import numpy as np, json
from pathlib import Path
from PIL import Image
from matssl.pictures.pixels import read_pixels
from matssl.pictures.scale import read_scales
from matssl.pictures.labels import LabelMap
from matssl.pictures.micrograph import read_micrograph
from matssl.masks.pairs import pair_files
from matssl.data.synthetic import synthetic_micrograph, write_synthetic_dataset
from matssl.hands.browse import browse
from matssl.hands.calibrate import calibrate_scale
from matssl.hands.labelling import label
'''

# ---------------------------------------------------------------- A browser, a server

def browser():
    "The Chromium or Chrome to be driven, or None"
    names = [os.environ.get('CHROMIUM'), 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    return next((p for n in names if n and (p := shutil.which(n))), None)

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def quiet_settings(folder):
    "JupyterLab without questions about news and updates"
    file = folder/'@jupyterlab/apputils-extension/notification.jupyterlab-settings'
    file.parent.mkdir(parents=True)
    file.write_text('{"fetchNews": "false", "checkForUpdates": false}')

def own_folders(folder):
    "An environment in which JupyterLab keeps everything in one folder"
    places = dict(JUPYTER_CONFIG_DIR='config', JUPYTER_DATA_DIR='data', JUPYTER_RUNTIME_DIR='run', IPYTHONDIR='ipython',
                  JUPYTERLAB_SETTINGS_DIR='settings', JUPYTERLAB_WORKSPACES_DIR='spaces')
    return {**os.environ, **{k: str(folder/v) for k, v in places.items()}, 'OMP_NUM_THREADS': '1'}

def start_server(folder, port):
    options = ['--no-browser', f'--port={port}', '--ip=127.0.0.1', '--IdentityProvider.token=', '--ServerApp.password=',
               '--ServerApp.disable_check_xsrf=True', '--allow-root', f'--ServerApp.root_dir={folder/"work"}']
    log = open(folder/'server.log', 'w')
    return subprocess.Popen([sys.executable, '-m', 'jupyterlab', *options], env=own_folders(folder), stdout=log, stderr=subprocess.STDOUT)

def wait_for(server, url, folder):
    "Until the server answers"
    for _ in range(240):
        try:
            urllib.request.urlopen(f'{url}/api', timeout=2)
            return
        except OSError:
            if server.poll() is not None: raise RuntimeError((folder/'server.log').read_text()[-2000:])
            time.sleep(.25)

def as_notebook(*sources):
    cells = [dict(cell_type='code', source=s, metadata={}, outputs=[], execution_count=None, id=f'cell{i}') for i, s in enumerate(sources)]
    kernel = dict(name='python3', display_name='Python 3', language='python')
    return dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)

class Lab:
    "A JupyterLab in a folder of its own, and a page on it"
    def __init__(self, folder, chromium, playwright):
        self.folder, port = Path(folder), free_port()
        (self.folder/'work').mkdir()
        quiet_settings(self.folder/'settings')
        self.url = f'http://127.0.0.1:{port}'
        self.server = start_server(self.folder, port)
        wait_for(self.server, self.url, self.folder)
        self.chrome = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-quic'])
    def open(self, name, code, touch=False):
        "A notebook with the set-up and one more cell, both run; the page, of a screen that can be touched or not"
        (self.folder/'work'/f'{name}.ipynb').write_text(json.dumps(as_notebook(setup + code, '')))
        self.page = self.chrome.new_page(viewport=dict(width=1180, height=1000), has_touch=touch)
        self.errors = []
        self.page.on('pageerror', lambda e: self.errors.append(str(e)))
        self.page.on('console', lambda m: self.errors.append(m.text) if m.type == 'error' and 'matssl' in m.text else None)
        self.page.goto(f'{self.url}/doc/tree/{name}.ipynb?reset')
        self.page.wait_for_selector('.jp-Notebook .jp-Cell', timeout=60000)
        self.run_first()
        self.page.wait_for_selector('.jp-OutputArea .widget-vbox, .jp-OutputArea .lm-Widget.jupyter-widgets', timeout=240000)
        time.sleep(.5)
        return self.page
    def run_first(self):
        "Until the kernel is there and takes the first cell"
        first = self.page.locator('.jp-Notebook .jp-Cell').first
        for _ in range(30):
            self.click(first)
            self.page.keyboard.press('Control+Enter')
            time.sleep(1)
            if first.locator('.jp-InputPrompt').inner_text().strip() not in ('', '[ ]:'): break
    def click(self, cell, seconds=60):
        "Put the cursor into a cell; a question that JupyterLab asks first, such as for a kernel that is slow to start, gets its default answer"
        end = time.monotonic() + seconds
        while True:
            try:
                cell.locator('.cm-content').click(timeout=3000)
                return
            except Exception: # the browser's own error, of a package that may be missing
                if time.monotonic() > end: raise
                self.answer_question()
    def answer_question(self):
        asked = self.page.locator('.jp-Dialog')
        if not asked.count(): return
        print(f'        answered: {" ".join(asked.first.inner_text().split())[:200]}')
        asked.first.locator('.jp-mod-accept').click(timeout=3000)
    def close(self): self.page.close()
    def stop(self):
        self.chrome.close()
        self.server.terminate()
        self.server.wait(20)

    # ------------------------------------------------------------ The kernel
    def run(self, code, seconds=30):
        "Run code in the notebook's kernel, in its last cell; what it printed"
        time.sleep(.1)
        cell = self.page.locator('.jp-Notebook .jp-CodeCell').last
        mark = f'done{time.monotonic_ns()}'
        self.click(cell)
        self.page.keyboard.press('Control+A')
        self.page.keyboard.insert_text(f"{code}\nprint('{mark}')")
        self.page.keyboard.press('Control+Enter')
        out, end, text = cell.locator('.jp-OutputArea-output'), time.monotonic() + seconds, ''
        while time.monotonic() < end:
            text = '\n'.join(out.all_inner_texts())
            if mark in text: return text.split(mark)[0].strip()
            if 'Error' in text and 'Traceback' in text: raise RuntimeError(text[-1500:])
            time.sleep(.1)
        raise TimeoutError(f'{code[:80]}: {text[-500:]}')
    def value(self, code):
        "A value out of the kernel"
        return json.loads(self.run(f'print(json.dumps({code}))'))
    def until(self, code, want, seconds=15):
        "Wait until an expression in the kernel has a value"
        end = time.monotonic() + seconds
        while (got := self.value(code)) != want:
            if time.monotonic() > end: raise AssertionError(f'{code}: {got}, expected {want}')
            time.sleep(.2)
    def is_true(self, code, seconds=15):
        "Wait until something is true in the kernel"
        self.until(f'bool({code})', True, seconds)

    # ------------------------------------------------------------ The canvas
    def canvas(self):
        "The canvas: its box on the screen, after its first window has come"
        self.page.locator('.matssl-canvas').wait_for(timeout=30000)
        self.page.wait_for_function("+(document.querySelector('.matssl-canvas').dataset.windows || 0) > 0", timeout=30000)
        return self.box()
    def box(self):
        "Where the canvas is now: the notebook scrolls"
        c = self.page.locator('.matssl-canvas canvas')
        c.scroll_into_view_if_needed()
        time.sleep(.15)
        return c.bounding_box()
    def colours(self, places):
        "Colours `[[r, g, b], ...]` of the canvas at places of its own pixels, x and y"
        script = """places => {
            const sheet = document.querySelector('.matssl-canvas canvas');
            const data = sheet.getContext('2d').getImageData(0, 0, sheet.width, sheet.height).data;
            return places.map(([x, y]) => {
                const i = 4*(Math.floor(y)*sheet.width + Math.floor(x));
                return [data[i], data[i+1], data[i+2]];
            });
        }"""
        return self.page.evaluate(script, [list(map(float, place)) for place in places])
    def same(self, seen, want):
        "Are the canvas' colours those that the kernel works out?"
        far = lambda a, b: max(abs(p-q) for p, q in zip(a, b))
        bad = [(i, a, b) for i, (a, b) in enumerate(zip(seen, want)) if far(a, b) > 2]
        assert len(seen) == len(want) and not bad, bad[:3]

    # ------------------------------------------------------------ Hands
    def drag(self, *points, button='left'):
        "Press at the first place on the screen, go through the others, let go"
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down(button=button)
        for q in points[1:]: mouse.move(*q, steps=8)
        mouse.up(button=button)
    def tell(self, method, **what):
        "To the browser itself, by its own protocol"
        session = self.page.context.new_cdp_session(self.page)
        session.send(f'Input.{method}', what)
        session.detach()
    def touch(self, *steps):
        "Fingers on the screen: for each step the places of those that are down; at the end none is"
        def fingers(places): return [dict(x=x, y=y, id=k) for k, (x, y) in enumerate(places)]
        session = self.page.context.new_cdp_session(self.page)
        down = 0
        for places in steps:
            kind = 'touchStart' if len(places) > down else 'touchEnd' if len(places) < down else 'touchMove'
            session.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=fingers(places)))
            down = len(places)
        session.send('Input.dispatchTouchEvent', dict(type='touchEnd', touchPoints=[]))
        session.detach()
    def pen(self, *points):
        "A pen from the first place through the others"
        def at(kind, place, buttons):
            self.tell('dispatchMouseEvent', type=kind, x=place[0], y=place[1], button='left', buttons=buttons, clickCount=1,
                      pointerType='pen')
        at('mousePressed', points[0], 1)
        for a, b in zip(points, points[1:]):
            for t in range(1, 9): at('mouseMoved', (a[0]+(b[0]-a[0])*t/8, a[1]+(b[1]-a[1])*t/8), 1)
        at('mouseReleased', points[-1], 0)
    def eraser(self, start, end):
        "The other end of a pen: no protocol has it, so the page is told itself"
        self.page.evaluate("""([[x0, y0], [x1, y1]]) => {
            const sheet = document.querySelector('.matssl-canvas canvas');
            const tell = (kind, clientX, clientY, button, buttons) => sheet.dispatchEvent(new PointerEvent(kind,
                { clientX, clientY, button, buttons, pointerId: 1, pointerType: 'pen', bubbles: true, cancelable: true }));
            tell('pointerdown', x0, y0, 5, 32);
            tell('pointermove', x1, y1, -1, 32);
            tell('pointerup', x1, y1, 5, 0);
        }""", [list(start), list(end)])
    def said(self):
        "What stands under the picture, and the tips of the buttons there"
        return self.page.evaluate("""() => {
            const box = document.querySelector('.matssl-canvas');
            return [box.innerText, ...[...box.querySelectorAll('button')].map(button => button.title)].join('\\n');
        }""")
    def is_in_sight(self):
        "Does all that the canvas shows lie within the page and within its own box?"
        return self.page.evaluate("""() => [...document.querySelectorAll('.matssl-canvas *')].every(part =>
            part.getBoundingClientRect().right <= document.documentElement.clientWidth + 1 && part.scrollWidth <= part.clientWidth + 1
            || getComputedStyle(part).display === 'inline')""")
    def click_at(self, place): self.page.mouse.click(*place)
    def focus(self): self.page.evaluate("document.querySelector('.matssl-canvas').focus()")
    def key(self, k): self.page.keyboard.press(k)
    def keys(self, *ks):
        for k in ks: self.key(k)
    def button(self, name, exact=False): self.page.get_by_role('button', name=name, exact=exact).click()
    def tick(self, text): self.page.get_by_text(text, exact=True).click()
    def choose(self, index): self.page.locator('.widget-dropdown select').first.select_option(index=index)
    def slide(self, number, steps):
        "Move a slider to the right"
        self.page.locator('.widget-slider .noUi-handle').nth(number).focus()
        self.keys(*['ArrowRight']*steps)
    def cells(self):
        "Cells of the notebook: a key that gets through to it makes or deletes some"
        return self.page.locator('.jp-Notebook .jp-Cell').count()
    def shot(self, path):
        self.page.locator('.jp-OutputArea .widget-vbox').first.screenshot(path=str(path))
        shrink(path)

def shrink(path):
    "A smaller JPEG in place of a PNG"
    from PIL import Image
    im = Image.open(path).convert('RGB')
    small = im.resize((im.width*3//4, im.height*3//4), Image.Resampling.LANCZOS)
    small.save(Path(path).with_suffix('.jpg'), quality=65, optimize=True)
    Path(path).unlink()

# ---------------------------------------------------------------- The tests
# Each test: what is opened, what hands do, what the kernel must hold afterwards. Places on the screen come from the canvas' geometry, worked out here anew.

def on_screen(lab, shape, size, x, y, panels=1):
    "Where a picture's pixel lies when all of the picture is shown"
    box, wide = lab.box(), size[0]/panels
    zoom, scale = min(wide/shape[1], size[1]/shape[0]), box['width']/size[0]
    across = (x+.5-shape[1]/2)*zoom + wide/2
    down = (y+.5-shape[0]/2)*zoom + size[1]/2
    return box['x'] + across*scale, box['y'] + down*scale

def test_label(lab, out):
    "Each tool, its keys and buttons; what is on the disk; zoom, moving, the next picture"
    lab.open('label', """m, truth = synthetic_micrograph('two-phase', (240, 320), seed=3)
Path('pics').mkdir()
Image.fromarray(m.to_uint8()).save('pics/a.png')
Image.fromarray(m.to_uint8().T.copy()).save('pics/b.png')
w = label('pics', ['ferrite', 'pearlite'], out='masks')
w""")
    lab.canvas()
    mouse = lab.page.mouse
    at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y)
    def focused(*keys):
        mouse.move(*at(300, 230))
        lab.focus()
        lab.keys(*keys)

    lab.drag(at(40, 50), at(120, 50))
    lab.until("int((w.labels == 0).sum()) > 0", True)
    got = lab.value("[int(v) for v in (w.labels[50, 40], w.labels[50, 80], w.labels[50, 120], w.labels[44, 80], w.labels[56, 80], w.labels[58, 80], w.labels[50, 130])]")
    assert got == [0, 0, 0, 0, 0, 255, 255], got # brush of radius 6: rows 44 to 56
    before = lab.cells()
    focused('1', 'o', 'd', 'd', 'x', '0', '1')
    lab.until("[w.canvas.label, w.canvas.tool, w.classes.value, w.tools.value]", [1, 'outline', 1, 'outline'])
    assert lab.cells() == before, 'a key of the notebook got through'

    lab.drag(at(200, 100), at(280, 100), at(280, 180), at(200, 180), at(200, 101))
    lab.is_true("(w.labels[102:178, 202:278] == 1).all() and (w.labels[:, 284:] == 255).all()")
    focused('f', '0')
    lab.click_at(at(240, 140))
    lab.until("int(w.labels[140, 240])", 0)
    focused('z')
    lab.until("int(w.labels[140, 240])", 1)
    focused('y')
    lab.until("int(w.labels[140, 240])", 0)
    focused(*'[[[[[[]]]]]]')
    lab.until("round(w.canvas.brush, 3)", 6.) # as thin steps as thick ones: as it was
    focused(*'['*10, *','*10, *']'*5, *'.'*6)
    lab.until("round(w.canvas.brush, 3)", 6.) # at its thinnest it stays: eleven steps below
    focused('e', ']')
    lab.until("round(w.canvas.brush, 1)", 7.6)
    lab.drag(at(240, 90), at(240, 190))
    lab.until("[int(w.labels[140, x]) for x in (232, 234, 246, 248)]", [0, 255, 255, 0])
    assert lab.value("bool((read_pixels('masks/a.png', indices=True) == w.labels).all())"), 'the mask on disk is not what was drawn'

    zoom = min(760/320, 560/240)
    points = [(80, 50), (220, 140), (20, 200), (240, 140), (270, 170)]
    seen = lab.colours([((x+.5-160)*zoom + 380, (y+.5-120)*zoom + 280) for x, y in points])
    lab.same(seen, lab.value(f"[w.canvas.snapshot(y, x, 1, 1)[0, 0].tolist() for x, y in {points}]"))
    focused('b', '1')
    lab.drag(at(30, 180), at(110, 210))
    mouse.move(*at(300, 20))
    time.sleep(.5)
    mouse.wheel(0, 0)
    lab.shot(out/'label.png')

    mouse.move(*at(160, 120))
    for _ in range(4): mouse.wheel(0, -100)
    time.sleep(.6)
    view = lab.value("w.canvas.view")
    assert abs(view[2] - 4*zoom) < .05 and abs(view[0]-160) < 2 and abs(view[1]-120) < 2, view
    focused('[')
    box = lab.box()
    scale = box['width']/760
    middle = box['x']+380*scale, box['y']+280*scale
    lab.drag(middle, (middle[0]+40*zoom*4*scale, middle[1]), button='middle')
    time.sleep(.5)
    assert abs(lab.value("w.canvas.view")[0] - 120) < 2, lab.value("w.canvas.view")
    focused('b', '1')
    box = lab.box()
    lab.click_at((box['x']+380*scale, box['y']+280*scale))
    lab.until("int(w.labels[120, 120])", 1)

    focused('ArrowRight')
    lab.until("[w.at, list(w.labels.shape)]", [1, [320, 240]])
    time.sleep(.5)
    lab.canvas()
    lab.click_at(on_screen(lab, (320, 240), (760, 560), 100, 200))
    lab.until("int(w.labels[200, 100])", 1)
    lab.button('undo')
    lab.until("int((w.labels != 255).sum())", 0)
    lab.choose(0)
    lab.until("[w.at, int(w.labels[140, 220])]", [0, 0])
    assert lab.value("len(w.pairs)") == 1

def test_label_hard(lab, out):
    "A stroke that leaves the canvas; a kernel that is busy; a mask that cannot be opened"
    lab.open('hard', """Path('p').mkdir()
Path('m').mkdir()
flat = np.full((240, 320), 120, np.uint8)
for n in 'abc': Image.fromarray(flat).save(f'p/{n}.png')
Image.fromarray(np.zeros((9, 9), np.uint8)).save('m/c.png')
w = label('p', ['x', 'y'], out='m')
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y)
    lab.drag(at(290, 60), at(310, 60), (at(319, 60)[0] + 60, at(319, 60)[1]))
    lab.is_true("(w.labels[60, 290:] == 0).all() and (w.labels[60, :280] == 255).all()")

    colours = lab.value("w.canvas.palette")
    lab.run("import time\nw.canvas.hands['undo'] = lambda m: time.sleep(8)") # all of what follows while the undo lasts
    begun = time.monotonic()
    start, end = at(60, 150), at(100, 150)
    lab.focus()
    lab.keys('z', '1')
    lab.drag(start, end)
    lab.key('0')
    lab.drag(at(60, 200), at(100, 200))
    zoom = min(760/320, 560/240)
    here = [((x+.5-160)*zoom + 380, (y+.5-120)*zoom + 280) for x, y in ((80, 150), (80, 200), (200, 150))]
    seen = lab.colours(here)
    assert time.monotonic() - begun < 7, 'too slow: the kernel may have answered'
    through = lambda k: [round(.3*120 + .7*v) for v in colours[k]] # a stroke without an answer yet: 70 % of its colour
    lab.same(seen, [through(1), through(0), [120]*3])
    lab.key('ArrowRight')
    lab.drag(at(200, 200), at(240, 200))
    time.sleep(6)
    lab.until("[w.at, w.canvas.label, int((w.labels != 255).sum()), 'picture before' in w.canvas.status]", [1, 0, 0, True], 20)
    lab.focus()
    lab.key('ArrowLeft')
    lab.until("[w.at, int(w.labels[150, 80]), int(w.labels[200, 80]), int(w.labels[200, 220])]", [0, 1, 0, 255])

    lab.button('1 y')
    time.sleep(.3)
    before = lab.cells()
    lab.keys(*'bxdd')
    assert lab.cells() == before, 'a key of the notebook got through'
    lab.until("w.canvas.tool", 'brush')
    lab.choose(2)
    lab.until("[w.at, w.which.value, '9 x 9 px' in w.canvas.status]", [0, 0, True])
    lab.drag(at(200, 100), at(220, 100))
    lab.until("[int(w.labels[100, 210]), w.canvas.status]", [1, ''])
    assert lab.value("bool((read_pixels('m/a.png', indices=True) == w.labels).all())")

def test_label_touch(lab, out):
    "One finger draws, two zoom and move and draw nothing; a pen draws and rubs out, whatever rests beside it"
    lab.open('touch', """Path('t').mkdir()
Image.fromarray(np.full((240, 320), 120, np.uint8)).save('t/a.png')
w = label('t', ['x', 'y'], out='tm')
w""", touch=True)
    lab.canvas()
    at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y)
    def along(*points, n=6):
        "Places on the way"
        ways = [[(a[0]+(b[0]-a[0])*t/n, a[1]+(b[1]-a[1])*t/n) for t in range(n+1)] for a, b in zip(points, points[1:])]
        return [place for way in ways for place in way]
    lab.touch(*([place] for place in along(at(40, 60), at(120, 60))))
    lab.until("[int(w.labels[60, x]) for x in (40, 80, 120, 140)]", [0, 0, 0, 255])
    drawn = lab.value("int((w.labels == 0).sum())")

    zoom = min(760/320, 560/240)
    middle, scale = at(160, 120), lab.box()['width']/760
    pair = lambda apart, dx=0: [(middle[0]-apart+dx, middle[1]), (middle[0]+apart+dx, middle[1])]
    begun_by_one = [[place] for place in along(pair(40)[0], (middle[0]-40, middle[1]+30))]
    apart, aside = (pair(a) for a in range(40, 121, 8)), (pair(120, dx) for dx in range(0, 61, 10))
    lab.touch(*begun_by_one, *apart, *aside, pair(120, 60)[:1], [(300, 300)])
    time.sleep(.6)
    view = lab.value("w.canvas.view")
    lab.until("int((w.labels == 0).sum())", drawn) # the first finger's stroke was taken back
    assert 2.2 < view[2]/zoom < 3.4, view
    assert view[0] < 160 - 50/scale/view[2]/2, view # moved along with the fingers
    lab.focus()
    for name, want in (('fit', 0), ('1:1', 1)):
        lab.button(name, exact=True)
        time.sleep(.5)
        got = lab.value("w.canvas.view[2]")
        assert abs(got - (want or zoom)) < .01, (name, got)
    lab.button('fit', exact=True)
    lab.button('+', exact=True)
    lab.button('−', exact=True)
    time.sleep(.5)
    assert abs(lab.value("w.canvas.view[2]") - zoom) < .01

    lab.focus()
    lab.key('1')
    lab.until("w.canvas.label", 1)
    lab.pen(at(40, 150), at(120, 150), at(120, 190))
    lab.until("[int(w.labels[y, x]) for x, y in ((40, 150), (80, 150), (120, 150), (120, 190), (160, 190))]", [1, 1, 1, 1, 255])
    lab.eraser(at(70, 150), at(90, 150))
    lab.until("[int(w.labels[150, x]) for x in (50, 80, 110)]", [1, 255, 1])
    lab.focus()
    lab.key('f')
    lab.until("w.canvas.tool", 'fill')
    lab.touch([at(200, 100)], [at(200, 100), at(240, 100)], [at(190, 100), at(250, 100)]) # no region is filled by a pinch
    time.sleep(.5)
    assert lab.value("int(w.labels[100, 200])") == 255
    lab.button('fit', exact=True)
    time.sleep(.3)
    lab.touch([at(200, 100)])
    lab.until("int(w.labels[100, 200])", 1)
    lab.shot(out/'touch.png')

def test_label_killed(lab, out):
    "A mask that is slow to write, and a kernel that is killed: what was drawn last is there again"
    code = """Path('k').mkdir(exist_ok=True)
if not Path('k/a.png').exists(): Image.fromarray(np.full((240, 320), 120, np.uint8)).save('k/a.png')
w = label('k', ['x', 'y'], out='km')
w"""
    lab.open('killed', code)
    lab.canvas()
    at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y)
    lab.drag(at(40, 60), at(120, 60))
    lab.until("int(w.labels[60, 80])", 0)
    lab.run("w.cost = 30.") # s, as if the mask had taken so long: it would be written after five minutes
    lab.drag(at(40, 150), at(120, 150))
    lab.until("[int(w.labels[150, 80]), int(read_pixels('km/a.png', indices=True)[150, 80]), '.a.strokes' in w.note.value]", [0, 255, True])
    try: lab.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 3)
    except TimeoutError: pass
    lab.close()
    lab.open('killed again', code)
    lab.canvas()
    assert lab.value("[int(w.labels[y, 80]) for y in (60, 150, 200)]") == [0, 0, 255]
    lab.button('save', exact=True)
    lab.until("[int(read_pixels('km/a.png', indices=True)[150, 80]), sorted(f.name for f in Path('km').iterdir())]", [0, ['a.png', 'codes.txt']])

def test_label_words(lab, out):
    "What is said under the picture: in German nothing is English, and on a narrow page nothing is cut off"
    lab.open('words', """Path('d').mkdir()
Image.fromarray(synthetic_micrograph('two-phase', (1500, 2000), seed=3)[0].to_uint8()).save('d/a.png')
class Halves:
    def fit(self, data): pass
    def predict(self, m): return LabelMap((np.arange(m.shape[1]) > 900)[None].repeat(m.shape[0], 0).astype(np.uint8), ['Ferrit', 'Perlit'])
w = label('d', ['Ferrit', 'Perlit'], out='dm', assistant=Halves())
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (1500, 2000), (760, 560), x, y)
    lab.drag(at(200, 300), at(500, 300))
    lab.focus()
    lab.key('1')
    lab.drag(at(1400, 300), at(1700, 300))
    lab.is_true("w.guess is not None")
    lab.page.mouse.move(*at(1200, 900))
    time.sleep(.6)
    english = lab.said()
    texts = 'row ', ', column ', 'grey ', 'mean of 2 x 2 px', 'filled in as Perlit', '1 screen px = 2.6', 'fit', 'Nearer', 'Farther'
    assert not [text for text in texts if text not in english], english
    assert 'guess' not in english and 'entropy' not in english
    lab.run("""from matssl.hands.canvas import not_saved
w.canvas.speak('de', lambda text: 'Es lässt sich nicht sichern: ' + 'bitte Platz schaffen, oder einen anderen Ordner nehmen, '*2)
w.canvas.status = not_saved('a fault')""")
    german = ('Zeile ', ', Spalte ', 'Grau ', 'Mittel von 2 x 2 px', 'ausgefüllt als Perlit', '1 Bildschirmpixel = 2,6', 'ganz',
              'Näher', 'NICHT GESICHERT: ')
    for width in (1400, 800):
        lab.page.set_viewport_size(dict(width=width, height=1000))
        time.sleep(.5)
        lab.page.mouse.move(*at(1200, 900))
        time.sleep(.6)
        said = lab.said()
        assert lab.is_in_sight(), width
        assert not [text for text in german if text not in said], said
        assert not [text for text in (*texts, 'picture', 'screen', 'key', 'SAVED') if text in said], said
        lab.page.screenshot(path=str(out/f'words_{width}.png'))
        shrink(out/f'words_{width}.png')

def test_label_stands_out(lab, out):
    "Strokes, the outline in the making and the brush are seen in any colour, on a black pore, a grey matrix and a white phase"
    grounds = {0: 60, 120: 180, 255: 300} # grey level, and the column in its middle
    lab.open('stands_out', """px = np.repeat(np.uint8([0, 120, 255]), 120)[None].repeat(240, 0)
w = label(px, ['black', 'grey', 'white'], size=(360, 240))
w.canvas.palette = [[0, 0, 0], [120, 120, 120], [255, 255, 255]]
w.canvas.brush = 8.
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (240, 360), (360, 240), x, y)
    def contrast(x, y, half=14):
        "Difference of grey levels on the way across an edge"
        greys = [colour[0] for colour in lab.colours([(x, y+d) for d in range(-half, 1)])]
        return max(greys) - min(greys)
    def is_seen(x, y): assert contrast(x, y) >= 90, (x, y, contrast(x, y))
    for k, y in enumerate((40, 90, 140)):
        lab.focus()
        lab.key(str(k))
        for x in grounds.values():
            lab.drag(at(x-20, y), at(x+20, y))
            lab.until(f"int(w.labels[{y}, {x}])", k)
    lab.page.mouse.move(*at(60, 230))
    time.sleep(.6)
    for y in (40, 90, 140):
        for x in grounds.values(): is_seen(x, y)
    for k in range(3):
        lab.key(str(k))
        for x in grounds.values():
            lab.page.mouse.move(*at(x, 200))
            time.sleep(.1)
            is_seen(x, 200) # the brush
            lab.page.mouse.down()
            lab.page.mouse.move(*at(x+20, 200), steps=4)
            time.sleep(.1)
            is_seen(x, 200) # a stroke in the making
            lab.key('Escape') # given up
            lab.page.mouse.up()
    lab.key('o')
    for x in grounds.values():
        lab.page.mouse.move(*at(x-20, 200))
        lab.page.mouse.down()
        lab.page.mouse.move(*at(x+20, 200), steps=4)
        time.sleep(.1)
        is_seen(x, 200)
        lab.key('Escape')
        lab.page.mouse.up()
    time.sleep(.3)
    assert lab.value("bool((w.labels[190:] == 255).all())"), 'a stroke that was given up is drawn'
    cursor = lambda: lab.page.evaluate("document.querySelector('.matssl-canvas canvas').style.cursor")
    assert 'crosshair' in cursor(), cursor()
    lab.focus()
    lab.page.keyboard.down(' ')
    time.sleep(.1)
    assert cursor() == 'grab', cursor()
    lab.page.keyboard.up(' ')
    lab.shot(out/'stands_out.png')

def test_label_keeps_colour(lab, out):
    "A stroke three pixels wide on the screen still shows which class it is"
    lab.open('keeps_colour', """w = label(np.full((480, 720), 120, np.uint8), ['x', 'orange', 'blue'], size=(360, 240))
w.canvas.palette = [[0, 0, 0], [230, 159, 0], [86, 180, 233]]
w.canvas.brush = 3.
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (480, 720), (360, 240), x, y)
    for k, y in ((1, 120), (2, 300)):
        lab.focus()
        lab.key(str(k))
        lab.drag(at(200, y), at(400, y))
        lab.until(f"int(w.labels[{y}, 300])", k)
    time.sleep(.4)
    (red, _, blue), (red_2, _, blue_2) = lab.colours([(150, 60), (150, 150)])
    assert red - blue > 60 and blue_2 - red_2 > 40, (red, blue, red_2, blue_2)
    lab.shot(out/'keeps_colour.png')

def test_label_stays_put(lab, out):
    "What is said comes and goes; nothing on the page moves"
    lab.open('stays_put', """from matssl.hands.canvas import not_saved
w = label(np.full((240, 320), 120, np.uint8), ['x', 'y'])
w""")
    lab.canvas()
    places = """() => {
        const around = document.querySelector('.matssl-canvas').closest('.widget-vbox');
        const top = around.getBoundingClientRect().top;
        const ofCanvas = document.querySelectorAll('.matssl-canvas, .matssl-canvas canvas, .matssl-canvas button');
        const inside = [around, ...around.children, ...ofCanvas];
        return inside.map(part => [part.getBoundingClientRect().top - top, part.getBoundingClientRect().height]);
    }"""
    def where():
        time.sleep(.4)
        return lab.page.evaluate(places)
    lab.page.mouse.move(5, 500)
    before = where()
    fault = 'a.png: found that it cannot be written, expected a folder with room; free disk space or choose another folder'
    at = on_screen(lab, (240, 320), (760, 560), 100, 100)
    said = [
        f"w.canvas.status = not_saved('{fault}')",
        "w.doing = 'filling in ...'; w._say()",
        "w.canvas.view = [100, 100, 13.37]",
        "w.canvas.status = ''; w.doing = ''; w._say()"]
    for code in said:
        lab.run(code)
        lab.page.mouse.move(5, 500)
        assert where() == before, code
        lab.page.mouse.move(*at)
        assert where() == before, f'{code}, with the pointer on the picture'

def test_label_scribbles(lab, out):
    "Strokes filled in from an encoder's features, in a picture of 1024 x 1024 px"
    lab.open('scribbles', """import torch
from matssl.selfsup.encoder import Encoder
from matssl.segmentation.strokes import ScribbleClassifier
m, truth = synthetic_micrograph('two-phase', (1024, 1024), seed=3, fraction=.5, coarseness=40, period=8)
torch.manual_seed(0)
c = ScribbleClassifier(Encoder('resnet10t'), truth.codes)
c.features(m)
w = label(m, truth.codes, assistant=c)
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (1024, 1024), (760, 560), x, y)
    places = json.loads(lab.run("""from scipy.ndimage import distance_transform_edt
def inmost(k):
    depth = distance_transform_edt((truth.labels == k)[100:-100, 100:-100])
    return [int(v) for v in np.unravel_index(depth.argmax(), depth.shape)]
print(json.dumps([inmost(k) for k in (0, 1)]))"""))
    for k, (y, x) in enumerate(places):
        lab.focus()
        lab.key(str(k))
        lab.drag(at(x+90, y+100), at(x+110, y+100))
    lab.until("w.guess is not None", True, 40)
    good, seconds = lab.value("[float((w.guess[2] == truth.labels).mean()), w.seconds]")
    print(f'        filled in after {seconds:.2f} s, {100*good:.0f} % right (untrained encoder)')
    assert good > .6, good
    lab.shot(out/'scribbles.png')

def test_label_assistant(lab, out):
    "What an assistant fills in is shown, and accepted"
    lab.open('assistant', """class Nearest:
    def fit(self, data):
        grey = np.concatenate([m.to_uint8()[y != 255] for m, y in data])
        labels = np.concatenate([y[y != 255] for m, y in data])
        self.classes = np.unique(labels)
        self.means = np.array([grey[labels == k].mean() for k in self.classes])
    def predict(self, m):
        nearest = abs(m.to_uint8()[..., None] - self.means).argmin(-1)
        return LabelMap(self.classes[nearest], ['dark', 'light'])
two = np.full((200, 300), 60, np.uint8)
two[:, 150:] = 180
w = label(two, ['dark', 'light'], assistant=Nearest())
w""")
    lab.canvas()
    at = lambda x, y: on_screen(lab, (200, 300), (760, 560), x, y)
    lab.drag(at(20, 100), at(60, 100))
    lab.focus()
    lab.key('1')
    lab.drag(at(220, 100), at(260, 120))
    lab.is_true("w.guess is not None and (w.guess[2] == (two > 100)).all()")
    time.sleep(.5)
    zoom = 760/300
    seen = lab.colours([((280.5-150)*zoom + 380, (20.5-100)*zoom + 280)])
    lab.same(seen, lab.value("[w.canvas.snapshot(20, 280, 1, 1)[0, 0].tolist()]"))
    assert seen != [[180]*3]
    lab.button('accept')
    lab.is_true("(w.labels == (two > 100)).all()")

by_grey = """class ByGrey:
    def __init__(self, codes): self.codes, self.asked = codes, []
    def predict(self, m, symmetry=False, proba=False):
        g = m.to_uint8()
        self.asked.append(list(g.shape))
        shares = np.stack([1-g/255., g/255.]) if proba else None
        return LabelMap((g > 127).astype(np.uint8), self.codes, m.um_per_px, m.source, shares)
"""

def test_browse(lab, out):
    "Prediction and truth, and each control: the canvas shows what the kernel works out"
    lab.open('browse', by_grey + """lab = write_synthetic_dataset('lab', pool=2, labelled=3, test=1, size=(240, 320))
pairs = pair_files(lab/'labelled')
w = browse(pairs, ByGrey(['ferrite', 'pearlite']))
w""")
    lab.canvas()
    zoom = min(450/320, 520/240)
    points = [(20*x, 20*y) for y in range(1, 12) for x in range(1, 16)] # the middle of each magnified pixel
    def compare():
        time.sleep(.5)
        seen = lab.colours([((x+.5-160)*zoom + 225, (y+.5-120)*zoom + 260) for x, y in points])
        lab.same(seen, lab.value(f"[w.canvas.snapshot()[y, x].tolist() for x, y in {points}]"))
    compare()
    lab.shot(out/'browse.png')
    lab.button('pearlite')
    lab.until("w.canvas.shown", [False, False])
    compare()
    lab.button('pearlite')
    lab.tick('entropy')
    lab.until("w.canvas.entropy", True)
    time.sleep(1)
    compare()
    lab.tick('entropy')
    lab.slide(0, 3)
    lab.until("round(w.canvas.opacity, 2)", .6)
    compare()
    lab.tick('truth beside')
    lab.until("w.canvas.beside", False)
    time.sleep(.5)
    lab.tick('truth beside')
    lab.button('native')
    lab.until("w.canvas.view[2]", 1)
    time.sleep(.5)
    view = lab.value("w.canvas.view")
    seen = lab.colours([(x+.5-view[0]+225, 120.5-view[1]+260) for x in range(10, 310)]) # one screen pixel a picture pixel
    lab.same(seen, lab.value("w.canvas.snapshot()[120, 10:310].tolist()"))
    lab.focus()
    lab.key('ArrowRight')
    lab.until("[w.at, w.which.value]", [1, 1])

def test_browse_large(lab, out):
    "A picture of 84 megapixels in its file: the model is asked for the part in sight"
    lab.open('large', by_grey + """import tifffile
coarse = np.random.default_rng(0).integers(0, 256, (128, 160), np.uint8)
tifffile.imwrite('large.tif', np.kron(coarse, np.ones((64, 64), np.uint8)), compression='zlib', rowsperstrip=64)
model = ByGrey(['dark', 'light'])
w = browse('large.tif', model)
w""")
    lab.canvas()
    assert lab.value("[w.canvas.shape, len(model.asked)]") == [[8192, 10240], 0]
    lab.run("w.look(row=4000, col=5000, zoom=2)")
    lab.until("len(model.asked) > 0", True)
    time.sleep(1)
    assert max(max(s) for s in lab.value("model.asked")) < 2000
    points = [(2*d, d) for d in range(-100, 101, 20)]
    seen = lab.colours([((x+.5)*2 + 450, (y+.5)*2 + 260) for x, y in points])
    lab.same(seen, lab.value(f"[w.canvas.snapshot(4000+y, 5000+x, 1, 1)[0, 0].tolist() for x, y in {points}]"))

def test_views(lab, out):
    "Other views, another setting, another picture"
    lab.open('views', """pics = [synthetic_micrograph('two-phase', (240, 320), seed=i)[0] for i in range(2)]
w = browse(pics, views=True)
w""")
    lab.page.locator('.widget-image, img.widget-image').first.wait_for(timeout=20000)
    before = lab.value("hash(bytes(w.image.value))")
    lab.button('other views')
    lab.until(f"hash(bytes(w.image.value)) != {before}", True)
    lab.slide(5, 8)
    lab.until("round(w.settings['noise'], 3)", .09)
    lab.choose(1)
    lab.until("w.which.value", 1)
    time.sleep(.5)
    lab.shot(out/'views.png')

def test_calibrate(lab, out):
    "Two clicks, a length, an end that is corrected, the CSV"
    lab.open('calibrate', """m, _ = synthetic_micrograph('two-phase', (240, 320), seed=3)
pic = np.zeros((280, 320), np.uint8)
pic[:240] = m.to_uint8()
pic[255:261, 60:240] = 250
Image.fromarray(pic).save('old.png')
w = calibrate_scale('old.png', 'scales.csv')
w""")
    lab.canvas()
    mouse = lab.page.mouse
    at = lambda x, y: on_screen(lab, (280, 320), (900, 560), x, y)
    field = lab.page.locator('.widget-text input').first
    field.fill('20')
    field.press('Enter')
    lab.until("w.length.value", 20.)
    lab.click_at(at(57, 258))
    mouse.move(*at(150, 258))
    lab.click_at(at(242, 257))
    lab.until("w.um_per_px is not None", True)
    assert abs(lab.value("w.um_per_px") - 20/180) < .0008, lab.value("[w.um_per_px, w.canvas.line]")
    lab.drag(at(242, 257), at(239, 258))
    time.sleep(.3)
    assert abs(lab.value("w.um_per_px") - 20/180) < .0008
    lab.button('write to the CSV')
    lab.until("abs(read_scales('scales.csv')['old.png'] - 20/180) < .0008", True)
    mouse.move(*at(300, 100))
    time.sleep(.3)
    lab.shot(out/'calibrate.png')

# ---------------------------------------------------------------- Walks that stand in notebooks

house = Path(__file__).resolve().parent.parent

def notebooks_with_walks():
    "Notebooks with cells that want a browser"
    return [file for file in sorted(house.glob('nbs/**/*.ipynb')) if '"#| browser\\n' in file.read_text('utf-8')]

def nbdev_test():
    "The command of this environment that runs the cells of a notebook"
    beside = str(Path(sys.executable).parent)
    return shutil.which('nbdev-test', path=os.pathsep.join([beside, os.environ['PATH']]))

def walks(file, chromium, out):
    "Run a notebook with its cells for a browser, and say what came of it"
    start = time.monotonic()
    told = dict(CHROMIUM=chromium, OMP_NUM_THREADS='1', **(dict(MATSSL_SHOTS=str(out/file.stem)) if out else {}))
    command = [nbdev_test(), str(file), '--flags', 'browser', '--n-workers', '0']
    done = subprocess.run(command, cwd=house, env={**os.environ, **told}, stdout=subprocess.PIPE, text=True)
    is_good = done.returncode == 0
    said = '' if is_good else f'\n{done.stdout[-2000:]}'
    print(f'{"ok     " if is_good else "FAILED "} {file.stem}, {time.monotonic()-start:.0f} s{said}', flush=True)
    return is_good

# ---------------------------------------------------------------- All of them

def options():
    a = argparse.ArgumentParser()
    a.add_argument('-o', '--out', default=None, help='folder for the screenshots')
    a.add_argument('-k', default='', help='only tests with this in their name')
    a.add_argument('--require', action='store_true', help='fail where there is no browser')
    return a.parse_args()

def passes(test, lab, out):
    "Run one test, and say what came of it"
    start, name = time.monotonic(), test.__name__.removeprefix('test_')
    try:
        test(lab, out)
        assert not lab.errors, lab.errors
        print(f'ok      {name}, {time.monotonic()-start:.0f} s', flush=True)
        return True
    except Exception:
        print(f'FAILED  {name}')
        traceback.print_exc(limit=3)
        lab.page.screenshot(path=str(out/f'{test.__name__}_failed.png'))
        return False
    finally: lab.close()

def run_all(tests, lab, out):
    try: return [passes(test, lab, out) for test in tests]
    finally: lab.stop()

def run_widgets(tests, chromium, kept):
    "All tests of widgets, in a JupyterLab of their own"
    from playwright.sync_api import sync_playwright
    if not tests: return []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as play:
        out = kept or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        return run_all(tests, Lab(folder, chromium, play), out)

def main():
    a, chromium = options(), browser()
    if not chromium:
        print('no Chromium or Chrome here: not tried')
        return int(a.require)
    kept = Path(a.out).resolve() if a.out else None
    tests = [f for name, f in globals().items() if name.startswith('test_') and a.k in name]
    walked = [file for file in notebooks_with_walks() if a.k in file.stem]
    results = run_widgets(tests, chromium, kept) + [walks(file, chromium, kept) for file in walked]
    passed = sum(results)
    print(f'{passed} passed, {len(results)-passed} failed')
    return passed < len(results) or not passed

if __name__ == '__main__': sys.exit(main())
