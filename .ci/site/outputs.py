"""Stored outputs of a cell: pictures as files of their own, tables, text, Markdown; not what libraries say on the side."""
import base64
import html
import re
from pathlib import Path

from aside import rendered_html

pictures = {'image/png': 'png', 'image/jpeg': 'jpg', 'image/svg+xml': 'svg'} # in the order of preference
wide = 560 # px: a picture that a narrow screen may scroll
long_cell, wide_cell = 20, 70 # characters of a table's cell that may break
of_terminal = r'\x1b\[[0-9;?]*[A-Za-z]'


class Outputs:
    "The stored outputs of one notebook, as Markdown of its page"
    def __init__(self, book, prose, aside, place, docs):
        self.book = book
        self.prose = prose
        self.aside = aside
        self.place = place
        self.docs = docs
        self.shown = 0 # pictures

    def of_cell(self, cell, heading):
        "All outputs of a cell, below `heading`"
        return [self.output(stored, heading, cell.flags.get('echo') != 'false') for stored in cell.outputs]

    def output(self, stored, heading, echo):
        "One output, in the richest form that is stored"
        kind = stored['output_type']
        if kind == 'stream': return self.text(''.join(stored['text'])) if stored['name'] == 'stdout' else ''
        if kind == 'error': return self.text('\n'.join(stored['traceback']))
        data = {k: ''.join(v) if isinstance(v, list) else v for k, v in stored.get('data', {}).items()}
        for kind, suffix in pictures.items():
            if kind in data: return self.picture(data[kind], suffix, heading)
        if 'text/html' in data: return self.box(table_of_the_site(data['text/html']))
        if 'text/markdown' in data: return self.markdown(data['text/markdown'], echo)
        return self.text(data.get('text/plain', ''))

    def box(self, text):
        return self.aside.keep(f'<div class="output">{text}</div>')

    def text(self, text):
        "What was printed, without a terminal's colours"
        if not text.strip(): return ''
        plain = re.sub(of_terminal, '', text).rstrip()
        return self.box(f'<pre>{html.escape(plain, quote=False)}</pre>')

    def picture(self, data, suffix, heading):
        "A file beside the page, as large as it was drawn"
        raw = data.encode() if suffix == 'svg' else base64.b64decode(data)
        name = f'{self.book.file.stem}-{self.shown}.{suffix}'
        file = self.docs/Path(self.place.page).parent/'img'/name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
        self.shown += 1
        words = f'{self.book.title}: {heading}, picture {self.shown}'
        size = size_on_page(raw) if suffix == 'png' else (0, 0)
        return self.box(rendered_html('picture', name=name, words=words, width=size[0], height=size[1], wide=wide))

    def markdown(self, text, echo):
        "Prose where the code is not shown; else an output with headings that are none of the page's"
        text = self.prose.markdown(text, self.place, loose=True)
        if not echo: return f'\n\n{text}\n\n'
        text = re.sub(r'^#+ +(.*)$', r'**\1**', text, flags=re.M)
        return f'\n\n<div class="output" markdown>\n\n{text}\n\n</div>\n\n'


def size_on_page(png):
    "Width and height of a PNG at 96 px an inch, as its own resolution (`pHYs`) has it; never larger than it is"
    number = lambda at: int.from_bytes(png[at:at+4], 'big')
    at = png.find(b'pHYs', 0, 4096)
    per_metre = number(at + 4) if at > 0 else 0
    zoom = min(1, 96/(.0254*per_metre)) if per_metre else 1
    return round(zoom*number(16)), round(zoom*number(20))


def table_of_the_site(text):
    "HTML of pandas without its own looks; cells that may break are marked"
    text = re.sub(r'<style.*?</style>|<script.*?</script>', '', text, flags=re.S)
    text = re.sub(r' (?:border="1"|style="text-align: \w+;")', '', text)
    return re.sub(rf'<(t[dh])((?: (?!class)[^>]*)?)>([^<]{{{long_cell},}})<', with_its_width, text)


def with_its_width(cell):
    tag, attributes, text = cell.groups()
    return f'<{tag}{attributes} class="{"wide" if len(text) > wide_cell else "long"}">{text}<'
