#!/usr/bin/env python3
"""README.md from nbs/index.ipynb: prose, code and stored outputs; hidden cells and hidden inputs left out.

usage: python .ci/readme.py           writes README.md and its pictures
       python .ci/readme.py --run     runs index.ipynb first: tables and pictures anew from the results files
       python .ci/readme.py --check   exit status 1 if they differ from what is there
"""
import re, subprocess, sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).resolve().parent.parent
pictures = root/'.github'/'images'


def render():
    "The text of README.md, and {name: bytes} of its pictures"
    nb = nbformat.read(root/'nbs'/'index.ipynb', 4)
    cells = []
    for c in nb.cells:
        flags = set(re.findall(r'^#\|\s*(\S+)', c.source, re.M)) if c.cell_type == 'code' else set()
        if 'hide' in flags: continue
        if 'echo:' in flags: c.source = ''
        c.source = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M)
        cells.append(c)
    nb.cells = cells
    text, res = MarkdownExporter().from_notebook_node(nb)
    files = {}
    for i, (name, data) in enumerate(res.get('outputs', {}).items()):
        new = f'readme_{i}{Path(name).suffix}'
        files[new] = data
        text = text.replace(f'({name})', f'(.github/images/{new})')
    text = re.sub(r'```\w*\n\s*```\n', '', text)
    text = re.sub(r'!\[(png|svg)\]', '![picture]', text)
    text = re.sub(r'\]\(\.\./([^)]+)\)', r'](\1)', re.sub(r'\]\(((?:[\w-]+/)*[\w-]+\.(?:ipynb|png|jpg))\)', r'](nbs/\1)', text))
    note = '<!-- Made from nbs/index.ipynb by .ci/readme.py: edit there. -->\n\n'
    return note + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n', files


def lost(text):
    "Files that README.md links to or shows and that are not there"
    return [f for f in re.findall(r'\]\(([^)#\s]+)', text) if '://' not in f and not (root/f).exists()]


def run():
    "Run index.ipynb, keep its outputs, clean it"
    here = Path(sys.executable).parent
    for command in (['nbdev-test', 'nbs/index.ipynb', '--save', '--n-workers', '0'], ['nbdev-clean', '--fname', 'nbs/index.ipynb']):
        subprocess.run([here/command[0], *command[1:]], cwd=root, check=True)


def main():
    if '--run' in sys.argv: run()
    text, files = render()
    if '--check' in sys.argv:
        same = (root/'README.md').read_text(encoding='utf-8') == text and all((pictures/n).is_file() and (pictures/n).read_bytes() == d for n, d in files.items())
        print('README.md is in step with nbs/index.ipynb' if same else 'README.md differs from nbs/index.ipynb: run python .ci/readme.py')
        for f in lost(text): print(f'README.md: no such file: {f}')
        return 0 if same and not lost(text) else 1
    pictures.mkdir(parents=True, exist_ok=True)
    for n, d in files.items(): (pictures/n).write_bytes(d)
    (root/'README.md').write_text(text, encoding='utf-8')
    print(f'README.md: {len(text)} characters, {len(files)} pictures')
    return 0


if __name__ == '__main__': sys.exit(main())
