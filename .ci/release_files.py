"""One file of each kind that a release writes: how it is written, and what is read from it.

A writer takes the folder of a release and puts its files there; a reader takes the folder and returns `{what: numbers or
words}` that the next release must read as well. Pictures are made by formula, trainings take seconds. `fixture.py` makes
and checks the folders.
"""
import contextlib
import gzip
import hashlib
import io
import json
import re
import tempfile
import warnings
from collections import namedtuple
from pathlib import Path

Kind = namedtuple('Kind', 'write read files')

codes = ['matrix', 'oxide']
tiny = dict(channels=[4, 4, 4, 4], stem_width=4) # of a resnet10t: some 2,000 numbers
slow = 2e-4 # learning rate: so low that other draws end near the same scores


# ---- Pictures, by formula --------------------

def grains(k, size=(64, 64)):
    "A picture of two phases and its labels: waves, cut at a level; the same numbers everywhere"
    import numpy as np
    y, x = np.mgrid[:size[0], :size[1]]
    across, down, shift = .19 + .02*(k % 3), .13 + .03*(k % 4), .7*k
    waves = np.sin(across*x + shift)*np.cos(down*y - shift) + .5*np.sin(.11*(x+y) + 2*shift)
    labels = (waves > .25).astype(np.uint8)
    grey = 90 + 8*np.round(4*waves) + 70*labels
    return grey.clip(0, 255).astype(np.uint8), labels


def write_pictures(folder):
    "`pool`, `labelled/images` with `labelled/labels`, and `picture.png`, which nothing was trained on"
    for name in ('pool', 'labelled/images', 'labelled/labels'): (folder/name).mkdir(parents=True)
    for k in range(8):
        write_png(grains(k)[0], folder/'pool'/f'p{k}.png')
    for k in range(8, 12):
        grey, labels = grains(k)
        write_png(grey, folder/'labelled'/'images'/f'p{k}.png')
        write_png(labels, folder/'labelled'/'labels'/f'p{k}.png')
    write_png(grains(12, (70, 90))[0], folder/'picture.png')


def write_png(pixels, file):
    from PIL import Image
    Image.fromarray(pixels).save(file, optimize=True)


def picture(folder):
    "`picture.png` as a network takes it, `(1, 3, 64, 64)`, 0-1"
    import numpy as np
    import torch
    from PIL import Image
    pixels = np.asarray(Image.open(folder/'picture.png'))[:64, :64]
    return torch.from_numpy(pixels/255.).float().expand(1, 3, -1, -1)


# ---- What is kept of large things --------------------

def short(t):
    "A few numbers of a tensor or array, and its mean, absolute mean and size"
    import numpy as np
    values = np.asarray(t, dtype=float).ravel()
    some = values[::max(1, len(values)//12)][:12]
    return [float(v) for v in (*some, values.mean(), np.abs(values).mean(), values.size)]


def digest(a):
    "Of whole numbers: shape and checksum"
    import numpy as np
    a = np.ascontiguousarray(a, dtype=np.uint8)
    return [list(a.shape), hashlib.sha256(a.tobytes()).hexdigest()[:16]]


def numbers_of(table):
    "All numbers of a table, row by row"
    return [float(v) for v in table.select_dtypes('number').to_numpy(float).ravel()]


# ---- Trainings that stop and go on --------------------

def pack(file):
    "A state is mostly random generators, which gzip makes small"
    packed = gzip.compress(file.read_bytes(), 9, mtime=0)
    (file.parent/(file.name + '.gz')).write_bytes(packed)
    file.unlink()


def unpack(file, to):
    "A copy of a packed file in the folder `to`"
    out = Path(to)/file.stem
    out.write_bytes(gzip.decompress(file.read_bytes()))
    return out


def quiet(learn, callback=None):
    "A training without bars and tables, with one callback more"
    stack = contextlib.ExitStack()
    stack.enter_context(learn.no_bar())
    stack.enter_context(learn.no_logging())
    if callback is not None: stack.enter_context(learn.added_cbs(callback))
    return stack


def interrupted(learn, train, after):
    "Train until some epochs of one cycle or several have passed, and stop as a user would"
    from fastai.callback.core import Callback
    class Stop(Callback):
        order = 70 # after the state is written
        passed = 0
        def after_epoch(self):
            self.passed += 1
            if self.passed == after: raise KeyboardInterrupt
    with contextlib.suppress(KeyboardInterrupt), quiet(learn, Stop()): train(learn)
    return learn


def gone_on(learn, train):
    "Train on from a state; what the first cycle that is trained at all finds before its first step"
    from fastai.callback.core import Callback
    class Watch(Callback):
        order = 70 # after the state is put back
        seen = None
        def before_batch(self):
            if self.seen is None and self.training: self.seen = [self.n_epoch, self.epoch, *found_in(self)]
    watch = Watch()
    with quiet(learn, watch): train(learn)
    return watch.seen


def found_in(learn):
    "Sums of network and optimiser"
    moments = [state for *_, state, _ in learn.opt.all_params()]
    return sums(learn.model.state_dict().values(), moments)


def sums(weights, moments):
    "Of absolute values: weights, averaged gradients, averaged squares; and the steps, added"
    total = lambda tensors: float(sum(t.detach().double().abs().sum() for t in tensors))
    averages = [total(state[key] for state in moments if key in state) for key in ('grad_avg', 'sqr_avg')]
    steps = float(sum(float(state.get('step', 0)) for state in moments))
    return [total(weights), *averages, steps]


# ---- The state of a pretraining, and its encoder --------------------

def ssl_learner(folder):
    "The pretraining that `state.safetensors` is in the middle of"
    from matssl.all import MicrographDataLoaders, pretrain_learner
    dls = MicrographDataLoaders.from_folder(folder/'pool', size=48, bs=4, valid_pct=.25, seed=0, device='cpu')
    overrides = dict(size=32, hidden=16, dim=8, epochs=4)
    return pretrain_learner(dls, 'resnet10t', pretrained=False, timm_kwargs=tiny, overrides=overrides, bf16=False,
                            seed=0)


def write_state(folder):
    "A pretraining of four epochs, interrupted after the second"
    file = folder/'state.safetensors'
    learn = interrupted(ssl_learner(folder), lambda learn: learn.fit_ssl(4, slow, checkpoint=file), after=2)
    pack(file)
    return learn


def read_state(folder):
    "The pretraining goes on, on a copy of its state: what it found there, the scores it had, and the one at its end"
    learn = ssl_learner(folder)
    with tempfile.TemporaryDirectory() as tmp:
        file = unpack(folder/'state.safetensors.gz', tmp)
        found = gone_on(learn, lambda learn: learn.fit_ssl(4, slow, checkpoint=file))
    table = learn.ssl_monitor.table
    losses = [float(v) for v in table.valid_loss]
    return dict(found=found, epochs=[int(i) for i in table.index], had=losses[:3], end=losses[-1])


def write_encoder(folder):
    "The encoder of that pretraining, with a remark"
    from matssl.all import save_encoder
    learn = write_state(folder)
    save_encoder(learn, folder/'encoder.safetensors', remark='kept')


def read_encoder(folder):
    "What the encoder says of itself and of a picture"
    import torch
    from matssl.all import load_encoder
    encoder = load_encoder(folder/'encoder.safetensors').eval()
    with torch.no_grad(): maps = encoder(picture(folder))
    return dict(maps=[short(m) for m in maps], arch=encoder.arch, timm_kwargs=encoder.timm_kwargs,
                stats=[list(s) for s in encoder.stats], method=encoder.method,
                remark=encoder.notes['remark'], pool=encoder.notes['pool'])


# ---- Fine-tuning, and its segmenter --------------------

def labelled_learner(folder):
    "The fine-tuning that `finetuning.safetensors` is in the middle of"
    from matssl.all import MicrographDataLoaders, segment_learner
    dls = MicrographDataLoaders.from_pairs(folder/'labelled', codes=codes, size=64, bs=4, n=32, valid_pct=0, seed=0,
                                           device='cpu')
    encoder = folder/'encoder.safetensors'
    return segment_learner(dls, 'resnet10t', encoder=encoder, decoder='linknet', seed=0, bf16=False)


def write_finetuning(folder):
    "A fine-tuning of one frozen and two free epochs, interrupted after the first free one"
    file = folder/'finetuning.safetensors'
    interrupted(labelled_learner(folder), lambda learn: learn.fit_segment(2, slow, checkpoint=file), after=2)
    pack(file)


def read_finetuning(folder):
    "The fine-tuning goes on, on a copy of its state"
    learn = labelled_learner(folder)
    with tempfile.TemporaryDirectory() as tmp:
        file = unpack(folder/'finetuning.safetensors.gz', tmp)
        found = gone_on(learn, lambda learn: learn.fit_segment(2, slow, checkpoint=file))
    return dict(found=found, end=float(learn.recorder.values[-1][0]))


def write_segmenter(folder):
    "Fine-tuned from the encoder; with the floor map of its training masks, small"
    from matssl.all import Segmenter
    from matssl.segmentation.segmenter import class_prior
    learn = labelled_learner(folder)
    with quiet(learn): learn.fit_one_cycle(12, 1e-2)
    segmenter = Segmenter.from_learner(learn)
    segmenter.prior = class_prior(learn.dls.train.dataset.masks, len(codes), 16)
    segmenter.example = None
    segmenter.save(folder/'segmenter')


def read_segmenter(folder):
    "Scores of the network on a picture, labels through all of `predict`, and what the folder says"
    import torch
    from matssl.all import Segmenter
    segmenter = Segmenter.load(folder/'segmenter', device='cpu')
    with torch.no_grad(): scores = segmenter.model(picture(folder))
    once = segmenter.predict(folder/'picture.png')
    symmetric = segmenter.predict(folder/'picture.png', symmetry=True)
    fractions = [float((predicted.labels == 1).mean()) for predicted in (once, symmetric)]
    config = segmenter.config
    return dict(scores=short(scores), prior=short(segmenter.prior), fractions=fractions, codes=segmenter.codes,
                tile=config['tile'], method=config['encoder']['method'], labelled=config['labelled'])


# ---- A model by strokes, tested, and what it predicts --------------------

def write_stroke_model(folder):
    "A classifier on that encoder, which has learned from two pictures and was tested on two others"
    from matssl.all import Micrograph, StrokeSegmenter, evaluate, load_encoder
    from matssl.segmentation.segmenter import class_prior
    encoder = load_encoder(folder/'encoder.safetensors')
    pictures = [(Micrograph(grey, .5, source=f'p{k}.png'), labels) for k in range(8, 12) for grey, labels in [grains(k)]]
    model = StrokeSegmenter(encoder, codes).fit(pictures[:2])
    model.prior = class_prior([labels for _, labels in pictures[:2]], len(codes), 16)
    model.note_scores(evaluate(model, pictures[2:]), 'two pictures').save(folder/'strokes')


def read_stroke_model(folder):
    "Labels through all of `predict`, and what the folder says of its test"
    from matssl.all import load_segmenter
    model = load_segmenter(folder/'strokes')
    fractions = [float((model.predict(folder/'picture.png').labels == 1).mean())]
    confusions = {name: cm.tolist() for name, cm in model.confusions.items()}
    return dict(fractions=fractions, codes=model.codes, confusions=confusions, verdict=str(model.verdict))


def write_predictions(folder):
    "A folder of label maps with its note"
    from matssl.all import load_segmenter, predict_folder
    predict_folder(load_segmenter(folder/'strokes'), [folder/'picture.png'], folder/'predicted', (), um_per_px=.5)


def read_predictions(folder):
    "The labels, who made them, and the test pictures that travel with them"
    from matssl.all import read_label_map as read
    from matssl.pictures.drawn_and_found import unpacked
    from matssl.pictures.origin import with_origin
    file = folder/'predicted'/'picture.tif'
    origin = with_origin(read(file), file).origin
    tests = {name: [digest(m.labels) for m in unpacked(noted)] for name, noted in origin.tests.items()}
    confusions = {name: cm.tolist() for name, cm in origin.confusions.items()}
    return dict(kind=origin.kind, verdict=origin.verdict, tests=tests, confusions=confusions)


# ---- Label maps, masks, what a hand leaves --------------------

def write_label_map(folder):
    "With a border that is not labelled, a scale and a source"
    from matssl.all import LabelMap, write_label_map as write
    labels = grains(5, (40, 56))[1]
    labels[:4] = 255
    write(LabelMap(labels, codes, .125, 'steel.tif'), folder/'labels.tif')


def read_label_map(folder):
    from matssl.all import read_label_map as read
    label_map = read(folder/'labels.tif')
    return dict(labels=digest(label_map.labels), codes=label_map.codes, um_per_px=float(label_map.um_per_px))


def write_masks(folder):
    "Masks painted from a table of outlines"
    from matssl.masks.exchange import write_polygon_masks
    outlines = [
        [(5, 5), (30, 8), (20, 40)],
        [(40, 40), (60, 40), (60, 60), (40, 60)],
    ]
    lines = [f'p0.png,{k},{x},{y}\n' for k, outline in enumerate(outlines) for x, y in outline]
    (folder/'outlines.csv').write_text('file,id,x,y\n' + ''.join(lines))
    write_polygon_masks(folder/'outlines.csv', folder/'pool', folder/'painted')
    for empty in (folder/'painted').glob('p[1-9]*.png'): empty.unlink()


def read_masks(folder):
    from matssl.all import read_mask
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return dict(mask=digest(read_mask(folder/'painted'/'p0.png')))


exports = { # {kind of `export_labels`: file}
    'labelme': 'p0.json',
    'imagej': 'p0.zip',
    'napari': 'p0_napari.tif',
    'png': 'p0_index.png',
}


def write_hand(folder):
    "What a labelling hand leaves: mask and codes, strokes, scales, suggestions, exports to other programs"
    hand = folder/'hand'
    write_labelled(folder, hand)
    write_strokes(hand)
    write_scales(hand)
    write_suggestions(hand)


def write_labelled(folder, hand):
    from matssl.hands.work import LabelledPicture
    from matssl.masks.exchange import export_labels
    labels = grains(0)[1]
    labels[:6] = 255
    labelled = LabelledPicture(folder/'pool'/'p0.png', codes, hand/'masks'/'p0.png', start=labels)
    labelled.keep(even=True)
    for kind, file in exports.items(): export_labels(labelled.label_map, hand/file, kind)


def write_strokes(hand):
    import numpy as np
    from matssl.all import write_scribbles
    grey, labels = grains(0)
    strokes = np.full(labels.shape, 255, np.uint8)
    strokes[20:22, 10:50] = 0
    strokes[40, 5:30] = 1
    write_scribbles(hand/'strokes', [(grey, strokes)])


def write_scales(hand):
    from matssl.hands.calibrate import write_scale
    write_scale(hand/'scales.csv', 'p0.png', .0625)
    write_scale(hand/'scales.csv', 'p1.png', 1/3)


def write_suggestions(hand):
    import numpy as np
    from matssl.all import RegionOfInterest, Suggestions
    regions = [
        RegionOfInterest('p0.png', 8, 16, 32, 32, 'p0.png', .75, .5, np.nan, 1),
        RegionOfInterest('p1.png', 0, 0, 32, 24, 'p1.png', .5, np.nan, .25, 2),
    ]
    Suggestions(regions).save(hand/'suggestions.csv')


def read_hand(folder):
    from matssl.all import pair_files, read_mask, read_scales, read_suggestions
    from matssl.hands.work import LabelledPicture
    from matssl.masks.exchange import read_labels
    hand = folder/'hand'
    labelled = LabelledPicture(folder/'pool'/'p0.png', codes, hand/'masks'/'p0.png')
    stroked, = pair_files(hand/'strokes')
    other = [digest(read_labels(hand/exports[kind], (64, 64), codes)) for kind in ('labelme', 'imagej', 'napari')]
    return dict(
        mask=digest(labelled.painter.labels),
        index=digest(read_mask(hand/exports['png'], codes, ignore=255)),
        other=other,
        strokes=digest(read_mask(stroked.mask, codes, ignore=255)),
        scales=[[name, float(v)] for name, v in read_scales(hand/'scales.csv').items()],
        suggestions=[in_a_list(region) for region in read_suggestions(hand/'suggestions.csv')])


def in_a_list(region):
    "A suggested region; scores as text, since one that is not there equals nothing"
    place = [region.rank, str(region.file), region.row, region.col, region.height, region.width]
    return [*place, str(region.entropy), str(region.disagreement), str(region.distance)]


# ---- Results of the benchmark --------------------

def write_results(folder):
    "The last lines of the benchmark as it stood, copied through the package"
    import matssl
    from matssl.bench.results import append_result, read_results
    table = read_results(Path(matssl.__file__).parent.parent/'nbs'/'results'/'benchmark'/'results.csv')
    for row in table.tail(3).to_dict('records'):
        append_result(folder/'results.csv', {k: '' if v != v else v for k, v in row.items()})


def read_results(folder):
    from matssl.bench.results import cell_key, read_results as read
    table = read(folder/'results.csv')
    cells = [[str(row[k]) for k in cell_key if k != 'draw'] for row in table.to_dict('records')]
    return dict(cells=cells, miou=[float(v) for v in table.miou], pixels=[pixels_in(c) for c in table.confusions])


def pixels_in(confusions):
    "The confusion matrices of all pictures of a cell, added"
    return sum(float(n) for matrix in json.loads(confusions).values() for row in matrix for n in row)


# ---- Names and options --------------------

def write_names(folder):
    "Every name of `from matssl.all import *`, and every option of every command"
    import matssl.all
    there = dict(names=sorted(matssl.all.__all__), options=options())
    (folder/'names.json').write_text(json.dumps(there, indent=1) + '\n', encoding='utf-8')


def options():
    "The words that each command takes, `{command: [words]}`, as its help has them"
    commands = re.findall(r'^    (\w+)(?: |$)', helped(), re.M)
    return {c: sorted(set(re.findall(r'(?<![\w-])--?[a-z][\w-]*', helped(c)))) for c in commands}


def helped(*words):
    "What `matssl WORDS --help` prints"
    from matssl.cli import main
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit): main([*words, '--help'])
    return out.getvalue()


def read_names(folder):
    "What was there in that release and is not there today: nothing, if all is well"
    import matssl.all
    then = json.loads((folder/'names.json').read_text(encoding='utf-8'))
    now = options()
    lost = [f'{c} {o}' for c, words in then['options'].items() for o in words if o not in now.get(c, [])]
    return dict(lost_names=[n for n in then['names'] if not hasattr(matssl.all, n)], lost_options=lost)


# ---- Figures --------------------

def read_figures(folder):
    "What is measured on maps made by formula: the same numbers in every release, but for what a changelog names"
    from matssl.all import (LabelMap, cracks, grain_size, layer_thickness, particle_summary, particles,
                            phase_fractions)
    maps = [LabelMap(grains(k, (200, 240))[1], codes, .5) for k in range(4)]
    coating = cracked_coating()
    figures = dict(
        phases=phase_fractions(maps),
        phases_of_one=phase_fractions(maps[0]),
        particles=particles(maps[0], 'oxide', feret='hull'),
        particle_summary=particle_summary(maps, 'oxide', feret='hull')[['fields', 'mean', 's', 'ci', 'low', 'high', 'ra_pct']],
        layer=as_of_old(layer_thickness(coating, 'oxide')),
        cracks=cracks(coating, 'crack', 'oxide'),
        grains=grain_size(bricks(), .5))
    return {name: numbers_of(table) for name, table in figures.items()}


def as_of_old(thickness):
    "The table of thickness with the rows and columns of 0.2.0, in their order"
    methods = ['distance transform on the skeleton', 'column by column', 'column by column, corrected by the tilt']
    columns = ['field', 'mean_um', 'sd_um', 'min_um', 'max_um', 'n', 'tilt_deg', 'covered_pct', 'cut_columns']
    return thickness.set_index('method').loc[methods, columns]


# Figures of 0.2.0 that are measured otherwise on purpose; the changelog says how
changed_figures = {
    'phases_of_one': 'ordered structures',
    'cracks': 'cracks that the border cuts',
    'grains': 'lines and circles',
    'particle_summary': 'those of the particles in the table'}


def cracked_coating():
    "A layer of 30 px, cut by a crack every 50 px"
    import numpy as np
    from matssl.all import LabelMap
    labels = np.zeros((120, 200), np.uint8)
    labels[40:70] = 1
    labels[40:70, ::50] = 2
    return LabelMap(labels, [*codes, 'crack'], .5)


def bricks():
    "Boundaries of grains of 30 x 40 px"
    import numpy as np
    boundaries = np.zeros((240, 240), bool)
    boundaries[::30] = True
    boundaries[:, ::40] = True
    return boundaries


# ---- All kinds --------------------

kinds = {
    'state': Kind(None, read_state, ['state.safetensors.gz']), # written on the way to the encoder
    'encoder': Kind(write_encoder, read_encoder, ['encoder.safetensors']),
    'fine-tuning': Kind(write_finetuning, read_finetuning, ['finetuning.safetensors.gz']),
    'segmenter': Kind(write_segmenter, read_segmenter, ['segmenter/config.json', 'segmenter/model.safetensors']),
    'strokes': Kind(write_stroke_model, read_stroke_model, ['strokes/config.json', 'strokes/model.safetensors']),
    'predictions': Kind(write_predictions, read_predictions, ['predicted/picture.tif', 'predicted/.predictions.json']),
    'label map': Kind(write_label_map, read_label_map, ['labels.tif']),
    'benchmark': Kind(write_results, read_results, ['results.csv']),
    'masks': Kind(write_masks, read_masks, ['painted/p0.png']),
    'hand': Kind(write_hand, read_hand, [
        'hand/masks/p0.png', 'hand/masks/codes.txt',
        'hand/p0.json', 'hand/p0.zip', 'hand/p0_napari.tif', 'hand/p0_index.png',
        'hand/strokes/labels/picture_0.png', 'hand/strokes/images/picture_0.tif',
        'hand/scales.csv', 'hand/suggestions.csv']),
    'names': Kind(write_names, read_names, ['names.json']),
    'figures': Kind(None, read_figures, []), # of maps made by formula
}

# The release that began to write a kind; else 0.1.0
first = {
    'hand': (0, 2, 0),
    'fine-tuning': (0, 2, 0),
    'names': (0, 2, 0),
    'figures': (0, 2, 0),
    'strokes': (0, 3, 0),
    'predictions': (0, 3, 0),
}


def number(version):
    "(0, 2, 0) of '0.2.0.dev1'"
    return tuple(map(int, re.match(r'(\d+)\.(\d+)\.(\d+)', version).groups()))


def kinds_of(version):
    "The kinds that a release writes"
    return [kind for kind in kinds if number(version) >= first.get(kind, (0, 1, 0))]
