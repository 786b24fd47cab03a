"""What the source says about its public names: signatures, parameters and the comments that explain them.

Python is parsed, never imported, so that the site needs neither torch nor the package. A comment belongs to the parameters
of its line (docments); `@patch` puts a function on a class, `@delegates` says what `**kwargs` go to.
"""
import ast
import io
import tokenize
from collections import namedtuple

Parameter = namedtuple('Parameter', 'name type default line') # texts, and the line of the source; line 0: not in it
Entry = namedtuple('Entry', 'name node kind source') # kind: class, function, method, classmethod, property, value
Row = namedtuple('Row', 'names type default details') # of a table of parameters; names: those that share one comment
Described = namedtuple('Described', 'parameters rows remark') # remark: the comment of a definition in one line
PassedOn = namedtuple('PassedOn', 'to keep') # keep: `**kwargs` may hold others besides

returned = ('returns',) # names of the row of the result
widest = 84 # characters of a signature in one line


# ---- Which names there are --------------------

def is_public(name):
    "Names without underscore, and `__call__`"
    return not name.startswith('_') or name == '__call__'


def entries(source):
    "The public names that a cell defines, each an `Entry`; a method put on a class with `@patch` is `Class.method`"
    for statement in ast.parse(source).body:
        for name, node, kind in defined_by(statement):
            if is_public(name.rpartition('.')[2]):
                yield Entry(name, node, kind, source)


def defined_by(statement):
    "(name, node, kind) of all that one statement defines"
    if isinstance(statement, ast.ClassDef): return [(statement.name, statement, 'class')]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)): return [function_or_patch(statement)]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)): return list(assigned_by(statement))
    return []


def function_or_patch(function):
    "(name, node, kind) of a function, or of the method that `@patch` makes of it"
    patch = decorators(function).get('patch')
    if not patch: return function.name, function, 'function'
    options = {word.arg for word in getattr(patch, 'keywords', [])}
    kind = 'classmethod' if 'cls_method' in options else 'property' if 'as_prop' in options else 'method'
    owner = ast.unparse(function.args.args[0].annotation)
    return f'{owner}.{function.name}', function, kind


def assigned_by(statement):
    "(name, assignment of this name alone, 'value') of each name in an assignment"
    for target in getattr(statement, 'targets', None) or [statement.target]:
        names = getattr(target, 'elts', [target])
        for name, value in zip(names, values_of(statement, target, names)):
            if isinstance(name, ast.Name):
                alone = ast.copy_location(ast.Assign([name], value), statement)
                yield name.id, alone, 'value'


def values_of(statement, target, names):
    "The value of each name of a target: its own in `a, b = 1, 2`, else the whole"
    value = statement.value
    pairs = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(value.elts) == len(names)
    return value.elts if pairs else [value]*len(names)


# ---- What is written at them --------------------

def comments(source):
    "{line: comment} of some Python"
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip('#').strip() for t in tokens if t.type == tokenize.COMMENT}


def decorators(node):
    "{name: decorator} of a definition"
    return {ast.unparse(d.func if isinstance(d, ast.Call) else d): d for d in node.decorator_list}


def passed_on(node):
    "What `**kwargs` go to by `@delegates`; to '' where it is not said"
    delegates = decorators(node).get('delegates')
    if not isinstance(delegates, ast.Call) or not delegates.args: return PassedOn('', False)
    keep = any(word.arg == 'keep' for word in delegates.keywords)
    return PassedOn(ast.unparse(delegates.args[0]), keep)


def text_of(node):
    "Python of a node; '' where there is none"
    return '' if node is None else ast.unparse(node)


# ---- Parameters --------------------

def parameters(node, method=False):
    "Of a function, without `self` where it is a method; of a dataclass its fields"
    if isinstance(node, ast.ClassDef): return fields(node)
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    no_default = [None]*(len(plain) - len(arguments.defaults))
    found = with_defaults(plain, [*no_default, *arguments.defaults])[method:]
    if arguments.vararg: found.append(starred('*', arguments.vararg))
    elif arguments.kwonlyargs: found.append(Parameter('*', '', '', 0))
    found += with_defaults(arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg: found.append(starred('**', arguments.kwarg))
    return found


def with_defaults(arguments, defaults):
    return [Parameter(a.arg, text_of(a.annotation), text_of(d), a.lineno) for a, d in zip(arguments, defaults)]


def starred(stars, argument):
    return Parameter(stars + argument.arg, text_of(argument.annotation), '', argument.lineno)


def fields(dataclass):
    "The parameters of a dataclass"
    lines = [n for n in dataclass.body if isinstance(n, ast.AnnAssign)]
    return [Parameter(n.target.id, ast.unparse(n.annotation), field_default(n.value), n.lineno) for n in lines]


def field_default(value):
    "`list()` of `field(default_factory=list)`"
    made = isinstance(value, ast.Call) and ast.unparse(value.func) == 'field'
    return f'{ast.unparse(value.keywords[0].value)}()' if made else text_of(value)


def signature(name, params, returns='', width=widest):
    "In one line, or a line a parameter where that is wider than `width` characters"
    parts = [in_signature(p) for p in params]
    tail = f' -> {returns}' if returns else ''
    line = f"{name}({', '.join(parts)}){tail}"
    if width is None or len(line) <= width: return line
    return f'{name}(\n' + ''.join(f'    {p},\n' for p in parts) + f'){tail}'


def in_signature(parameter):
    "`name: type = default`, `name=default`"
    typed = f': {parameter.type}' if parameter.type else ''
    equals = ' = ' if parameter.type else '='
    return parameter.name + typed + (equals + parameter.default if parameter.default else '')


# ---- Rows of a table of parameters --------------------

def described(node, source, method=False):
    """Parameters, rows of their table and a remark. A comment belongs to the parameters of its line; that of the closing
    line, if there is no parameter in it, to what is returned; that of a definition in one line to all of it."""
    params = parameters(node, method)
    said = comments(source)
    lines = by_line(params)
    if isinstance(node, ast.ClassDef):
        return Described(params, commented_rows(lines, said), '')
    if set(lines) <= {node.lineno}:
        return Described(params, plain_rows(params), remark_of(node, said))
    rows = commented_rows(lines, said)
    rows, last = without_known_kwargs(rows, node)
    end = comment_of_the_end(node, lines, said) or last
    if node.returns or end: rows.append(Row(returned, text_of(node.returns), '', end))
    return Described(params, rows, '')


def by_line(params):
    "{line: its parameters}; the bare `*` belongs to none"
    lines = {}
    for p in params:
        if p.name != '*': lines.setdefault(p.line, []).append(p)
    return lines


def plain_rows(params):
    return [Row((p.name,), p.type, p.default, '') for p in params if p.name != '*']


def commented_rows(lines, said):
    "A row a parameter; one for all those that share a line and its comment: the signature has their types and defaults"
    rows = []
    for line, params in lines.items():
        text = said.get(line, '')
        if text and len(params) > 1: rows.append(Row(tuple(p.name for p in params), '', '', text))
        else: rows += [Row((p.name,), p.type, p.default, text) for p in params]
    return rows


def remark_of(function, said):
    "The comment of a definition in one line, where its body stands below"
    return said.get(function.lineno, '') if function.body[0].lineno > function.lineno else ''


def comment_of_the_end(function, lines, said):
    "The comment between the last parameter and the body: what is returned"
    below = range(max(lines, default=function.lineno) + 1, function.body[0].lineno)
    return next((said[line] for line in below if line in said), '')


def without_known_kwargs(rows, function):
    "Rows, comment: known names of `**kwargs` need no row, and a comment in their line is about the result"
    to, keep = passed_on(function)
    if to and not keep and rows and rows[-1].names[0].startswith('**'):
        return rows[:-1], rows[-1].details
    return rows, ''
