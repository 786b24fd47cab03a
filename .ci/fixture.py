#!/usr/bin/env python3
"""One file of each kind that a release writes, kept in nbs/releases/VERSION, and the numbers that it held.

usage: python .ci/fixture.py VERSION           writes the folder, by the package that is imported, which is of that version
       python .ci/fixture.py VERSION --again   the same over an earlier folder of that version
       python .ci/fixture.py --check           the folder of today's version is there, complete, and reads back equal
       python .ci/fixture.py --files           the same without reading: needs nothing but Python

An earlier release's folder is never made again: it is what that release wrote. Where one was forgotten: check the release
out, and run this script with PYTHONPATH set to it. nbs/11_promises/03_releases.ipynb reads all folders. What the kinds of
files are is said in .ci/release_files.py.
"""
import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from release_files import (
    changed_figures, codes, first, grains, kinds, kinds_of, number, picture, short, slow, ssl_learner, unpack, write_pictures)

root = Path(__file__).resolve().parent.parent
releases = root/'nbs'/'releases'
most = 320_000 # bytes a release

# How near a number must be
close = dict(atol=1e-5, rtol=1e-5)
near = { # draws differ between versions of torch and of the package; a pixel on the fence may fall on the other side
    'end': dict(atol=.5, rtol=0),
    'fractions': dict(atol=.01, rtol=0),
}
numeric = ('maps', 'scores', 'prior', 'found', 'had', 'miou', 'pixels', 'um_per_px', 'end', 'fractions')


# ---- Checking --------------------

def differences(kind, want, got):
    "In words; numbers are equal to 1e-5, a training that goes on ends near where it would have ended"
    return [f'{kind}, {what}: {str(want[what])[:150]} was written, {str(got.get(what))[:150]} is read'
            for what in want if not is_changed(kind, what) and not agree(kind, what, want[what], got.get(what))]


def is_changed(kind, what):
    "Is this a figure that a later release measures otherwise, as its changelog says?"
    return kind == 'figures' and what in changed_figures


def agree(kind, what, want, got):
    "Equal, or near for numbers"
    import numpy as np
    if kind != 'figures' and what not in numeric: return want == got
    return np.shape(want) == np.shape(got) and np.allclose(want, got, equal_nan=True, **near.get(what, close))


def check_files(version):
    "What is wrong with the folder of a release, in words, without reading it; [] if nothing"
    folder = releases/version
    if not (folder/'expected.json').is_file():
        return [f'{folder.relative_to(root)} is not there: python .ci/fixture.py {version}']
    about = expected(folder)
    return [
        *faults_of_version(folder, about),
        *faults_of_files(folder, about['files']),
        *missing_files(folder, about['files']),
        *fault_of_size(folder),
    ]


def expected(folder):
    "`expected.json`: version, versions of what it stood on, numbers, `{file: checksum}`"
    return json.loads((folder/'expected.json').read_text(encoding='utf-8'))


def faults_of_version(folder, about):
    "Another version's, or of other kinds"
    version = folder.name
    if about['version'] != version: yield f'{version} was written by {about["version"]}'
    if set(about['numbers']) != set(kinds_of(version)):
        yield f'{version} has {sorted(about["numbers"])}, not {sorted(kinds_of(version))}'


def faults_of_files(folder, written):
    "Files that are lost, changed or new"
    there = checksums(folder)
    for file in sorted({*there, *written}):
        if there.get(file) != written.get(file):
            yield f'{folder.name}/{file} {fault_of_file(file, there, written)}'


def fault_of_file(file, there, written):
    if file not in there: return 'is not there'
    if file in written: return 'is not what the release wrote'
    return 'is not in expected.json'


def missing_files(folder, written):
    "Files that a kind has and the release did not write"
    wanted = [file for kind in kinds_of(folder.name) for file in kinds[kind].files]
    return [f'{folder.name}: no {file}' for file in wanted if file not in written]


def fault_of_size(folder):
    "A folder that takes too much"
    size = size_of(folder)
    if size > most: yield f'{folder.name} takes {size} bytes, more than {most}'


def files_in(folder):
    return [f for f in sorted(folder.rglob('*')) if f.is_file()]


def checksums(folder):
    "{file: checksum} of all files but `expected.json`"
    files = [f for f in files_in(folder) if f.name != 'expected.json']
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def size_of(folder):
    return sum(f.stat().st_size for f in files_in(folder))


def check(version):
    "What the present package reads otherwise than the release wrote it, in words"
    found = check_files(version)
    if found: return found
    folder = releases/version
    numbers = expected(folder)['numbers']
    return [fault for kind in kinds_of(version) for fault in differences(kind, numbers[kind], read(kind, folder))]


def read(kind, folder):
    "What a reader finds, as JSON has it"
    return json.loads(json.dumps(kinds[kind].read(folder)))


# ---- Making --------------------

def make(version, again=False):
    "Write the folder of a release with the package that is imported"
    import matssl
    folder = releases/version
    if matssl.__version__ != version: sys.exit(f'{matssl.__file__} is matssl {matssl.__version__}, not {version}')
    if folder.exists() and not again: sys.exit(f'{folder} exists; --again writes it anew')
    with tempfile.TemporaryDirectory() as tmp:
        new = Path(tmp)/version
        new.mkdir()
        files = write_all(new)
        if folder.exists(): shutil.rmtree(folder)
        folder.parent.mkdir(exist_ok=True)
        shutil.copytree(new, folder)
    print(f'{folder.relative_to(root)}: {files} files, {size_of(folder)} bytes')
    return check_files(version)


def write_all(folder):
    "All kinds, then `expected.json`; the number of files"
    import torch
    torch.use_deterministic_algorithms(True)
    version = folder.name
    write_pictures(folder)
    for kind in kinds_of(version):
        if kinds[kind].write: kinds[kind].write(folder)
    for lock in folder.rglob('.*.lock'): lock.unlink()
    numbers = {kind: kinds[kind].read(folder) for kind in kinds_of(version)}
    files = checksums(folder)
    about = dict(version=version, versions=versions(), numbers=numbers, files=files)
    (folder/'expected.json').write_text(json.dumps(about, indent=1) + '\n', encoding='utf-8')
    return len(files)


def versions():
    "Of what the package stands on"
    import numpy
    import timm
    import torch
    return dict(torch=torch.__version__.split('+')[0], timm=timm.__version__, numpy=numpy.__version__)


# ---- The command --------------------

def todays_version():
    "Read, not imported: `--files` needs nothing but Python"
    text = (root/'matssl'/'__init__.py').read_text()
    return re.search(r'__version__ = "([^"]+)"', text)[1]


def main():
    words = [a for a in sys.argv[1:] if not a.startswith('-')]
    flags = [a for a in sys.argv[1:] if a.startswith('-')]
    version = words[0] if words else todays_version()
    if flags == ['--check'] and not words: found = check(version)
    elif flags == ['--files'] and not words: found = check_files(version)
    elif len(words) == 1 and flags in ([], ['--again']): found = make(version, again=bool(flags))
    else:
        print(__doc__)
        return 2
    print('\n'.join(found) or f'{version}: complete')
    return bool(found)


if __name__ == '__main__': sys.exit(main())
