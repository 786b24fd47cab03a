#!/usr/bin/env python3
"""README.md from nbs/index.ipynb: prose, code and stored outputs; hidden cells and hidden inputs left out.

usage: python .ci/readme.py           writes README.md and its pictures
       python .ci/readme.py --run     runs index.ipynb first: tables and pictures anew from the results files
       python .ci/readme.py --check   exit status 1 if they differ from what is there
"""
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).resolve().parent.parent
readme = root/'README.md'
pictures = root/'.github'/'images'
note = '<!-- Made from nbs/index.ipynb by .ci/readme.py: edit there. -->\n\n'

empty_code = r'```\w*\n\s*```\n'
link_beside = r'\]\(((?:[\w-]+/)*[\w-]+\.(?:ipynb|png|jpg|webp)(?:#[^)\s]+)?)\)' # to a file below nbs/, or a heading in it
link_above = r'\]\(\.\./([^)]+)\)' # to a file beside nbs/


def render():
    "The text of README.md, and {name: bytes} of its pictures"
    notebook = nbformat.read(root/'nbs'/'index.ipynb', 4)
    notebook.cells = [shown(cell) for cell in notebook.cells if 'hide' not in flags_of(cell)]
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    text, files = with_our_names(text, resources.get('outputs', {}))
    text = from_the_root(tidy(text))
    return note + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n', files


def flags_of(cell):
    "The first words of its flags"
    if cell.cell_type != 'code': return set()
    return set(re.findall(r'^#\|\s*(\S+)', cell.source, re.M))


def shown(cell):
    "Without flags; without code where only the output is wanted"
    if 'echo:' in flags_of(cell): cell.source = ''
    cell.source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M)
    return cell


def with_our_names(text, outputs):
    "Pictures called `readme_0.png`, ... in the folder for them; the text, {name: bytes}"
    files = {}
    for i, (name, data) in enumerate(outputs.items()):
        new = f'readme_{i}{Path(name).suffix}'
        files[new] = data
        text = text.replace(f'({name})', f'(.github/images/{new})')
    return text, files


def tidy(text):
    "No empty blocks of code, and a word for pictures"
    text = re.sub(empty_code, '', text)
    return re.sub(r'!\[(png|svg)\]', '![picture]', text)


def from_the_root(text):
    "Links start from the root of the repository, not from nbs/"
    text = re.sub(link_beside, r'](nbs/\1)', text)
    return re.sub(link_above, r'](\1)', text)


def lost(text):
    "Files that README.md links to or shows and that are not there"
    links = re.findall(r'\]\(([^)#\s]+)', text)
    return [link for link in links if '://' not in link and not (root/link).exists()]


def run():
    "Run index.ipynb, keep its outputs, clean it"
    here = Path(sys.executable).parent
    subprocess.run([here/'nbdev-test', 'nbs/index.ipynb', '--save', '--n-workers', '0'], cwd=root, check=True)
    subprocess.run([here/'nbdev-clean', '--fname', 'nbs/index.ipynb'], cwd=root, check=True)


def in_step(text, files):
    "What is there is what the notebook makes"
    return readme.read_text(encoding='utf-8') == text and all(is_there(name, data) for name, data in files.items())


def is_there(name, data):
    file = pictures/name
    return file.is_file() and file.read_bytes() == data


def check(text, files):
    "Says what differs; the exit status"
    same = in_step(text, files)
    if same: print('README.md is in step with nbs/index.ipynb')
    else: print('README.md differs from nbs/index.ipynb: run python .ci/readme.py')
    for file in lost(text): print(f'README.md: no such file: {file}')
    return 0 if same and not lost(text) else 1


def write(text, files):
    pictures.mkdir(parents=True, exist_ok=True)
    for name, data in files.items(): (pictures/name).write_bytes(data)
    readme.write_text(text, encoding='utf-8')
    print(f'README.md: {len(text)} characters, {len(files)} pictures')
    return 0


def main():
    if '--run' in sys.argv: run()
    text, files = render()
    return check(text, files) if '--check' in sys.argv else write(text, files)


if __name__ == '__main__': sys.exit(main())
