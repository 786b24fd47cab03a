"""What the site says of a public name: heading, signature, docstring, table of parameters, and the members of a class."""
import ast

from markupsafe import Markup

from aside import rendered_html
from library import anchor
from prose import Place
from source import (Parameter, Row, comments, decorators, described, is_public, parameters, passed_on, returned,
                    signature, text_of)

longest_value = 60 # characters of a value that is shown in its line


class Api:
    "Markdown of the public names of a library"
    def __init__(self, library, prose, aside):
        self.library = library
        self.prose = prose
        self.aside = aside

    def documented(self, entry, page):
        "All that is said of one public name"
        if entry.kind == 'value': return self.value(entry, page)
        if entry.kind == 'class': return self.constructor(entry, page) + self.members(entry, page)
        kind = '' if entry.kind in ('function', 'method') else entry.kind
        return self.call(entry.name, entry.node, entry.source, page, method='.' in entry.name, kind=kind)

    def value(self, entry, page):
        "`name` = value: what its comment says"
        said = comments(entry.source).get(entry.node.lineno, '')
        value = text_of(entry.node.value)
        shown = f'`{value}`' if len(value) < longest_value and '`' not in value else '...'
        more = f': {self.text(said, page)}' if said else ''
        return f'\n\n`{entry.name}` = {shown}{more}\n{{: #{entry.name} .api-value }}\n\n'

    def constructor(self, entry, page):
        "How an object of a class is made: by the fields of a dataclass, by `__init__`, or as a base says"
        node = entry.node
        if 'dataclass' in decorators(node):
            return self.call(entry.name, node, entry.source, page, kind='class')
        init = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == '__init__'), None)
        doc = ast.get_docstring(node) or ''
        if init: return self.call(entry.name, init, entry.source, page, method=True, kind='class', doc=doc)
        bases = ', '.join(map(ast.unparse, node.bases))
        return self.head(entry.name, f'class {entry.name}({bases})', page, doc, kind='class')

    def call(self, name, node, source, page, method=False, level=3, kind='', doc=None):
        "Heading, signature, docstring and parameters of something that can be called"
        params, rows, remark = described(node, source, method)
        to = passed_on(node).to
        followed = to in self.library.functions and bool(params) and params[-1].name.startswith('**')
        if followed: params, rows = self.with_delegated(node, params, rows)
        result = result_of(node)
        doc = ast.get_docstring(node) if doc is None else doc
        shown = in_code(name, params, result, kind)
        below = self.table(rows, page, result)
        if to and not followed: below += rendered_html('passed_on', to=to)
        return self.head(name, shown, page, doc, level, kind) + self.remark(remark, page) + self.aside.keep(below)

    def remark(self, text, page):
        "The comment of a definition in one line"
        return self.aside.keep(f'<p>{self.prose.html(text, page)}</p>') if text else ''

    def head(self, name, shown, page, doc, level=3, kind=''):
        "Heading with an anchor, signature, docstring"
        title = name.replace('__', '&#95;&#95;')
        of_kind = f' data-kind={kind}' if kind else ''
        text = f'\n{self.text(doc, page)}\n' if doc else ''
        return f'\n\n{"#"*level} {title} {{ #{anchor(name)} .api{of_kind} }}\n\n```py\n{shown}\n```\n{text}'

    def text(self, text, page):
        "A docstring or comment as Markdown"
        return self.prose.markdown(text, Place(page, 'nbs'))

    # ---- Parameters --------------------

    def table(self, rows, page, result=''):
        "Parameters with their type, default and details; '' where the signature has said it all"
        rows = [row for row in rows if not row.names[0].strip('*').startswith('_')]
        rows = [row for row in rows if row.names != returned or result or row.details]
        if not any(row.details for row in rows): return ''
        rows = [row._replace(details=Markup(self.prose.html(row.details, page))) for row in rows]
        return rendered_html('parameters', rows=rows, returned=returned)

    def with_delegated(self, node, params, rows):
        "Parameters and rows with those of the function that `**kwargs` go to, before the result"
        to, keep = passed_on(node)
        more = self.delegated(to, rows)
        *params, kwargs = params
        if more and not any(p.name.startswith('*') for p in params): params.append(Parameter('*', '', '', 0))
        params += [Parameter(row.names[0], row.type, row.default, 0) for row in more]
        if keep: params.append(kwargs)
        end = [row for row in rows if row.names == returned]
        return params, [row for row in rows if row.names != returned] + more + end

    def delegated(self, to, rows):
        """Rows of the parameters of function `to` that have a default and are not in `rows`, with those that it passes on
        itself"""
        entry = self.library.functions[to]
        params, explained, _ = described(entry.node, entry.source, entry.kind == 'method')
        taken = {name for row in rows for name in row.names}
        free = [p for p in params if p.default and p.name not in taken]
        own = [Row((p.name,), p.type, p.default, details_of(p.name, explained)) for p in free]
        further = passed_on(entry.node).to
        return own + (self.delegated(further, rows + own) if further in self.library.functions else [])

    # ---- Members of a class --------------------

    def members(self, entry, page):
        "Public methods and properties in the body of a class: a line each, a table where parameters are explained"
        lines = []
        explained = ''
        for node in entry.node.body:
            if is_property_call(node): lines.append((node.targets[0].id, doc_of_property(node)))
            elif isinstance(node, ast.FunctionDef) and is_public(node.name):
                if has_details(node, entry.source): explained += self.member(entry, node, page)
                elif ast.get_docstring(node): lines.append((in_one_line(node), ast.get_docstring(node)))
        rows = [(shown, Markup(self.prose.html(doc, page))) for shown, doc in lines]
        return (self.aside.keep(rendered_html('members', rows=rows)) if rows else '') + explained

    def member(self, entry, node, page):
        kind = next((k for k in ('classmethod', 'staticmethod') if k in decorators(node)), '')
        return self.call(f'{entry.name}.{node.name}', node, entry.source, page, takes_self(node), level=4, kind=kind)


def result_of(node):
    "The type of what a function returns; '' of a class, an `__init__`, or where it is not said"
    if isinstance(node, ast.ClassDef) or node.name == '__init__': return ''
    return text_of(node.returns)


def in_code(name, params, result, kind):
    "The signature of what is called; name and type of a property"
    if kind != 'property': return signature(name, params, result)
    return f'{name} -> {result}' if result else name


def details_of(name, rows): return next((row.details for row in rows if name in row.names), '')


def takes_self(node): return 'staticmethod' not in decorators(node)


def has_details(node, source): return any(row.details for row in described(node, source, takes_self(node)).rows)


def in_one_line(node):
    "`name` of a property, `name(parameters)` of a method"
    if 'property' in decorators(node): return node.name
    return signature(node.name, parameters(node, takes_self(node)), width=None)


def is_property_call(node):
    "`name = property(...)` with a public name"
    called = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    return called and ast.unparse(node.value.func) == 'property' and is_public(node.targets[0].id)


def doc_of_property(node):
    return next((word.value.value for word in node.value.keywords if word.arg == 'doc'), '')
