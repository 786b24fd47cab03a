#!/usr/bin/env python3
"""One file of each kind that a release writes, kept in nbs/releases/VERSION, and the numbers that it held.

usage: python .ci/fixture.py VERSION           writes the folder, by the package that is imported; it must be of that version
       python .ci/fixture.py VERSION --again   the same over an earlier folder of that version
       python .ci/fixture.py --check           the folder of today's version is there, complete, and reads back equal
       python .ci/fixture.py --files           the same without reading: needs nothing but Python

An earlier release's folder is never made again: it is what that release wrote. Where one was forgotten: check the release out, and run this
script with PYTHONPATH set to it. nbs/46_releases.ipynb reads all folders, by the readers below.
"""
import gzip, hashlib, json, os, re, shutil, sys, tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
releases = root/'nbs'/'releases'
most = 300_000 # bytes a release
codes = ['matrix', 'oxide']
tiny = dict(channels=[4, 4, 4, 4], stem_width=4) # of a resnet10t: some 2,000 numbers
slow = 2e-4 # learning rate: so low that other draws end near the same scores
close = dict(atol=1e-5, rtol=1e-5)


# ---- Pictures, by formula -----------------------------------------------------------------------------------------------------------

def grains(k, size=(64, 64)):
    "A picture of two phases and its labels: waves, cut at a level; the same numbers everywhere"
    import numpy as np
    y, x = np.mgrid[:size[0], :size[1]]; a, b, c = .19+.02*(k % 3), .13+.03*(k % 4), .7*k
    w = np.sin(a*x + c)*np.cos(b*y - c) + .5*np.sin(.11*(x+y) + 2*c); labels = (w > .25).astype(np.uint8)
    return (90 + 8*np.round(4*w) + 70*labels).clip(0, 255).astype(np.uint8), labels


def write_pictures(folder):
    "`pool/*.png`, `labelled/images/*.png` with `labelled/labels/*.png`, and `picture.png`, which nothing was trained on"
    from PIL import Image
    for d in ('pool', 'labelled/images', 'labelled/labels'): (folder/d).mkdir(parents=True)
    for k in range(8): Image.fromarray(grains(k)[0]).save(folder/'pool'/f'p{k}.png', optimize=True)
    for k in range(8, 12):
        for d, a in zip(('images', 'labels'), grains(k)): Image.fromarray(a).save(folder/'labelled'/d/f'p{k}.png', optimize=True)
    Image.fromarray(grains(12, (70, 90))[0]).save(folder/'picture.png', optimize=True)


def picture(folder):
    "`picture.png` as a network takes it, `(1, 3, 64, 64)`, 0-1"
    import numpy as np, torch
    from PIL import Image
    return torch.from_numpy(np.asarray(Image.open(folder/'picture.png'))[:64, :64]/255.).float().expand(1, 3, -1, -1)


def short(t):
    "A few numbers of a tensor or array, and its mean, absolute mean and size"
    import numpy as np
    a = np.asarray(t, dtype=float).ravel(); return [float(v) for v in (*a[::max(1, len(a)//12)][:12], a.mean(), np.abs(a).mean(), a.size)]


def digest(a):
    "Of whole numbers: shape and checksum"
    import numpy as np
    a = np.ascontiguousarray(a, dtype=np.uint8); return [list(a.shape), hashlib.sha256(a.tobytes()).hexdigest()[:16]]


# ---- Kinds of files: how a release writes one, and what is read from it ----------------------------------------------------------------

def ssl_learner(folder):
    "The pretraining that `state.safetensors` is in the middle of"
    from matssl.all import MicrographDataLoaders, pretrain_learner
    dls = MicrographDataLoaders.from_folder(folder/'pool', size=48, bs=4, valid_pct=.25, seed=0, device='cpu')
    return pretrain_learner(dls, 'resnet10t', pretrained=False, timm_kwargs=tiny, overrides=dict(size=32, hidden=16, dim=8, epochs=4), bf16=False, seed=0)


def pack(file):
    "A state is mostly random generators, which gzip makes small"
    (file.parent/(file.name + '.gz')).write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0)); file.unlink()


def unpack(file, to): out = Path(to)/file.stem; out.write_bytes(gzip.decompress(file.read_bytes())); return out


def interrupted(learn, train, after):
    "Train until some epochs of one cycle or several have passed, and stop as a user would"
    from fastai.callback.core import Callback
    class Stop(Callback):
        order, passed = 70, 0 # after the state is written
        def after_epoch(self):
            self.passed += 1
            if self.passed == after: raise KeyboardInterrupt
    try:
        with learn.no_bar(), learn.no_logging(), learn.added_cbs(Stop()): train(learn)
    except KeyboardInterrupt: pass
    return learn


def gone_on(learn, train):
    "Train on from a state; what the first cycle that is trained at all finds in network and optimiser before its first step"
    import torch
    from fastai.callback.core import Callback
    class Watch(Callback):
        order, seen = 70, None # after the state is put back
        def before_batch(self):
            if self.seen is None and self.training: self.seen = [self.n_epoch, self.epoch, *sums(self.model.state_dict().values(), [s for *_, s, _ in self.opt.all_params()])]
    watch = Watch()
    with learn.no_bar(), learn.no_logging(), learn.added_cbs(watch): train(learn)
    return watch.seen


def sums(weights, moments):
    "Of absolute values: weights, averaged gradients, averaged squares; and the steps, added"
    total = lambda ts: float(sum(t.detach().double().abs().sum() for t in ts))
    return [total(weights), *(total(s[k] for s in moments if k in s) for k in ('grad_avg', 'sqr_avg')), float(sum(float(s.get('step', 0)) for s in moments))]


def write_state(folder):
    "A pretraining of four epochs, interrupted after the second"
    learn = interrupted(ssl_learner(folder), lambda l: l.fit_ssl(4, slow, checkpoint=folder/'state.safetensors'), 2)
    pack(folder/'state.safetensors'); return learn


def read_state(folder):
    "The pretraining goes on, on a copy of its state: what it found there, the scores it had, and the one at its end"
    with tempfile.TemporaryDirectory() as tmp:
        file = unpack(folder/'state.safetensors.gz', tmp); learn = ssl_learner(folder); seen = gone_on(learn, lambda l: l.fit_ssl(4, slow, checkpoint=file))
    t = learn.ssl_monitor.table
    return dict(found=seen, epochs=[int(i) for i in t.index], had=[float(v) for v in t.valid_loss.iloc[:3]], end=float(t.valid_loss.iloc[-1]))


def write_encoder(folder):
    from matssl.all import save_encoder
    learn = write_state(folder); save_encoder(learn, folder/'encoder.safetensors', remark='kept')


def read_encoder(folder):
    "What the encoder says of itself and of a picture"
    import torch
    from matssl.all import load_encoder
    e = load_encoder(folder/'encoder.safetensors').eval()
    with torch.no_grad(): maps = e(picture(folder))
    return dict(maps=[short(m) for m in maps], arch=e.arch, timm_kwargs=e.timm_kwargs, stats=[list(s) for s in e.stats], method=e.method, remark=e.notes['remark'], pool=e.notes['pool'])


def labelled_learner(folder):
    from matssl.all import MicrographDataLoaders, segment_learner
    dls = MicrographDataLoaders.from_pairs(folder/'labelled', codes=codes, size=64, bs=4, n=32, valid_pct=0, seed=0, device='cpu')
    return segment_learner(dls, 'resnet10t', encoder=folder/'encoder.safetensors', decoder='linknet', seed=0, bf16=False)


def write_finetuning(folder):
    "A fine-tuning of one frozen and two free epochs, interrupted after the first free one"
    interrupted(labelled_learner(folder), lambda l: l.fit_segment(2, slow, checkpoint=folder/'finetuning.safetensors'), 2)
    pack(folder/'finetuning.safetensors')


def read_finetuning(folder):
    "The fine-tuning goes on, on a copy of its state"
    with tempfile.TemporaryDirectory() as tmp:
        file = unpack(folder/'finetuning.safetensors.gz', tmp); learn = labelled_learner(folder); seen = gone_on(learn, lambda l: l.fit_segment(2, slow, checkpoint=file))
    return dict(found=seen, end=float(learn.recorder.values[-1][0]))


def write_segmenter(folder):
    "Fine-tuned from the encoder; with the floor map of its training masks, small"
    from matssl.all import Segmenter
    from matssl.segmentation.segmenter import class_prior
    learn = labelled_learner(folder)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(12, 1e-2)
    s = Segmenter.from_learner(learn); s.prior = class_prior(learn.dls.train.dataset.masks, len(codes), 16); s.example = None
    s.save(folder/'segmenter')


def read_segmenter(folder):
    "Scores of the network on a picture, labels through all of `predict`, and what the folder says"
    import torch
    from matssl.all import Segmenter
    s = Segmenter.load(folder/'segmenter', device='cpu')
    with torch.no_grad(): y = s.model(picture(folder))
    m = s.predict(folder/'picture.png'); again = s.predict(folder/'picture.png', symmetry=True)
    return dict(scores=short(y), prior=short(s.prior), fractions=[float((x.labels == 1).mean()) for x in (m, again)], codes=s.codes, tile=s.config['tile'], method=s.config['encoder']['method'], labelled=s.config['labelled'])


def write_label_map(folder):
    from matssl.all import LabelMap, write_label_map as write
    _, y = grains(5, (40, 56)); y[:4] = 255; write(LabelMap(y, codes, .125, 'steel.tif'), folder/'labels.tif')


def read_label_map(folder):
    from matssl.all import read_label_map as read
    m = read(folder/'labels.tif'); return dict(labels=digest(m.labels), codes=m.codes, um_per_px=float(m.um_per_px))


def write_results(folder):
    "The last lines of the benchmark as it stood, copied through the package"
    import matssl
    from matssl.bench.experiment import append_result, read_results
    t = read_results(Path(matssl.__file__).parent.parent/'nbs'/'results'/'benchmark'/'results.csv').tail(3)
    for r in t.to_dict('records'): append_result(folder/'results.csv', {k: '' if v != v else v for k, v in r.items()})


def read_results(folder):
    from matssl.bench.experiment import cell_key, pooled_matrices, read_results as read
    t = read(folder/'results.csv')
    return dict(cells=[[str(r[k]) for k in cell_key] for r in t.to_dict('records')], miou=[float(v) for v in t.miou], pixels=[sum(map(float, sum(map(list, m), []))) for m in (sum_of(c) for c in t.confusions)])


def sum_of(confusions):
    "The confusion matrices of all pictures of a cell, added"
    import numpy as np
    return sum(np.asarray(m) for m in json.loads(confusions).values()).tolist()


def write_masks(folder):
    "Masks painted from a table of outlines"
    from matssl.masks.masks import write_polygon_masks
    (folder/'outlines.csv').write_text('file,id,x,y\n' + ''.join(f'p0.png,{k},{x},{y}\n' for k, p in enumerate([[(5, 5), (30, 8), (20, 40)], [(40, 40), (60, 40), (60, 60), (40, 60)]]) for x, y in p))
    write_polygon_masks(folder/'outlines.csv', folder/'pool', folder/'painted')
    for f in (folder/'painted').glob('p[1-9]*.png'): f.unlink() # empty


def read_masks(folder):
    import warnings
    from matssl.all import read_mask
    with warnings.catch_warnings(): warnings.simplefilter('ignore'); return dict(mask=digest(read_mask(folder/'painted'/'p0.png')))


def write_hand(folder):
    "What a labelling hand leaves: mask and codes, strokes, scales, suggestions, exports to other programs"
    import numpy as np
    from matssl.all import RegionOfInterest, Suggestions, write_scribbles
    from matssl.hands.labelling import LabelledPicture, export_labels
    from matssl.hands.browse import write_scale
    _, y = grains(0); y[:6] = 255; p = LabelledPicture(folder/'pool'/'p0.png', codes, folder/'hand'/'masks'/'p0.png', start=y); p.keep(even=True)
    for kind, end in (('labelme', '.json'), ('imagej', '.zip'), ('napari', '_napari.tif'), ('png', '_index.png')): export_labels(p.label_map, folder/'hand'/f'p0{end}', kind)
    strokes = np.full(y.shape, 255, np.uint8); strokes[20:22, 10:50] = 0; strokes[40, 5:30] = 1; write_scribbles(folder/'hand'/'strokes', [(grains(0)[0], strokes)])
    write_scale(folder/'hand'/'scales.csv', 'p0.png', .0625); write_scale(folder/'hand'/'scales.csv', 'p1.png', 1/3)
    Suggestions([RegionOfInterest('p0.png', 8, 16, 32, 32, 'p0.png', .75, .5, np.nan, 1), RegionOfInterest('p1.png', 0, 0, 32, 24, 'p1.png', .5, np.nan, .25, 2)]).save(folder/'hand'/'suggestions.csv')


def read_hand(folder):
    from matssl.all import pair_files, read_mask, read_scales, read_suggestions
    from matssl.hands.labelling import LabelledPicture, read_labels
    d, shape = folder/'hand', (64, 64); p = LabelledPicture(folder/'pool'/'p0.png', codes, d/'masks'/'p0.png'); s, = pair_files(d/'strokes')
    other = [digest(read_labels(d/f'p0{e}', shape, codes)) for e in ('.json', '.zip', '_napari.tif')]
    return dict(mask=digest(p.painter.labels), index=digest(read_mask(d/'p0_index.png', codes, ignore=255)), other=other, strokes=digest(read_mask(s.mask, codes, ignore=255)), scales=[[k, float(v)] for k, v in read_scales(d/'scales.csv').items()],
                suggestions=[[r.rank, str(r.file), r.row, r.col, r.height, r.width, str(r.entropy), str(r.disagreement), str(r.distance)] for r in read_suggestions(d/'suggestions.csv')])


def write_names(folder):
    "Every name of `from matssl.all import *`, and every option of every command"
    import matssl.all
    (folder/'names.json').write_text(json.dumps(dict(names=sorted(matssl.all.__all__), options=options()), indent=1) + '\n', encoding='utf-8')


def options():
    "The words that each command takes, `{command: [words]}`, as its help has them"
    commands = re.findall(r'^    (\w+) ', helped(), re.M)
    return {c: sorted(set(re.findall(r'(?<![\w-])--?[a-z][\w-]*', helped(c)))) for c in commands}


def helped(*words):
    "What `matssl WORDS --help` prints"
    import contextlib, io
    from matssl.cli import main
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit): main([*words, '--help'])
    return out.getvalue()


def read_names(folder):
    "What was there in that release and is not there today: nothing, if all is well"
    import matssl.all
    then, now = json.loads((folder/'names.json').read_text(encoding='utf-8')), options()
    return dict(lost_names=[n for n in then['names'] if not hasattr(matssl.all, n)],
                lost_options=[f'{c} {o}' for c, words in then['options'].items() for o in words if o not in now.get(c, [])])


def read_figures(folder):
    "What is measured on maps made by formula: the same numbers in every release, but for what a changelog names"
    import numpy as np
    from matssl.all import LabelMap, cracks, grain_size, layer_thickness, particle_summary, particles, phase_fractions
    maps = [LabelMap(grains(k, (200, 240))[1], codes, .5) for k in range(4)]
    band = np.zeros((120, 200), np.uint8); band[40:70] = 1; band[40:70, ::50] = 2
    coating = LabelMap(band, [*codes, 'crack'], .5)
    table = lambda t: [float(v) for v in t.select_dtypes('number').to_numpy(float).ravel()]
    edges = np.zeros((240, 240), bool); edges[::30] = edges[:, ::40] = True
    return dict(phases=table(phase_fractions(maps)), phases_of_one=table(phase_fractions(maps[0])), particles=table(particles(maps[0], 'oxide')), particle_summary=table(particle_summary(maps, 'oxide')),
                layer=table(layer_thickness(coating, 'oxide')), cracks=table(cracks(coating, 'crack', 'oxide')), grains=table(grain_size(edges, .5)))


kinds = { # name: (writer, reader, files)
    'state': (None, read_state, ['state.safetensors.gz']), # written on the way to the encoder
    'encoder': (write_encoder, read_encoder, ['encoder.safetensors']),
    'fine-tuning': (write_finetuning, read_finetuning, ['finetuning.safetensors.gz']),
    'segmenter': (write_segmenter, read_segmenter, ['segmenter/config.json', 'segmenter/model.safetensors']),
    'label map': (write_label_map, read_label_map, ['labels.tif']),
    'benchmark': (write_results, read_results, ['results.csv']),
    'masks': (write_masks, read_masks, ['painted/p0.png']),
    'hand': (write_hand, read_hand, ['hand/masks/p0.png', 'hand/masks/codes.txt', 'hand/p0.json', 'hand/p0.zip', 'hand/p0_napari.tif', 'hand/p0_index.png', 'hand/strokes/labels/picture_0.png', 'hand/strokes/images/picture_0.tif', 'hand/scales.csv', 'hand/suggestions.csv']),
    'names': (write_names, read_names, ['names.json']),
    'figures': (None, read_figures, []), # of maps made by formula
}
first = {'hand': (0, 2, 0), 'fine-tuning': (0, 2, 0), 'names': (0, 2, 0), 'figures': (0, 2, 0)} # the release that began to write a kind; else 0.1.0


def number(version): return tuple(map(int, re.match(r'(\d+)\.(\d+)\.(\d+)', version).groups()))
def kinds_of(version): return [k for k in kinds if number(version) >= first.get(k, (0, 1, 0))]


# ---- Making and checking -----------------------------------------------------------------------------------------------------------

def differences(kind, want, got):
    "In words; numbers are equal to 1e-5, a training that goes on ends near where it would have ended"
    import numpy as np
    near = dict(end=.5, fractions=.01) # draws differ between versions of torch and of the package; a pixel on the fence may fall on the other side
    out = []
    for k in want:
        w, g = want[k], got.get(k)
        numbers = kind == 'figures' or k in ('maps', 'scores', 'prior', 'found', 'had', 'miou', 'pixels', 'um_per_px', 'end', 'fractions')
        same = np.shape(w) == np.shape(g) and np.allclose(w, g, equal_nan=True, **(dict(atol=near[k], rtol=0) if k in near else close)) if numbers else w == g
        if not same: out.append(f'{kind}, {k}: {str(w)[:150]} was written, {str(g)[:150]} is read')
    return out


def check_files(version):
    "What is wrong with the folder of a release, in words, without reading it; [] if nothing"
    d = releases/version
    if not (d/'expected.json').is_file(): return [f'{d.relative_to(root)} is not there: python .ci/fixture.py {version}']
    about, out = json.loads((d/'expected.json').read_text(encoding='utf-8')), []
    if about['version'] != version: out.append(f'{d.name} was written by {about["version"]}')
    if set(about['numbers']) != set(kinds_of(version)): out.append(f'{d.name} has {sorted(about["numbers"])}, not {sorted(kinds_of(version))}')
    there = {f.relative_to(d).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(d.rglob('*')) if f.is_file() and f.name != 'expected.json'}
    out += [f'{d.name}/{f} {"is not there" if f not in there else "is not what the release wrote" if f in about["files"] else "is not in expected.json"}' for f in sorted({*there, *about['files']}) if there.get(f) != about['files'].get(f)]
    out += [f'{d.name}: no {f}' for k in kinds_of(version) for f in kinds[k][2] if f not in about['files']]
    if (n := sum(f.stat().st_size for f in d.rglob('*') if f.is_file())) > most: out.append(f'{d.name} takes {n} bytes, more than {most}')
    return out


def check(version):
    "What the present package reads otherwise than the release wrote it, in words"
    d = releases/version
    if found := check_files(version): return found
    about = json.loads((d/'expected.json').read_text(encoding='utf-8'))
    return [x for k in kinds_of(version) for x in differences(k, about['numbers'][k], json.loads(json.dumps(kinds[k][1](d))))]


def make(version, again=False):
    "Write the folder of a release with the package that is imported"
    import matssl, torch, timm, numpy
    d = releases/version
    if matssl.__version__ != version: sys.exit(f'{matssl.__file__} is matssl {matssl.__version__}, not {version}')
    if d.exists() and not again: sys.exit(f'{d} exists; --again writes it anew')
    with tempfile.TemporaryDirectory() as tmp:
        f = Path(tmp)/version; f.mkdir(); torch.use_deterministic_algorithms(True); write_pictures(f)
        for k in kinds_of(version):
            if kinds[k][0]: kinds[k][0](f)
        numbers = {k: kinds[k][1](f) for k in kinds_of(version)}
        files = {p.relative_to(f).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(f.rglob('*')) if p.is_file()}
        about = dict(version=version, versions=dict(torch=torch.__version__.split('+')[0], timm=timm.__version__, numpy=numpy.__version__), numbers=numbers, files=files)
        (f/'expected.json').write_text(json.dumps(about, indent=1) + '\n', encoding='utf-8')
        if d.exists(): shutil.rmtree(d)
        d.parent.mkdir(exist_ok=True); shutil.copytree(f, d)
    print(f'{d.relative_to(root)}: {len(files)} files, {sum(p.stat().st_size for p in d.rglob("*") if p.is_file())} bytes')
    return check_files(version)


def main():
    args, flags = [a for a in sys.argv[1:] if not a.startswith('-')], [a for a in sys.argv[1:] if a.startswith('-')]
    today = re.search(r'__version__ = "([^"]+)"', (root/'matssl'/'__init__.py').read_text())[1]
    if flags == ['--check'] and not args: found = check(today)
    elif flags == ['--files'] and not args: found = check_files(today)
    elif len(args) == 1 and flags in ([], ['--again']): found = make(args[0], bool(flags))
    else: print(__doc__); return 2
    print('\n'.join(found) or f'{today if flags != ["--again"] and not args else args[0]}: complete'); return bool(found)


if __name__ == '__main__': sys.exit(main())
