"""All notebooks and papers together: which page each becomes, and where each public name is explained."""
import ast
import os
import re
from collections import Counter, namedtuple
from itertools import groupby
from pathlib import Path

from book import Book, Wing
from house import papers, root, wings
from source import entries, parameters

Definition = namedtuple('Definition', 'book module entry') # the notebook that explains an entry, the module that has it


class Library:
    "The notebooks in the order of their folders, their wings, and the public names that they define"
    def __init__(self):
        self.books = [Book(file) for file in notebooks()]
        self.tutorials = [b for b in self.books if b.is_tutorial]
        self.wings = by_wing(b for b in self.books if b.is_reference)
        self.papers = {name: title for name, title in papers.items() if (root/name).is_file()}
        self.pages = self.pages_of_files()
        self.defined = [d for book in self.books for d in definitions(book)]
        self.names = {d.entry.name: d.book.page for d in reversed(self.defined)} # the first that defines a name has it
        self.functions = {d.entry.name: d.entry for d in reversed(self.defined) if d.entry.kind in ('function', 'method')}
        self.linked = self.names_to_link()

    def pages_of_files(self):
        "{file of the repository: page}"
        pages = {book.path: book.page for book in self.books}
        pages['README.md'] = 'index.md'
        return pages | {name: f'project/{name.lower()}' for name in self.papers}

    def names_to_link(self):
        "Those that prose may link: defined once, no ordinary word, not also a parameter or a method"
        times = Counter(d.entry.name for d in self.defined)
        taken = self.names_of_parameters() | {name.split('.')[1] for name in times if '.' in name}
        return {name for name in self.names if name not in taken and times[name] == 1 and re.search('[A-Z_]', name)}

    def names_of_parameters(self):
        called = [d.entry for d in self.defined if d.entry.kind in ('function', 'method', 'classmethod')]
        return {p.name.strip('*') for entry in called for p in parameters(entry.node)}

    def faults(self):
        "Wings without a title, and names in the `__all__` of an exported module that no page documents"
        unknown = [f'nbs: wing {w.name} has no title in .ci/site/house.py' for w in self.wings if w.name not in wings]
        return unknown + [f'{b.file.name}: {name} is public and on no page'
                          for b in self.books for name in names_of_module(b.module) if name not in self.names]


def notebooks():
    "The files, sorted; none of hidden folders"
    hidden = lambda file: any(part.startswith(('.', '_')) for part in file.relative_to(root).parts)
    return sorted(file for file in (root/'nbs').rglob('*.ipynb') if not hidden(file))


def by_wing(books):
    return [Wing(folder, list(inside)) for folder, inside in groupby(books, lambda b: b.file.parent.name)]


def definitions(book):
    "The public names of a notebook's exported cells"
    for cell in book.cells:
        if cell.has('export', 'exports'):
            for entry in entries(cell.code):
                yield Definition(book, cell.exported_to or book.module, entry)


def names_of_module(module):
    "`__all__` of an exported module, read from its file"
    file = (root/'matssl').joinpath(*module.split('.')).with_suffix('.py')
    if not module or not file.is_file(): return []
    names = re.search(r'^__all__ = (\[.*?\])', file.read_text(encoding='utf-8'), re.S | re.M)
    return ast.literal_eval(names[1]) if names else []


def beside(to, page):
    "The way from one page to another, or to a file"
    return os.path.relpath(to, Path(page).parent)


def anchor(name):
    "Of a public name on its page"
    return name.replace('__', '')
