#!/usr/bin/env python3
"""The weight of the checkout: pictures in the notebooks as people need them, and a check that names what grew.

usage: python .ci/light.py                    makes the pictures in all notebooks' outputs lighter, where they can be
       python .ci/light.py nbs/a.ipynb ...    those of some notebooks
       python .ci/light.py --check            weighs the checkout; names every file that is too heavy
       python .ci/light.py --since HEAD~20    what grew since a commit, the most first (needs git)
       python .ci/light.py --selftest         shows that the check can fail

A plot has few colours and sharp edges: PNG with a palette keeps it. A micrograph is noise to PNG and light as JPEG. Both are
tried on what a cell has drawn, at most 640 px wide, and the lightest stays; PNG files of results get a palette. A picture that
was made lighter once is left alone: neither its size nor its kind changes when the tool runs again. Tables of pandas lose their
style sheet, the blanks between their cells, which no reader sees, and their plain text, which is cut off at the right.
"""
import argparse
import base64
import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

root = Path(__file__).resolve().parent.parent
widest = 640 # px, of a picture in a notebook
colours = 48 # of a plot
quality = 55 # of a micrograph as JPEG
small = 12_000 # bytes: a picture below is left alone
worth = .8 # of its weight: what saves less is left alone
limits = {'.ipynb': 500_000, '': 250_000} # bytes a file, by ending
whole = 18_500_000 # bytes, the checkout; two thirds of it are sources
known = {'matssl/_modidx.py': 1_000_000} # written by nbdev: where each name is exported


def on_white(picture):
    "RGB; what is transparent is white, as on the page"
    if picture.mode not in ('RGBA', 'LA', 'P'):
        return picture.convert('RGB')
    picture = picture.convert('RGBA')
    page = Image.new('RGB', picture.size, 'white')
    page.paste(picture, mask=picture.getchannel('A'))
    return page


def written(picture, **how):
    "The bytes of a picture"
    out = io.BytesIO()
    picture.save(out, optimize=True, **how)
    return out.getvalue()


def few_colours(picture):
    "With a palette, white as white: an octree keeps the colours of thin lines apart, which the usual cut by medians joins"
    drawn = picture.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = drawn.getpalette()
    rows = [palette[i:i+3] for i in range(0, len(palette), 3)]
    drawn.putpalette([value for row in rows for value in ([255]*3 if min(row) > 250 else row)])
    return drawn


def candidates(png):
    "`(kind, bytes)` of the ways in which a picture can be kept"
    picture = on_white(Image.open(io.BytesIO(png)))
    if picture.width > widest:
        picture = picture.resize((widest, round(picture.height*widest/picture.width)), Image.LANCZOS)
    yield 'image/png', written(few_colours(picture), format='PNG')
    yield 'image/jpeg', written(picture, format='JPEG', quality=quality, progressive=True, subsampling=0) # a thin line keeps its colour


def lighter(png):
    "The lightest way to keep a PNG: `(kind, bytes)`, or None where it stays as it is"
    if len(png) < small:
        return None
    kind, best = min(candidates(png), key=lambda pair: len(pair[1]))
    return (kind, best) if len(best) < worth*len(png) else None


def pictures_of(notebook):
    "The outputs of a notebook that hold a PNG"
    for cell in notebook['cells']:
        for output in cell.get('outputs', []):
            if 'image/png' in output.get('data', {}):
                yield output


def png_of(output): return kept_of(output, 'image/png')


def table_of(output):
    "The HTML of a table as pandas writes it; empty of anything else"
    html = ''.join(output.get('data', {}).get('text/html', ''))
    return html if html.startswith('<div>\n<style scoped>') else ''


def make_tables_lighter(notebook):
    "Tables of pandas without style sheet and blanks; gives how many characters are gone"
    gone = 0
    for cell in notebook['cells']:
        for output in cell.get('outputs', []):
            if not (table := table_of(output)):
                continue
            kept = re.sub(r'>\s+<', '><', re.sub(r'<style scoped>.*?</style>', '', table, flags=re.S)).strip()
            output['data']['text/html'] = kept
            gone += len(table) - len(kept)
    return gone


def drop_text_of_tables(notebook):
    "A table's plain text, cut off at the right, says less than its HTML; gives how many characters are gone"
    gone = 0
    for cell in notebook['cells']:
        for output in cell.get('outputs', []):
            data = output.get('data', {})
            if ''.join(data.get('text/html', '')).startswith('<div><table'):
                gone += len(''.join(data.pop('text/plain', '')))
    return gone


def kept_of(output, kind):
    "The bytes of a picture as an output keeps it"
    text = output['data'][kind]
    return base64.b64decode(text if isinstance(text, str) else ''.join(text))


def put_picture(output, kind, data):
    "A picture in place of those that an output has"
    for other in ('image/png', 'image/jpeg'): output['data'].pop(other, None)
    output['data'][kind] = base64.b64encode(data).decode() + ('\n' if kind == 'image/png' else '')


def keep_one_kind(notebook):
    "Of a picture that is there as PNG and as JPEG the lightest way to keep it; gives how many bytes are gone"
    gone = 0
    for output in pictures_of(notebook):
        drawn = [(kind, kept_of(output, kind)) for kind in ('image/png', 'image/jpeg') if kind in output['data']]
        if len(drawn) < 2:
            continue
        kind, best = min([*drawn, *candidates(drawn[0][1])], key=lambda pair: len(pair[1]))
        put_picture(output, kind, best)
        gone += sum(len(data) for _, data in drawn) - len(best)
    return gone


def make_lighter(file):
    "Rewrite a notebook whose outputs can be lighter; gives how many bytes are gone"
    notebook = json.loads(file.read_text(encoding='utf-8'))
    gone = make_tables_lighter(notebook) + drop_text_of_tables(notebook) + keep_one_kind(notebook)
    for output in pictures_of(notebook):
        png = png_of(output)
        if not (found := lighter(png)):
            continue
        put_picture(output, *found)
        gone += len(png) - len(found[1])
    if gone:
        file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
    return gone


def make_file_lighter(file):
    "Rewrite a PNG that can be lighter as one with a palette; gives how many bytes are gone"
    png = file.read_bytes()
    if len(png) < small:
        return 0
    picture = on_white(Image.open(io.BytesIO(png)))
    kept = written(few_colours(picture), format='PNG')
    if len(kept) > worth*len(png):
        return 0
    file.write_bytes(kept)
    return len(png) - len(kept)


def stored_pictures():
    return sorted((root/'nbs'/'results').rglob('*.png'))


def notebooks():
    return sorted(file for file in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in file.parts)


def checked_in(folder=root):
    "Files that git keeps; without git, all files of the folder"
    try:
        names = subprocess.run(['git', 'ls-files', '-z'], cwd=folder, capture_output=True, check=True, text=True).stdout
        return [folder/name for name in names.split('\0') if name and (folder/name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return [file for file in folder.rglob('*') if file.is_file() and '.git' not in file.parts]


def too_heavy(files, folder=root, whole=whole):
    "A sentence for each file above its limit, and for the whole"
    faults, total = [], 0
    for file in files:
        size, name = file.stat().st_size, file.relative_to(folder).as_posix()
        total += size
        limit = known.get(name, limits.get(file.suffix, limits['']))
        if size > limit:
            faults.append(f'{name}: {size/1e3:.0f} kB, at most {limit/1e3:.0f}: fewer or smaller pictures, then .ci/light.py')
        if file.suffix == '.ipynb' and any(lighter(png_of(o)) for o in pictures_of(json.loads(file.read_text(encoding='utf-8')))):
            faults.append(f'{name}: pictures that can be lighter: run .ci/light.py')
    if total > whole:
        faults.append(f'the checkout: {total/1e6:.1f} MB, at most {whole/1e6:.1f}')
    return faults, total


def grown(version):
    "`(bytes more, name)` of each file since a version, the most first"
    listed = subprocess.run(['git', 'ls-tree', '-r', '-l', '-z', version], cwd=root, capture_output=True, check=True, text=True)
    before = {}
    for line in filter(None, listed.stdout.split('\0')):
        about, name = line.split('\t', 1)
        before[name] = int(about.split()[3]) if about.split()[3] != '-' else 0
    now = {file.relative_to(root).as_posix(): file.stat().st_size for file in checked_in()}
    more = ((size - before.get(name, 0), name) for name, size in now.items())
    return sorted((pair for pair in more if pair[0] > 0), reverse=True)


def selftest():
    "A heavy picture is named, made lighter, and then passes; a second run changes nothing"
    noise = Image.effect_noise((1200, 900), 60)
    plot = Image.new('RGB', (900, 600), 'white')
    plot.paste((200, 30, 30), (100, 100, 500, 300))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder)/'a.ipynb'
        output = dict(output_type='display_data', metadata={}, data={
            'image/png': base64.b64encode(written(noise, format='PNG')).decode()})
        cell = dict(cell_type='code', id='a', metadata={}, source=[], execution_count=None, outputs=[output])
        file.write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
        assert len(too_heavy([file], Path(folder))[0]) == 2, 'a heavy notebook is not named'
        assert make_lighter(file) > 0 and make_lighter(file) == 0, 'not lighter, or lighter twice'
        assert not too_heavy([file], Path(folder))[0], 'what was made lighter is still named'
        assert too_heavy([file], Path(folder), whole=10)[0], 'a heavy checkout is not named'
        kept, = json.loads(file.read_text())['cells'][0]['outputs']
        drawn = {'image/png': written(noise, format='PNG'), 'image/jpeg': written(noise, format='JPEG', quality=95)}
        data = {kind: base64.b64encode(picture).decode() for kind, picture in drawn.items()}
        both = dict(cells=[dict(outputs=[dict(data=data)])])
        assert keep_one_kind(both) > len(drawn['image/png']) and list(data) == ['image/jpeg'], 'two kinds stay, or the heavy one'
        table = '<div>\n<style scoped>\n a {}\n</style>\n<table>\n  <tr>\n    <td>1 2</td>\n  </tr>\n</table>\n</div>'
        shown = dict(cells=[dict(outputs=[dict(data={'text/html': [table]})])])
        assert make_tables_lighter(shown) and shown['cells'][0]['outputs'][0]['data']['text/html'] == (
            '<div><table><tr><td>1 2</td></tr></table></div>'), 'a table is not lighter'
        assert not make_tables_lighter(shown), 'a table is made lighter twice'
        assert Image.open(io.BytesIO(base64.b64decode(kept['data']['image/jpeg']))).size == (640, 480)
    assert lighter(written(plot, format='PNG')) is None, 'a small plot was touched'
    inks = [(0, 114, 178), (0, 158, 115), (213, 94, 0)]
    for k, ink in enumerate(inks): plot.paste(ink, (0, 20*k, 900, 20*k + 2))
    kept = few_colours(plot).convert('RGB')
    assert kept.getpixel((5, 500)) == (255, 255, 255), 'white is not white'
    for k, ink in enumerate(inks):
        assert max(abs(a - b) for a, b in zip(kept.getpixel((5, 20*k)), ink)) < 12, 'a line has lost its colour'
    print('a heavy picture is named, and made lighter once')


def main():
    parser = argparse.ArgumentParser(description='The weight of the checkout.')
    parser.add_argument('notebooks', nargs='*', type=Path, help='notebooks (default: all)')
    parser.add_argument('--check', action='store_true', help='weigh, and name what is too heavy')
    parser.add_argument('--since', help='a version: what grew since')
    parser.add_argument('--selftest', action='store_true', help='show that the check can fail')
    asked = parser.parse_args()
    if asked.selftest:
        return selftest()
    if asked.since:
        return print('\n'.join(f'{more/1e3:+9.1f} kB  {name}' for more, name in grown(asked.since)[:30]))
    if asked.check:
        faults, total = too_heavy(checked_in())
        print('\n'.join([*faults, f'the checkout: {total/1e6:.1f} MB']))
        return sys.exit(bool(faults))
    gone = {file: make_lighter(file) for file in asked.notebooks or notebooks()}
    if not asked.notebooks:
        gone |= {file: make_file_lighter(file) for file in stored_pictures()}
    for file, less in gone.items():
        if less:
            print(f'{file}: {less/1e3:.0f} kB less')
    print(f'{sum(gone.values())/1e6:.1f} MB less')


if __name__ == '__main__':
    main()
