"""The Markdown of a notebook's page: prose, code, outputs; hidden cells left out, exported ones folded below their names."""
import ast
import re

from aside import rendered_html
from outputs import Outputs
from prose import Place
from source import entries

# Above cells with these flags
notes = {
    'slow': 'slow: not run on every push',
    'browser': 'run where there is a Chromium or Chrome',
    'real': 'needs real micrographs: MATSSL_DATA',
}

picture_of_a_step = r'!\[([^\]]+)\]\(([^)\s]*walk_\d_(\w+)\.webp)\)' # its words, its file, the name of the step


class Page:
    "The page of one notebook, cell by cell"
    def __init__(self, book, site):
        self.book = book
        self.site = site
        self.place = Place(book.page, book.folder)
        self.outputs = Outputs(book, site.prose, site.aside, self.place, site.docs)
        self.heading = book.title # the last one that was met

    def markdown(self):
        "All of it"
        parts = [part for cell in self.book.cells for part in self.cell(cell)]
        return '\n\n'.join(parts) + '\n'

    def cell(self, cell):
        "What is shown of a cell"
        if cell.kind == 'markdown': return [self.prose(cell)]
        if cell.kind != 'code' or cell.has('hide', 'default_exp'): return []
        return [*self.code(cell), *self.outputs.of_cell(cell, self.heading)]

    def prose(self, cell):
        headings = re.findall(r'^#+\s+(.+)$', cell.source, re.M)
        if headings: self.heading = headings[-1].replace('`', '')
        text = self.site.prose.markdown(cell.source, self.place)
        return self.opening(text) if cell is self.book.cells[0] else text

    def code(self, cell):
        "Exported code is folded below its names, other code stands as it is"
        if cell.has('export', 'exports', 'exporti'):
            names = [] if cell.has('exporti') else entries(cell.code)
            return [*(self.site.api.documented(e, self.book.page) for e in names), self.folded(cell.code)]
        if not cell.code or cell.flags.get('echo') == 'false': return []
        return [fenced(cell.code, '; '.join(note for flag, note in notes.items() if cell.has(flag)))]

    def folded(self, code):
        "Code that opens at a click"
        names, imports = names_in(code)
        opening = rendered_html('source', names=names, imports=imports)
        return self.site.aside.keep(opening) + fenced(code) + self.site.aside.keep('</details>')

    def opening(self, text):
        "Title and line, then what the page is about: the module, or on the first page where to go"
        title, rest = re.match(r'(#[^\n]*\n(?:\s*>[^\n]*\n?)*)(.*)', text, re.S).groups()
        if not self.book.is_first: return f'{title}\n\n{self.about()}\n\n{rest}'
        return f'---\nhide: [navigation]\n---\n\n{title}\n\n{self.ways()}\n\n{self.walk()}\n\n{rest}'

    def about(self):
        "Module and notebook"
        module = f'`from matssl.{self.book.module} import *` · ' if self.book.module else ''
        return f'{module}notebook `{self.book.path}`\n{{: .about }}'

    def ways(self):
        "Buttons: the first tutorial, the reference, all names"
        first = self.site.library.tutorials[:1]
        buttons = [f'[{book.title}]({book.page}){{ .md-button .md-button--primary }}' for book in first]
        buttons += ['[Reference](reference/index.md){ .md-button }', '[All names](api.md){ .md-button }']
        return ' '.join(buttons)

    def walk(self):
        "The steps of the application as its notebook shows them, side by side, each leading there"
        app = next(book for book in self.site.library.books if book.module == 'hands.app')
        place = Place(self.book.page, app.folder)
        shown = re.findall(picture_of_a_step, app.cells[0].source)
        steps = [f'- **{k} {name.capitalize()}** [![{alt}]({file})]({app.file.name})' for k, (alt, file, name) in enumerate(shown, 1)]
        keep = self.site.aside.keep
        return keep('<div class="walk">') + self.site.prose.markdown('\n'.join(steps), place) + keep('</div>')


def fenced(code, title=''):
    "A block of Python, whatever backticks are in it"
    longest = max(map(len, re.findall(r'`+', code)), default=0)
    fence = '`'*max(3, longest + 1)
    titled = f' title="{title}"' if title else ''
    return f'{fence}py{titled}\n{code}\n{fence}'


def names_in(code):
    "What a folded cell defines, private names too; whether it only imports"
    body = ast.parse(code).body
    imports = all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body)
    return [name for node in body for name in names_of(node)], imports


def names_of(node):
    if hasattr(node, 'name'): return [node.name]
    if isinstance(node, ast.Assign): return [t.id for t in node.targets if isinstance(t, ast.Name)]
    return []
