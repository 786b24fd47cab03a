"""A notebook as the site sees it: cells with their flags, a title, a number, a wing, and the page that it becomes."""
import json
import re

from house import root, wings


class Cell:
    "A cell: its kind, its source, its flags `{name: words}`, its code without them, its stored outputs"
    def __init__(self, stored):
        self.kind = stored['cell_type']
        self.source = ''.join(stored['source'])
        self.outputs = stored.get('outputs', [])
        self.flags = flags_of(self.source) if self.kind == 'code' else {}
        self.code = re.sub(r'^#\|.*\n?', '', self.source, flags=re.M).strip('\n')

    def has(self, *flags): return bool(self.flags.keys() & set(flags))

    @property
    def exported_to(self):
        "The module of `#| export module`; '' where it is the notebook's own"
        return self.flags.get('export', '') or self.flags.get('exports', '')


def flags_of(source):
    "`#| echo: false` is {'echo': 'false'}"
    flags = re.findall(r'^#\|\s*(\S.*)$', source, re.M)
    return {f.split()[0].rstrip(':'): f.partition(' ')[2].strip() for f in flags}


class Book:
    "A notebook: where it is, what it is called, which module it makes, which page it becomes"
    def __init__(self, file):
        self.file = file
        self.cells = [Cell(c) for c in json.loads(file.read_text(encoding='utf-8'))['cells']]
        self.title, self.subtitle = self.opening()
        self.module = next((c.flags['default_exp'] for c in self.cells if c.has('default_exp')), '')
        self.wing = without_number(file.parent.name)
        self.page = self.page_of()
        self.label = f'{self.number} {self.title}'.strip().replace('`', '')

    def opening(self):
        "`# Title` and `> one line` of the first cell"
        first = self.cells[0]
        title = re.match(r'#\s+(.+)', first.source)
        line = re.search(r'^>\s*(.+)', first.source, re.M)
        if first.kind != 'markdown' or not title:
            raise SystemExit(f'{self.file.name}: the first cell has no title; begin it with "# Title"')
        return title[1].strip(), line[1].strip() if line else ''

    def page_of(self):
        "Reference by wing, tutorials in their folder, the first page above them"
        if self.is_first: return f'{self.file.stem}.md'
        if self.is_tutorial: return f'tutorials/{self.file.stem}.md'
        return f'reference/{self.wing}/{self.file.stem}.md'

    @property
    def is_first(self): return self.file.stem == 'index'

    @property
    def is_tutorial(self): return self.wing == 'tutorials'

    @property
    def is_reference(self): return not self.is_first and not self.is_tutorial

    @property
    def number(self):
        "`5.6` of a room: wing, room; `6` of a tutorial; '' of the first page"
        numbers = [number_of(self.file.parent.name)]*self.is_reference + [number_of(self.file.name)]
        return '.'.join(filter(None, numbers))

    @property
    def path(self):
        "From the root of the repository"
        return self.file.relative_to(root).as_posix()

    @property
    def folder(self):
        "What its links start from"
        return self.file.parent.relative_to(root).as_posix()


class Wing:
    "A wing of the reference: number, title, what lives there, its books"
    def __init__(self, folder, books):
        self.name = without_number(folder)
        self.number = number_of(folder)
        self.title, self.line = wings.get(self.name, (self.name.capitalize(), ''))
        self.label = f'{self.number} {self.title}'.strip()
        self.books = books


def number_of(name):
    "`5` of `05_selfsup`; '' where there is none"
    number = re.match(r'(\d+)_', name)
    return str(int(number[1])) if number else ''


def without_number(name): return re.sub(r'^\d+_', '', name)
