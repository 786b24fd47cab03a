"""The widgets in a real JupyterLab: opened, clicked and drawn on in headless Chromium, results read back from the kernel.

    python .ci/browser.py [-o SCREENSHOTS]

Wants a Chromium or Chrome on the path (or named by CHROMIUM), and the packages of `pip install 'matssl[dev]'`.
Ends with "N passed, M failed"; a screenshot of each widget is kept in the folder.
"""
import argparse, json, os, shutil, socket, subprocess, sys, tempfile, time, traceback, urllib.request
from pathlib import Path

here = Path(__file__).resolve().parent.parent
setup = '''import warnings; warnings.filterwarnings('ignore')
import numpy as np, json
from pathlib import Path
from PIL import Image
from matssl.pictures.files import read_pixels, read_scales
from matssl.pictures.micrograph import LabelMap, read_micrograph
from matssl.masks.masks import pair_files
from matssl.data.synthetic import synthetic_micrograph, write_synthetic_dataset
from matssl.hands.browse import browse, calibrate_scale
from matssl.hands.labelling import label
'''

def browser():
    "The Chromium or Chrome to be driven, or None"
    names = [os.environ.get('CHROMIUM'), 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    return next((p for n in names if n and (p := shutil.which(n))), None)

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

class Lab:
    "A JupyterLab in a folder of its own, and a page on it"
    def __init__(self, folder, chromium, playwright):
        self.folder, port = Path(folder), free_port()
        env = {**os.environ, 'JUPYTER_CONFIG_DIR': str(self.folder/'config'), 'JUPYTER_DATA_DIR': str(self.folder/'data'), 'JUPYTER_RUNTIME_DIR': str(self.folder/'run'), 'IPYTHONDIR': str(self.folder/'ipython'),
               'JUPYTERLAB_SETTINGS_DIR': str(self.folder/'settings'), 'JUPYTERLAB_WORKSPACES_DIR': str(self.folder/'spaces'), 'OMP_NUM_THREADS': '1'}
        (self.folder/'work').mkdir(); quiet = self.folder/'settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings'; quiet.parent.mkdir(parents=True); quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self.server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', '--no-browser', f'--port={port}', '--ip=127.0.0.1', '--IdentityProvider.token=', '--ServerApp.password=', '--ServerApp.disable_check_xsrf=True', '--allow-root',
            f'--ServerApp.root_dir={self.folder/"work"}'], env=env, stdout=open(self.folder/'server.log', 'w'), stderr=subprocess.STDOUT)
        self.url = f'http://127.0.0.1:{port}'
        for _ in range(240):
            try: urllib.request.urlopen(f'{self.url}/api', timeout=2); break
            except OSError:
                if self.server.poll() is not None: raise RuntimeError((self.folder/'server.log').read_text()[-2000:])
                time.sleep(.25)
        self.chrome = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-quic'])
    def open(self, name, code):
        "A notebook with the set-up and one more cell, both run; the page"
        cell = lambda s: dict(cell_type='code', source=s, metadata={}, outputs=[], execution_count=None, id=f'c{abs(hash(s)) % 10**7}')
        nb = dict(cells=[cell(setup + code), cell('')], metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python')), nbformat=4, nbformat_minor=5)
        (self.folder/'work'/f'{name}.ipynb').write_text(json.dumps(nb)); self.page = p = self.chrome.new_page(viewport=dict(width=1180, height=1000)); self.errors = []
        p.on('pageerror', lambda e: self.errors.append(str(e))); p.on('console', lambda m: self.errors.append(m.text) if m.type == 'error' and 'matssl' in m.text else None)
        p.goto(f'{self.url}/doc/tree/{name}.ipynb?reset'); p.wait_for_selector('.jp-Notebook .jp-Cell', timeout=60000)
        first = p.locator('.jp-Notebook .jp-Cell').first
        for _ in range(30): # until the kernel is there and takes the cell
            self.click(first); p.keyboard.press('Control+Enter'); time.sleep(1)
            if first.locator('.jp-InputPrompt').inner_text().strip() not in ('', '[ ]:'): break
        p.wait_for_selector('.jp-OutputArea .widget-vbox, .jp-OutputArea .lm-Widget.jupyter-widgets', timeout=90000); time.sleep(.5)
        return p
    def click(self, cell, seconds=60):
        "Put the cursor into a cell; a question that JupyterLab asks first, such as for a kernel that is slow to start, gets its default answer"
        end = time.monotonic() + seconds
        while True:
            try: cell.locator('.cm-content').click(timeout=3000); return
            except Exception: # the browser's own error, of a package that may be missing
                if time.monotonic() > end: raise
                asked = self.page.locator('.jp-Dialog')
                if asked.count(): print(f'        answered: {" ".join(asked.first.inner_text().split())[:200]}'); asked.first.locator('.jp-mod-accept').click(timeout=3000)
    def run(self, code, seconds=30):
        "Run code in the notebook's kernel, in its last cell; what it printed"
        time.sleep(.1); p = self.page; cell = p.locator('.jp-Notebook .jp-CodeCell').last; mark = f'done{time.monotonic_ns()}'
        self.click(cell); p.keyboard.press('Control+A'); p.keyboard.insert_text(f"{code}\nprint('{mark}')"); p.keyboard.press('Control+Enter')
        out = cell.locator('.jp-OutputArea-output'); end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = '\n'.join(out.all_inner_texts())
            if mark in text: return text.split(mark)[0].strip()
            if 'Error' in text and 'Traceback' in text: raise RuntimeError(text[-1500:])
            time.sleep(.1)
        raise TimeoutError(f'{code[:80]}: {text[-500:]}')
    def value(self, code): "A value out of the kernel"; return json.loads(self.run(f'print(json.dumps({code}))'))
    def until(self, code, want, seconds=15):
        "Wait until an expression in the kernel has a value"
        end = time.monotonic() + seconds
        while (got := self.value(code)) != want:
            if time.monotonic() > end: raise AssertionError(f'{code}: {got}, expected {want}')
            time.sleep(.2)
    def canvas(self):
        "The canvas: its box on the screen, after its first window has come"
        box = self.page.locator('.matssl-canvas'); box.wait_for(timeout=30000); self.page.wait_for_function("+(document.querySelector('.matssl-canvas').dataset.windows || 0) > 0", timeout=30000)
        return self.box()
    def box(self): "Where the canvas is now: the notebook scrolls"; c = self.page.locator('.matssl-canvas canvas'); c.scroll_into_view_if_needed(); time.sleep(.15); return c.bounding_box()
    def colours(self, places):
        "Colours `[[r, g, b], ...]` of the canvas at places of its own pixels, x and y"
        return self.page.evaluate("""places => { const c = document.querySelector('.matssl-canvas canvas'), x = c.getContext('2d'), d = x.getImageData(0, 0, c.width, c.height).data;
            return places.map(([u, v]) => { const i = 4*(Math.floor(v)*c.width + Math.floor(u)); return [d[i], d[i+1], d[i+2]]; }); }""", [list(map(float, q)) for q in places])
    def same(self, seen, want): "Are the canvas' colours those that the kernel works out?"; bad = [(i, a, b) for i, (a, b) in enumerate(zip(seen, want)) if max(abs(p-q) for p, q in zip(a, b)) > 2]; assert len(seen) == len(want) and not bad, bad[:3]
    def drag(self, *points, button='left'):
        "Press at the first place on the screen, go through the others, let go"
        m = self.page.mouse; m.move(*points[0]); m.down(button=button)
        for q in points[1:]: m.move(*q, steps=8)
        m.up(button=button)
    def key(self, k): self.page.keyboard.press(k)
    def shot(self, path): self.page.locator('.jp-OutputArea .widget-vbox').first.screenshot(path=str(path)); shrink(path)
    def close(self): self.page.close()
    def stop(self): self.chrome.close(); self.server.terminate(); self.server.wait(20)

def shrink(path):
    from PIL import Image
    im = Image.open(path).convert('RGB'); im.resize((im.width*3//4, im.height*3//4), Image.Resampling.LANCZOS).save(Path(path).with_suffix('.jpg'), quality=65, optimize=True); Path(path).unlink()

# Each test: what is opened, what hands do, what the kernel must hold afterwards. Places on the screen come from the canvas' geometry, worked out here anew.

def on_screen(lab, shape, size, x, y, panels=1):
    "Where a picture's pixel lies when all of the picture is shown"
    box = lab.box(); wide = size[0]/panels; z = min(wide/shape[1], size[1]/shape[0]); k = box['width']/size[0]
    return box['x'] + ((x+.5-shape[1]/2)*z + wide/2)*k, box['y'] + ((y+.5-shape[0]/2)*z + size[1]/2)*k

def test_label(lab, out):
    lab.open('label', "m, truth = synthetic_micrograph('two-phase', (240, 320), seed=3); Path('pics').mkdir()\nImage.fromarray(m.to_uint8()).save('pics/a.png'); Image.fromarray(m.to_uint8().T.copy()).save('pics/b.png')\nw = label('pics', ['ferrite', 'pearlite'], out='masks'); w")
    lab.canvas(); at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y)
    lab.drag(at(40, 50), at(120, 50)); lab.until("int((w.labels == 0).sum()) > 0", True)
    got = lab.value("[int(v) for v in (w.labels[50, 40], w.labels[50, 80], w.labels[50, 120], w.labels[44, 80], w.labels[56, 80], w.labels[58, 80], w.labels[50, 130])]")
    assert got == [0, 0, 0, 0, 0, 255, 255], got # brush of radius 6: rows 44 to 56
    cells = lambda: lab.page.locator('.jp-Notebook .jp-Cell').count(); before = cells()
    def focused(*keys): lab.page.mouse.move(*at(300, 230)); lab.page.evaluate("document.querySelector('.matssl-canvas').focus()"); [lab.key(k) for k in keys]
    focused('1', 'o', 'd', 'd', 'x', '0', '1'); lab.until("[w.canvas.label, w.canvas.tool, w.classes.value, w.tools.value]", [1, 'outline', 1, 'outline']); assert cells() == before, 'a key of the notebook got through'
    lab.drag(at(200, 100), at(280, 100), at(280, 180), at(200, 180), at(200, 101)); lab.until("bool((w.labels[102:178, 202:278] == 1).all() and (w.labels[:, 284:] == 255).all())", True)
    focused('f', '0'); lab.page.mouse.click(*at(240, 140)); lab.until("int(w.labels[140, 240])", 0); focused('z'); lab.until("int(w.labels[140, 240])", 1); focused('y'); lab.until("int(w.labels[140, 240])", 0)
    focused('e', ']'); lab.until("round(w.canvas.brush, 1)", 7.9); lab.drag(at(240, 90), at(240, 190)); lab.until("[int(w.labels[140, x]) for x in (232, 234, 246, 248)]", [0, 255, 255, 0])
    assert lab.value("bool((read_pixels('masks/a.png', indices=True) == w.labels).all())"), 'the mask on disk is not what was drawn'
    z = min(760/320, 560/240); points = [(80, 50), (220, 140), (20, 200), (240, 140), (270, 170)]
    lab.same(lab.colours([((x+.5-160)*z + 380, (y+.5-120)*z + 280) for x, y in points]), lab.value(f"[w.canvas.snapshot(y, x, 1, 1)[0, 0].tolist() for x, y in {points}]"))
    focused('b', '1'); lab.drag(at(30, 180), at(110, 210)); lab.page.mouse.move(*at(300, 20)); time.sleep(.5); lab.page.mouse.wheel(0, 0); lab.shot(out/'label.png')
    lab.page.mouse.move(*at(160, 120))
    for _ in range(4): lab.page.mouse.wheel(0, -100)
    time.sleep(.6); view = lab.value("w.canvas.view"); assert abs(view[2] - 4*z) < .05 and abs(view[0]-160) < 2 and abs(view[1]-120) < 2, view
    focused('['); box = lab.box(); k = box['width']/760; mid = (box['x']+380*k, box['y']+280*k); lab.drag(mid, (mid[0]+40*z*4*k, mid[1]), button='middle'); time.sleep(.5); assert abs(lab.value("w.canvas.view")[0] - 120) < 2, lab.value("w.canvas.view")
    focused('b', '1'); box = lab.box(); lab.page.mouse.click(box['x']+380*k, box['y']+280*k); lab.until("int(w.labels[120, 120])", 1)
    focused('ArrowRight'); lab.until("[w.at, list(w.labels.shape)]", [1, [320, 240]]); time.sleep(.5); lab.canvas()
    p = on_screen(lab, (320, 240), (760, 560), 100, 200); lab.page.mouse.click(*p); lab.until("int(w.labels[200, 100])", 1); lab.page.get_by_role('button', name='undo').click(); lab.until("int((w.labels != 255).sum())", 0)
    lab.page.locator('.widget-dropdown select').first.select_option(index=0); lab.until("[w.at, int(w.labels[140, 220])]", [0, 0]); assert lab.value("len(w.pairs)") == 1

def test_label_hard(lab, out):
    "A stroke that leaves the canvas; a kernel that is busy; a mask that cannot be opened"
    lab.open('hard', """Path('p').mkdir(); Path('m').mkdir(); flat = np.full((240, 320), 120, np.uint8)
for n in 'abc': Image.fromarray(flat).save(f'p/{n}.png')
Image.fromarray(np.zeros((9, 9), np.uint8)).save('m/c.png')
w = label('p', ['x', 'y'], out='m'); w""")
    lab.canvas(); at = lambda x, y: on_screen(lab, (240, 320), (760, 560), x, y); focus = lambda: lab.page.evaluate("document.querySelector('.matssl-canvas').focus()")
    lab.drag(at(290, 60), at(310, 60), (at(319, 60)[0] + 60, at(319, 60)[1])); lab.until("bool((w.labels[60, 290:] == 0).all() and (w.labels[60, :280] == 255).all())", True)
    lab.run("import time; w.canvas.hands['undo'] = lambda m: time.sleep(8)"); start, end = at(60, 150), at(100, 150)
    focus(); lab.key('z'); lab.key('1'); lab.drag(start, end); lab.key('0'); lab.drag(at(60, 200), at(100, 200)); lab.key('ArrowRight'); lab.drag(at(200, 200), at(240, 200)); time.sleep(6) # all of it while the undo lasts
    lab.until("[w.at, w.canvas.label, int((w.labels != 255).sum()), 'picture before' in w.canvas.status]", [1, 0, 0, True], 20); focus(); lab.key('ArrowLeft'); lab.until("[w.at, int(w.labels[150, 80]), int(w.labels[200, 80]), int(w.labels[200, 220])]", [0, 1, 0, 255])
    lab.page.get_by_role('button', name='1 y').click(); time.sleep(.3); before = lab.page.locator('.jp-Notebook .jp-Cell').count(); [lab.key(k) for k in 'bxdd']; assert lab.page.locator('.jp-Notebook .jp-Cell').count() == before, 'a key of the notebook got through'; lab.until("w.canvas.tool", 'brush')
    lab.page.locator('.widget-dropdown select').first.select_option(index=2); lab.until("[w.at, w.which.value, '9 x 9 px' in w.canvas.status]", [0, 0, True]); lab.drag(at(200, 100), at(220, 100)); lab.until("[int(w.labels[100, 210]), w.canvas.status]", [1, ''])
    assert lab.value("bool((read_pixels('m/a.png', indices=True) == w.labels).all())")

def test_label_scribbles(lab, out):
    "Strokes filled in from an encoder's features, in a picture of 1024 x 1024 px"
    lab.open('scribbles', """from matssl.selfsup.encoder import Encoder
from matssl.segmentation.strokes import ScribbleClassifier
m, truth = synthetic_micrograph('two-phase', (1024, 1024), seed=3, fraction=.5, coarseness=40, period=8)
import torch; torch.manual_seed(0); c = ScribbleClassifier(Encoder('resnet10t'), truth.codes); c.features(m); w = label(m, truth.codes, assistant=c); w""")
    lab.canvas(); at = lambda x, y: on_screen(lab, (1024, 1024), (760, 560), x, y); places = json.loads(lab.run("""from scipy.ndimage import distance_transform_edt
print(json.dumps([[int(v) for v in np.unravel_index(distance_transform_edt((truth.labels == k)[100:-100, 100:-100]).argmax(), (824, 824))] for k in (0, 1)]))"""))
    for k, (y, x) in enumerate(places): lab.page.evaluate("document.querySelector('.matssl-canvas').focus()"); lab.key(str(k)); lab.drag(at(x+90, y+100), at(x+110, y+100))
    lab.until("w.guess is not None", True, 40); good, seconds = lab.value("[float((w.guess[2] == truth.labels).mean()), w.seconds]"); print(f'        filled in after {seconds:.2f} s, {100*good:.0f} % right (untrained encoder)'); assert good > .6, good; lab.shot(out/'scribbles.png')

def test_label_assistant(lab, out):
    lab.open('assistant', '''class Nearest:
    def fit(self, data): g, y = (np.concatenate(v) for v in zip(*((m.to_uint8()[y != 255], y[y != 255]) for m, y in data))); self.means = {int(k): g[y == k].mean() for k in np.unique(y)}
    def predict(self, m): k = np.array(list(self.means), np.uint8); return LabelMap(k[abs(m.to_uint8()[..., None] - np.array(list(self.means.values()))).argmin(-1)], ['dark', 'light'])
two = np.full((200, 300), 60, np.uint8); two[:, 150:] = 180
w = label(two, ['dark', 'light'], assistant=Nearest()); w''')
    lab.canvas(); at = lambda x, y: on_screen(lab, (200, 300), (760, 560), x, y)
    lab.drag(at(20, 100), at(60, 100)); lab.page.evaluate("document.querySelector('.matssl-canvas').focus()"); lab.key('1'); lab.drag(at(220, 100), at(260, 120)); lab.until("bool(w.guess is not None and (w.guess[2] == (two > 100)).all())", True)
    time.sleep(.5); z = 760/300; seen = lab.colours([((280.5-150)*z + 380, (20.5-100)*z + 280)]); lab.same(seen, lab.value("[w.canvas.snapshot(20, 280, 1, 1)[0, 0].tolist()]")); assert seen != [[180]*3]
    lab.page.get_by_role('button', name='accept').click(); lab.until("bool((w.labels == (two > 100)).all())", True)

def test_browse(lab, out):
    lab.open('browse', '''lab = write_synthetic_dataset('lab', pool=2, labelled=3, test=1, size=(240, 320)); pairs = pair_files(lab/'labelled')
class ByGrey:
    codes = ['ferrite', 'pearlite']
    def predict(self, m, symmetry=False, proba=False): g = m.to_uint8(); q = np.stack([1-g/255., g/255.]); return LabelMap((g > 127).astype(np.uint8), self.codes, m.um_per_px, m.source, q if proba else None)
w = browse(pairs, ByGrey()); w''')
    lab.canvas(); z = min(450/320, 520/240); page = lab.page
    def compare():
        time.sleep(.5); points = [(20*x, 20*y) for y in range(1, 12) for x in range(1, 16)] # the middle of each magnified pixel
        lab.same(lab.colours([((x+.5-160)*z + 225, (y+.5-120)*z + 260) for x, y in points]), lab.value(f"[w.canvas.snapshot()[y, x].tolist() for x, y in {points}]"))
    compare(); lab.shot(out/'browse.png')
    page.get_by_role('button', name='pearlite').click(); lab.until("w.canvas.shown", [False, False]); compare(); page.get_by_role('button', name='pearlite').click()
    page.get_by_text('entropy', exact=True).click(); lab.until("w.canvas.entropy", True); time.sleep(1); compare(); page.get_by_text('entropy', exact=True).click()
    slider = page.locator('.widget-slider .noUi-handle').first; slider.focus(); [lab.key('ArrowRight') for _ in range(3)]; lab.until("round(w.canvas.opacity, 2)", .6); compare()
    page.get_by_text('truth beside', exact=True).click(); lab.until("w.canvas.beside", False); time.sleep(.5); page.get_by_text('truth beside', exact=True).click()
    page.get_by_role('button', name='native').click(); lab.until("w.canvas.view[2]", 1); time.sleep(.5); v = lab.value("w.canvas.view")
    lab.same(lab.colours([(x+.5-v[0]+225, 120.5-v[1]+260) for x in range(10, 310)]), lab.value("w.canvas.snapshot()[120, 10:310].tolist()")) # one screen pixel a picture pixel
    page.locator('.matssl-canvas').evaluate("e => e.focus()"); lab.key('ArrowRight'); lab.until("[w.at, w.which.value]", [1, 1])

def test_browse_large(lab, out):
    lab.open('large', '''import tifffile
a = np.kron(np.random.default_rng(0).integers(0, 256, (128, 160), np.uint8), np.ones((64, 64), np.uint8)); tifffile.imwrite('large.tif', a, compression='zlib', rowsperstrip=64)
class ByGrey:
    codes = ['dark', 'light']; asked = []
    def predict(self, m, symmetry=False, proba=False): g = m.to_uint8(); self.asked.append(list(g.shape)); return LabelMap((g > 127).astype(np.uint8), self.codes)
model = ByGrey(); w = browse('large.tif', model); w''')
    lab.canvas(); assert lab.value("[w.canvas.shape, len(model.asked)]") == [[8192, 10240], 0]; lab.run("w.look(row=4000, col=5000, zoom=2)"); lab.until("len(model.asked) > 0", True); time.sleep(1)
    points = [(2*d, d) for d in range(-100, 101, 20)]; assert max(max(s) for s in lab.value("model.asked")) < 2000
    lab.same(lab.colours([((x+.5)*2 + 450, (y+.5)*2 + 260) for x, y in points]), lab.value(f"[w.canvas.snapshot(4000+y, 5000+x, 1, 1)[0, 0].tolist() for x, y in {points}]"))

def test_views(lab, out):
    lab.open('views', "pics = [synthetic_micrograph('two-phase', (240, 320), seed=i)[0] for i in range(2)]\nw = browse(pics, views=True); w")
    page = lab.page; page.locator('.widget-image, img.widget-image').first.wait_for(timeout=20000); before = lab.value("hash(bytes(w.image.value))")
    page.get_by_role('button', name='other views').click(); lab.until(f"hash(bytes(w.image.value)) != {before}", True); handle = page.locator('.widget-slider .noUi-handle').nth(5); handle.focus(); [lab.key('ArrowRight') for _ in range(8)]; lab.until("round(w.settings['noise'], 3)", .09)
    page.locator('.widget-dropdown select').first.select_option(index=1); lab.until("w.which.value", 1); time.sleep(.5); lab.shot(out/'views.png')

def test_calibrate(lab, out):
    lab.open('calibrate', "m, _ = synthetic_micrograph('two-phase', (240, 320), seed=3); pic = np.zeros((280, 320), np.uint8); pic[:240] = m.to_uint8(); pic[255:261, 60:240] = 250; Image.fromarray(pic).save('old.png')\nw = calibrate_scale('old.png', 'scales.csv'); w")
    lab.canvas(); at = lambda x, y: on_screen(lab, (280, 320), (900, 560), x, y); page = lab.page
    field = page.locator('.widget-text input').first; field.fill('20'); field.press('Enter'); lab.until("w.length.value", 20.)
    page.mouse.click(*at(57, 258)); page.mouse.move(*at(150, 258)); page.mouse.click(*at(242, 257)); lab.until("w.um_per_px is not None", True)
    assert abs(lab.value("w.um_per_px") - 20/180) < .0008, lab.value("[w.um_per_px, w.canvas.line]"); lab.drag(at(242, 257), at(239, 258)); time.sleep(.3); assert abs(lab.value("w.um_per_px") - 20/180) < .0008
    page.get_by_role('button', name='write to the CSV').click(); lab.until("abs(read_scales('scales.csv')['old.png'] - 20/180) < .0008", True); page.mouse.move(*at(300, 100)); time.sleep(.3); lab.shot(out/'calibrate.png')

def main():
    a = argparse.ArgumentParser(); a.add_argument('-o', '--out', default=None, help='folder for the screenshots'); a.add_argument('-k', default='', help='only tests with this in their name'); a.add_argument('--require', action='store_true', help='fail where there is no browser'); a = a.parse_args()
    chromium = browser()
    if not chromium: print('no Chromium or Chrome here: not tried'); return int(a.require)
    from playwright.sync_api import sync_playwright
    tests = [f for n, f in globals().items() if n.startswith('test_') and a.k in n]; passed = failed = 0; tmp = tempfile.TemporaryDirectory(ignore_cleanup_errors=True); out = Path(a.out or tmp.name); out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        lab = Lab(tmp.name, chromium, play)
        try:
            for f in tests:
                start = time.monotonic()
                try: f(lab, out); assert not lab.errors, lab.errors; passed += 1; print(f'ok      {f.__name__[5:]}, {time.monotonic()-start:.0f} s', flush=True)
                except Exception: failed += 1; print(f'FAILED  {f.__name__[5:]}'); traceback.print_exc(limit=3); lab.page.screenshot(path=str(out/f'{f.__name__}_failed.png'))
                lab.close()
        finally: lab.stop()
    tmp.cleanup(); print(f'{passed} passed, {failed} failed'); return failed > 0 or not passed

if __name__ == '__main__': sys.exit(main())
