"""Where things are: the repository, its wings with what lives there, and the papers beside the notebooks."""
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent

# {folder of notebooks, without its number: (title, what lives there)}; the numbers say the order
wings = {
    'ground': ('Ground',
        'What every other room stands on: one type of error with its sentences, and what a file from a stranger may say'),
    'pictures': ('Pictures',
        'Files of every microscope: pixels in their own depth, the scale, `Micrograph` and `LabelMap`'),
    'masks': ('Masks',
        'Label pictures and outlines of other programs, in and out, and which mask belongs to which picture'),
    'data': ('Data',
        'Made structures with known answers, named public sets, and batches to train on'),
    'training': ('Training',
        'What every training needs: several processes, precision, faults that are named, and going on'),
    'selfsup': ('Self-supervision',
        'The method: a network learns from unlabelled micrographs, and what it learned is measured'),
    'segmentation': ('Segmentation',
        'From an encoder and a few labels to label maps of pictures of any size, with honest scores'),
    'measuring': ('Measuring',
        'From label maps to numbers with intervals: fractions, grains, particles, layers, the report'),
    'hands': ('Hands',
        'Widgets in the notebook: label, browse, calibrate, and what to label next'),
    'bench': ('Benchmarks',
        'Methods against each other, their speed, and how the recipes were chosen; every table can be run again'),
    'command': ('Commands',
        'The `matssl` command, and `from matssl.all import *`'),
    'promises': ('Promises',
        'What is tested across rooms: files from strangers, killed runs, files of earlier releases'),
}

# Beside the notebooks, where they are there: {file: title}
papers = {
    'CONTRIBUTING.md': 'Contributing',
    'CHANGELOG.md': 'Changes',
    'SECURITY.md': 'Security',
}
