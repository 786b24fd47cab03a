"""The pages that list: tutorials, the reference by wings, all public names; and the navigation."""
import ast
from itertools import groupby

from aside import rendered
from library import anchor, beside
from prose import Place
from source import comments

# What a value without a comment is, by how it begins
sorts = {
    'dict': 'a dictionary',
    '{': 'a set',
    '[': 'a list',
    '(': 'a tuple',
    'np.': 'an array',
}


def tutorials(site):
    "`tutorials/index.md`"
    return listed(site, 'tutorials', 'tutorials/index.md', books=site.library.tutorials)


def reference(site):
    "`reference/index.md`"
    return listed(site, 'reference', 'reference/index.md', wings=site.library.wings)


def names(site):
    "`api.md`"
    return listed(site, 'names', 'api.md', wings=wings_with_names(site.library))


def listed(site, template, page, **values):
    "A list of Markdown on one page"
    return rendered(template, beside=lambda to: beside(to, page), anchor=anchor, first=first_line,
                    prose=lambda text: site.prose.markdown(text, Place(page, 'nbs')), **values)


def wings_with_names(library):
    "(wing, [(module, page, entries)]) of each wing that defines a name"
    found = []
    for wing in library.wings:
        inside = [d for d in library.defined if d.book in wing.books]
        modules = groupby(inside, lambda d: (d.module, d.book.page))
        rooms = [(module, page, [d.entry for d in some]) for (module, page), some in modules]
        if rooms: found.append((wing, rooms))
    return found


def first_line(entry):
    "What a name is, in a line: its docstring or comment, else in words"
    if entry.kind != 'value': return (ast.get_docstring(entry.node) or '').split('\n')[0]
    return comments(entry.source).get(entry.node.lineno) or sort_of(entry.node.value)


def sort_of(value):
    "What a value is that has no comment"
    text = ast.unparse(value)
    if text.startswith('namedtuple('): return f'named tuple: `{ast.literal_eval(value.args[1])}`'
    if isinstance(value, ast.Dict): return 'a dictionary'
    if isinstance(value, ast.Constant): return 'a text' if isinstance(value.value, str) else 'a number'
    return next((words for start, words in sorts.items() if text.startswith(start)), 'a value')


def navigation(library):
    "Of mkdocs: tutorials in order, the reference by wings, names, papers"
    link = lambda book: {book.label: book.page}
    wings = [{wing.label: [link(book) for book in wing.books]} for wing in library.wings]
    return [
        {'Home': 'index.md'},
        {'Tutorials': ['tutorials/index.md', *map(link, library.tutorials)]},
        {'Reference': ['reference/index.md', *wings]},
        {'All names': 'api.md'},
        {'Project': [{title: library.pages[name]} for name, title in library.papers.items()]},
    ]
