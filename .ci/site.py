#!/usr/bin/env python3
"""The documentation site, from the notebooks: nothing is executed, nothing of it lands in the tree.

usage: python .ci/site.py -o _site            builds, then checks every link, anchor and picture of what was built
       python .ci/site.py -o _site --serve    and shows it at http://localhost:8000
       python .ci/site.py -o _site --url https://example.org/matssl/ --repo https://example.org/git/matssl
       python .ci/site.py -o _site --external asks the servers of all outside links too (needs a network)
       python .ci/site.py --selftest          shows that the checks can fail
       python .ci/site.py --requirements      prints what it needs: `docs_requirements` of settings.ini

Each notebook becomes a page of Markdown with its stored outputs beside it; mkdocs-material makes the rest. Cells flagged `hide` are left
out, exported ones folded below the signatures, parameters and docstrings of the public names that they define. Signatures are read from
the source, not from an import, so that the site needs neither torch nor the package. The exit status is 1 if anything is wrong.
"""
import argparse, ast, base64, html, io, json, logging, os, re, shutil, sys, tempfile, tokenize
from collections import Counter, namedtuple
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

root = Path(__file__).resolve().parent.parent
wings = {'pictures': 'Pictures', 'masks': 'Masks', 'data': 'Data', 'training': 'Training', 'selfsup': 'Self-supervision', 'segmentation': 'Segmentation', 'measuring': 'Measuring',
         'hands': 'Hands', 'bench': 'Benchmarks', 'command': 'Commands', 'promises': 'Promises'} # folders of notebooks, without their number
papers = {'CONTRIBUTING.md': 'Contributing', 'CHANGELOG.md': 'Changes', 'SECURITY.md': 'Security'} # beside the notebooks, where they are there
notes = {'slow': 'slow: not run on every push', 'real': 'needs real micrographs: MATSSL_DATA'} # above cells flagged so


# ---- What the source says about its public names --------------------------------------------------------------------------------

Param = namedtuple('Param', 'name type default line')
Entry = namedtuple('Entry', 'name node kind source') # kind: 'class', 'function', 'method', 'classmethod', 'property', 'value'


def is_public(name): return not name.startswith('_') or name == '__call__'


def comments(source):
    "{line: comment} of some Python"
    return {t.start[0]: t.string.lstrip('#').strip() for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT}


def decorators(node): return {ast.unparse(d.func if isinstance(d, ast.Call) else d): d for d in node.decorator_list}


def passed_on(fn):
    "What `**kwargs` go to by `@delegates`, and whether there may be others; ('', False): not said"
    d = decorators(fn).get('delegates')
    return (ast.unparse(d.args[0]), any(k.arg == 'keep' for k in d.keywords)) if isinstance(d, ast.Call) and d.args else ('', False)


def entries(source):
    "The public names that a cell defines; a method put on a class with `@patch` is `Class.method`"
    for n in ast.parse(source).body:
        if isinstance(n, ast.ClassDef) and is_public(n.name): yield Entry(n.name, n, 'class', source)
        elif isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(n.name):
            patch = decorators(n).get('patch')
            if not patch: yield Entry(n.name, n, 'function', source); continue
            words = {k.arg for k in getattr(patch, 'keywords', [])}
            owner = ast.unparse(n.args.args[0].annotation)
            yield Entry(f'{owner}.{n.name}', n, 'classmethod' if 'cls_method' in words else 'property' if 'as_prop' in words else 'method', source)
        elif isinstance(n, (ast.Assign, ast.AnnAssign)):
            for t in getattr(n, 'targets', None) or [n.target]:
                several = isinstance(t, ast.Tuple) and isinstance(n.value, ast.Tuple) and len(t.elts) == len(n.value.elts)
                for i, name in enumerate(getattr(t, 'elts', [t])):
                    if isinstance(name, ast.Name) and is_public(name.id): yield Entry(name.id, ast.copy_location(ast.Assign([name], n.value.elts[i] if several else n.value), n), 'value', source)


def parameters(fn, method):
    "The parameters of a function, without `self`"
    a = fn.args; plain = [*a.posonlyargs, *a.args]; text = lambda x: '' if x is None else ast.unparse(x)
    out = [Param(p.arg, text(p.annotation), text(d), p.lineno) for p, d in zip(plain, [None]*(len(plain)-len(a.defaults)) + a.defaults)][method:]
    if a.vararg: out.append(Param('*' + a.vararg.arg, text(a.vararg.annotation), '', a.vararg.lineno))
    elif a.kwonlyargs: out.append(Param('*', '', '', 0))
    out += [Param(p.arg, text(p.annotation), text(d), p.lineno) for p, d in zip(a.kwonlyargs, a.kw_defaults)]
    if a.kwarg: out.append(Param('**' + a.kwarg.arg, text(a.kwarg.annotation), '', a.kwarg.lineno))
    return out


def fields(cls):
    "The parameters of a dataclass"
    value = lambda v: '' if v is None else f'{ast.unparse(v.keywords[0].value)}()' if isinstance(v, ast.Call) and ast.unparse(v.func) == 'field' else ast.unparse(v)
    return [Param(n.target.id, ast.unparse(n.annotation), value(n.value), n.lineno) for n in cls.body if isinstance(n, ast.AnnAssign)]


def signature(name, params, returns=''):
    "One line, or a line a parameter"
    parts = [p.name + (f': {p.type}' if p.type else '') + (f' = {p.default}' if p.default and p.type else f'={p.default}' if p.default else '') for p in params]
    line = f"{name}({', '.join(parts)})"; tail = f' -> {returns}' if returns else ''
    return line + tail if len(line + tail) <= 84 else f'{name}(\n' + ''.join(f'    {p},\n' for p in parts) + f'){tail}'


def rows_of(fn, source, method=False):
    """Rows (names, type, default, details) of a table, and a remark. A comment belongs to the parameters of its line; that of the closing
    line, if there is no parameter in it, to what is returned; that of a definition in one line to all of it."""
    params = fields(fn) if isinstance(fn, ast.ClassDef) else parameters(fn, method)
    said, lines, rows = comments(source), {}, []
    for p in params:
        if p.name != '*': lines.setdefault(p.line, []).append(p)
    if not isinstance(fn, ast.ClassDef) and set(lines) <= {fn.lineno}: # all in one line
        remark = said.get(fn.lineno, '') if fn.body[0].lineno > fn.lineno else ''
        return params, [((p.name,), p.type, p.default, '') for p in params if p.name != '*'], remark
    for line, ps in lines.items():
        text = said.get(line, '')
        if text and len(ps) > 1: rows.append((tuple(p.name for p in ps), '', '', text)) # the signature has their types and defaults
        else: rows += [((p.name,), p.type, p.default, text) for p in ps]
    if not isinstance(fn, ast.ClassDef):
        end = next((said[l] for l in range(max(lines, default=fn.lineno)+1, fn.body[0].lineno) if l in said), '')
        back = ast.unparse(fn.returns) if fn.returns else ''
        to, keep = passed_on(fn)
        if to and not keep and rows and rows[-1][0][0].startswith('**'): # the names of `**kwargs` are known: the comment is about the result
            end, rows = end or rows[-1][3], rows[:-1]
        if back or end: rows.append((('returns',), back, '', end))
    return params, rows, ''


# ---- From notebooks to pages ----------------------------------------------------------------------------------------------------

class Book:
    "One notebook: where it is, what it is called, which module it makes"
    def __init__(self, file):
        self.file, self.nb = file, json.loads(file.read_text(encoding='utf-8'))
        for c in self.nb['cells']: c['source'] = ''.join(c['source'])
        head = self.nb['cells'][0]['source']; title, line = re.match(r'#\s+(.+)', head), re.search(r'^>\s*(.+)', head, re.M)
        if self.nb['cells'][0]['cell_type'] != 'markdown' or not title: raise SystemExit(f'{file.name}: the first cell has no title; begin it with "# Title"')
        self.title, self.subtitle = title[1].strip(), line[1].strip() if line else ''
        self.number = m[1] if (m := re.match(r'(\d+)_', file.name)) else ''
        self.module = next((m[1] for c in self.nb['cells'] if c['cell_type'] == 'code' and (m := re.search(r'^#\|\s*default_exp\s+(\S+)', c['source'], re.M))), '')
        self.wing = re.sub(r'^\d+_', '', file.parent.name)
        folder = 'tutorials' if self.wing == 'tutorials' else '' if file.stem == 'index' else f'reference/{self.wing}'
        self.page = str(Path(folder)/f'{file.stem}.md')
        self.label = f'{self.number} {self.title}'.strip().replace('`', '')

    def flags(self, cell): return {f.split()[0].rstrip(':'): f.partition(' ')[2].strip() for f in re.findall(r'^#\|\s*(\S.*)$', cell['source'], re.M)} if cell['cell_type'] == 'code' else {}
    def code(self, cell): return re.sub(r'^#\|.*\n?', '', cell['source'], flags=re.M).strip('\n')


class Site:
    "Pages of Markdown under `docs`, with what cannot be said in Markdown kept aside until mkdocs has made its HTML"
    def __init__(self, docs):
        self.docs, self.kept, self.names, self.functions, self.used = docs, [], {}, {}, set()
        files = sorted(f for f in (root/'nbs').rglob('*.ipynb') if not any(p.startswith(('.', '_')) for p in f.relative_to(root).parts))
        self.books = [Book(f) for f in files]
        self.pages = {b.file.relative_to(root).as_posix(): b.page for b in self.books} | {'README.md': 'index.md'}
        self.pages |= {n: f'project/{n.lower()}' for n in papers if (root/n).is_file()}
        self.defined = [(b, e) for b in self.books for c in b.nb['cells'] if b.flags(c).keys() & {'export', 'exports'} for e in entries(b.code(c))]
        for b, e in self.defined:
            self.names.setdefault(e.name, b.page)
            if e.kind in ('function', 'method'): self.functions.setdefault(e.name, e)
        words = {p.name.strip('*') for _, e in self.defined if e.kind in ('function', 'method', 'classmethod') for p in parameters(e.node, False)}
        times = Counter(e.name for _, e in self.defined)
        words |= {e.name.split('.')[1] for _, e in self.defined if '.' in e.name}
        self.linked = {n for n in self.names if n not in words and times[n] == 1 and re.search('[A-Z_]', n)} # from prose: not an ordinary word, nor what is also a parameter or a method

    def keep(self, text):
        "A paragraph that becomes `text` when the page is HTML"
        self.kept.append(text); return f'\n\nkept-{len(self.kept)-1}-kept\n\n'

    def href(self, to, page, anchor=''):
        "From one page to another, as HTML"
        return os.path.relpath(Path(to).with_suffix('.html'), Path(page).parent) + (f'#{anchor}' if anchor else '')

    def inline(self, text, page):
        "A comment as HTML: code between backticks, names linked"
        def code(m): return f'<a href="{self.href(self.names[m[1]], page, m[1])}"><code>{m[1]}</code></a>' if m[1] in self.linked else f'<code>{m[1]}</code>'
        return re.sub(r'`([^`]+)`', code, html.escape(text, quote=False))

    def target(self, link, folder, page, loose):
        "Where a link of the repository leads on the site: a page, a file that is copied; None: nowhere, and that is allowed"
        from markdown.extensions.toc import slugify
        if re.match(r'[a-z][a-z0-9+.-]*:', link, re.I): return link
        path, _, anchor = link.partition('#'); anchor = '#' + slugify(unquote(anchor), '-') if anchor else ''
        if not path: return anchor
        where = os.path.normpath(os.path.join(folder, unquote(path)))
        if where in self.pages: to = self.pages[where]
        elif (root/where).is_file() and not where.startswith('..'):
            to = f'files/{where}'; (self.docs/to).parent.mkdir(parents=True, exist_ok=True); shutil.copyfile(root/where, self.docs/to)
        else: return None if loose else link
        return os.path.relpath(to, Path(page).parent) + anchor

    def prose(self, text, folder, page, loose=False):
        "Markdown of the repository as Markdown of the site: links lead to pages, public names to their signatures, lists and formulas that stand alone begin after an empty line"
        out = []
        for i, part in enumerate(re.split(r'(^```.*?^```[^\n]*$)', text, flags=re.S | re.M)):
            if i % 2: out.append(part); continue
            part = re.sub(r'^(\$\$.*?\$\$)[ \t]*$', r'\n\1\n', part, flags=re.M | re.S)
            part = re.sub(r'^((?![ \t]*(?:[-*+]|\d+\.)[ \t])[^\n]*\S[^\n]*)\n(?=(?:[-*]|\d+\.) )', r'\1\n\n', part, flags=re.M)
            for j, bit in enumerate(re.split(r'(`+[^`]+`+)', part)):
                if j % 2:
                    name, before = bit.strip('`'), ''.join(out); line = before.rsplit('\n', 1)[-1]
                    if name in self.linked and not before.endswith('[') and not line.startswith('#'): bit = f'[{bit}]({os.path.relpath(self.names[name], Path(page).parent)}#{name})'
                    out.append(bit); continue
                def link(m):
                    to = self.target(m[2], folder, page, loose); return m[1] if to is None else f'{m[1]}({to})'
                def whole(m): return m[1] if self.target(m[2], folder, page, loose) is None else m[0]
                bit = re.sub(r'(?<![\\$])\$ *([^$\n]*[^$\s]) *\$(?!\$)', r'$\1$', bit) # formulas as notebooks take them, with spaces inside the dollars
                if loose: bit = re.sub(r'!?\[([^\]]*)\]\(([^)\s]+)\)', whole, bit)
                out.append(re.sub(r'(\])\(([^)\s]+)\)', link, bit))
        return ''.join(out)

    def table(self, rows, page):
        "Parameters with their type, default and details"
        rows = [r for r in rows if not r[0][0].strip('*').startswith('_')]
        if not any(r[3] for r in rows): return '' # the signature has said it all
        cells = lambda names, type, default, details: f'<tr><td>{", ".join(f"<code>{html.escape(n)}</code>" if n != "returns" else "<em>returns</em>" for n in names)}</td>' \
            f'<td>{f"<code>{html.escape(type)}</code>" if type else ""}</td><td class="default">{f"<code>{html.escape(default)}</code>" if default else ""}</td><td>{self.inline(details, page)}</td></tr>'
        return '<div class="scroll"><table class="params"><thead><tr><th>parameter</th><th>type</th><th>default</th><th>details</th></tr></thead><tbody>' + ''.join(cells(*r) for r in rows) + '</tbody></table></div>'

    def call(self, name, fn, source, page, method, level=3, kind='', doc=None):
        "Heading, signature, docstring and parameters of something that can be called"
        params, rows, remark = rows_of(fn, source, method); to, keep = passed_on(fn); passed = ''
        if to in self.functions and params and params[-1].name.startswith('**'):
            more = self.passed(to, rows); last = params.pop()
            star = [] if any(p.name == '*' or p.name[0] == '*' for p in params) else [Param('*', '', '', 0)]
            params += star*bool(more) + [Param(names[0], type, default, 0) for names, type, default, _ in more] + [last]*keep
            end = [r for r in rows if r[0][0] == 'returns']; rows = [r for r in rows if r not in end] + more + end
        elif to: passed = f'<p class="passed">Other keyword arguments go to <code>{html.escape(to)}</code>.</p>'
        returns = '' if isinstance(fn, ast.ClassDef) or not fn.returns or fn.name == '__init__' else ast.unparse(fn.returns)
        rows = [r for r in rows if r[0][0] != 'returns' or returns or r[3]]
        doc = ast.get_docstring(fn) if doc is None else doc
        head = f'\n\n{"#"*level} {name.replace("__", "&#95;&#95;")} {{ #{name.replace("__", "")} .api{f" data-kind={kind}" if kind else ""} }}\n\n'
        shown = f'```py\n{signature(name, params, returns)}\n```\n'
        return head + shown + (f'\n{self.prose(doc, "nbs", page)}\n' if doc else '') + (self.keep(f'<p>{self.inline(remark, page)}</p>') if remark else '') + self.keep(self.table(rows, page) + passed)

    def passed(self, to, rows):
        "Rows of the parameters of function `to` that have a default and are not in `rows`, with those that it passes on itself"
        e = self.functions[to]; have = {n for r in rows for n in r[0]}
        params, their, _ = rows_of(e.node, e.source, e.kind == 'method')
        own = [((p.name,), p.type, p.default, next((r[3] for r in their if p.name in r[0]), '')) for p in params if p.default and p.name not in have]
        further, _ = passed_on(e.node)
        return own + (self.passed(further, rows + own) if further in self.functions else [])

    def api(self, entry, page):
        "What is said of one public name"
        n, src = entry.node, entry.source
        if entry.kind == 'value':
            said = comments(src).get(n.lineno, '')
            value = ast.unparse(n.value); value = f' `{value}`' if len(value) < 60 and '`' not in value else ''
            return f'\n\n`{entry.name}` ={value or " ..."}{": " + self.prose(said, "nbs", page) if said else ""}\n{{: #{entry.name} .api-value }}\n\n'
        if entry.kind != 'class':
            return self.call(entry.name, n, src, page, '.' in entry.name, kind='' if entry.kind in ('function', 'method') else entry.kind)
        doc, init = ast.get_docstring(n), next((m for m in n.body if isinstance(m, ast.FunctionDef) and m.name == '__init__'), None)
        if 'dataclass' in decorators(n): out = self.call(entry.name, n, src, page, False, kind='class')
        elif init: out = self.call(entry.name, init, src, page, True, kind='class', doc=doc or '')
        else:
            out = f'\n\n### {entry.name} {{ #{entry.name} .api data-kind=class }}\n\n```py\nclass {entry.name}({", ".join(map(ast.unparse, n.bases))})\n```\n' + (f'\n{self.prose(doc, "nbs", page)}\n' if doc else '')
        return out + self.members(entry, page)

    def members(self, entry, page):
        "Public methods and properties in the body of a class: a line each, or a table where their parameters are explained"
        brief, full = [], ''
        for m in entry.node.body:
            if isinstance(m, ast.Assign) and isinstance(m.value, ast.Call) and ast.unparse(m.value.func) == 'property' and is_public(m.targets[0].id):
                brief.append((m.targets[0].id, next((k.value.value for k in m.value.keywords if k.arg == 'doc'), '')))
            if not isinstance(m, ast.FunctionDef) or not is_public(m.name): continue
            doc, prop = ast.get_docstring(m) or '', 'property' in decorators(m)
            params, rows, remark = rows_of(m, entry.source, 'staticmethod' not in decorators(m))
            if any(r[3] for r in rows): full += self.call(f'{entry.name}.{m.name}', m, entry.source, page, 'staticmethod' not in decorators(m), 4, next((k for k in ('classmethod', 'staticmethod') if k in decorators(m)), ''))
            elif doc: brief.append((m.name if prop else signature(m.name, params).replace('\n', '').replace('    ', ' ').replace('( ', '('), doc))
        table = ''.join(f'<tr><td><code>.{html.escape(s)}</code></td><td>{self.inline(d, page)}</td></tr>' for s, d in brief)
        return (self.keep(f'<div class="scroll"><table class="params members"><thead><tr><th>member</th><th></th></tr></thead><tbody>{table}</tbody></table></div>') if table else '') + full

    def size(self, png):
        "Width and height of a PNG on the page, as large as it was drawn: 96 px an inch"
        at = png.find(b'pHYs', 0, 4096); number = lambda i: int.from_bytes(png[i:i+4], 'big')
        zoom = min(1, 96/(.0254*number(at+4))) if at > 0 and number(at+4) else 1
        return round(zoom*number(16)), round(zoom*number(20))

    def output(self, out, book, page, alt, echo):
        "One stored output"
        data = {k: ''.join(v) if isinstance(v, list) else v for k, v in out.get('data', {}).items()}
        ansi = lambda s: re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', s)
        box = lambda s: self.keep(f'<div class="output">{s}</div>')
        plain = lambda s: box(f'<pre>{html.escape(ansi(s).rstrip(), quote=False)}</pre>') if s.strip() else ''
        if out['output_type'] == 'stream': return plain(''.join(out['text'])) if out['name'] == 'stdout' else '' # chatter of libraries stays in the notebook
        if out['output_type'] == 'error': return plain('\n'.join(out['traceback']))
        for kind, ext in (('image/png', 'png'), ('image/jpeg', 'jpg'), ('image/svg+xml', 'svg')):
            if kind not in data: continue
            raw = data[kind].encode() if ext == 'svg' else base64.b64decode(data[kind])
            file = Path(page).parent/'img'/f'{book.file.stem}-{alt[1]}.{ext}'; alt[1] += 1
            (self.docs/file).parent.mkdir(parents=True, exist_ok=True); (self.docs/file).write_bytes(raw)
            w, h = self.size(raw) if ext == 'png' else (0, 0)
            size = f' width="{w}" height="{h}"' + ' class="wide"'*(w > 560) if w else ''
            return box(f'<img src="img/{file.name}" alt="{html.escape(f"{book.title}: {alt[0]}, picture {alt[1]}")}"{size} loading="lazy">')
        if 'text/html' in data:
            text = re.sub(r'<style.*?</style>|<script.*?</script>', '', data['text/html'], flags=re.S)
            text = re.sub(r' (?:border="1"|style="text-align: \w+;")', '', text)
            text = re.sub(r'<(t[dh])((?: (?!class)[^>]*)?)>([^<]{20,})<', lambda m: f'<{m[1]}{m[2]} class="{"wide" if len(m[3]) > 70 else "long"}">{m[3]}<', text)
            return box(text)
        if 'text/markdown' in data:
            text = self.prose(data['text/markdown'], book.file.parent.relative_to(root).as_posix(), page, loose=True)
            if not echo: return f'\n\n{text}\n\n'
            text = re.sub(r'^#+ +(.*)$', r'**\1**', text, flags=re.M)
            return f'\n\n<div class="output" markdown>\n\n{text}\n\n</div>\n\n'
        return plain(data.get('text/plain', ''))

    def page(self, book):
        "The Markdown of a notebook"
        page, folder, out, alt = book.page, book.file.parent.relative_to(root).as_posix(), [], ['', 0]
        for i, c in enumerate(book.nb['cells']):
            flags, code = book.flags(c), book.code(c)
            if c['cell_type'] == 'markdown':
                text = self.prose(c['source'], folder, page)
                alt[0] = (re.findall(r'^#+\s+(.+)$', c['source'], re.M) or [alt[0] or book.title])[-1].replace('`', '')
                if i == 0: text = self.opening(text, book)
                out.append(text); continue
            if c['cell_type'] != 'code' or flags.keys() & {'hide', 'default_exp'}: continue
            fence = '`'*max(3, 1 + max(map(len, re.findall(r'`+', code)), default=0))
            echo = flags.get('echo') != 'false'
            if flags.keys() & {'export', 'exports', 'exporti'}:
                out += [self.api(e, page) for e in entries(code)] if 'exporti' not in flags else []
                out.append(self.keep(f'<details class="source"><summary>{self.source_of(code)}</summary>') + f'{fence}py\n{code}\n{fence}' + self.keep('</details>'))
            elif code and echo:
                title = '; '.join(notes[f] for f in notes if f in flags)
                out.append(f'{fence}py{f" title={chr(34)}{title}{chr(34)}" if title else ""}\n{code}\n{fence}')
            out += [self.output(o, book, page, alt, echo) for o in c.get('outputs', [])]
        return '\n\n'.join(out) + '\n'

    def source_of(self, code):
        "What a folded cell holds"
        body = ast.parse(code).body; names = [t for n in body for t in ([n.name] if hasattr(n, 'name') else [t.id for t in n.targets if isinstance(t, ast.Name)] if isinstance(n, ast.Assign) else [])]
        if all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in body): return 'Imports'
        return 'Source' + (' of ' + ', '.join(f'<code>{html.escape(n)}</code>' for n in names) if names else '')

    def opening(self, text, book):
        "Title, line, then what the page is about: the module, or on the first page where to go"
        title, rest = re.match(r'(#[^\n]*\n(?:\s*>[^\n]*\n?)*)(.*)', text, re.S).groups()
        if book.file.stem == 'index':
            first = next((b for b in self.books if b.page.startswith('tutorials')), None)
            more = (f'[{first.title}]({first.page}){{ .md-button .md-button--primary }} ' if first else '') + '[Reference](reference/index.md){ .md-button } [All names](api.md){ .md-button }'
        else:
            more = (f'`from matssl.{book.module} import *` · ' if book.module else '') + f'notebook `{book.file.relative_to(root).as_posix()}`\n{{: .about }}'
        return ('---\nhide: [navigation]\n---\n\n' if book.file.stem == 'index' else '') + f'{title}\n\n{more}\n\n{rest}'

    def sort(self, value):
        "In words, what a value is that has no comment"
        text = ast.unparse(value)
        if text.startswith('namedtuple('): return f'named tuple: `{ast.literal_eval(value.args[1])}`'
        return next((w for k, w in (('dict', 'a dictionary'), ('[', 'a list'), ('(', 'a tuple'), ('np.', 'an array'), ("'", 'a text')) if text.startswith(k)), 'a dictionary' if isinstance(value, ast.Dict) else 'a set' if text.startswith('{') else 'a number' if isinstance(value, ast.Constant) else 'a value')

    def lists(self):
        "Overviews of tutorials, of the reference by wings, and of all public names"
        line = lambda b, page: f'- [{b.label}]({os.path.relpath(b.page, Path(page).parent)}): {b.subtitle}\n'
        tutorials = [b for b in self.books if b.page.startswith('tutorials')]; reference = [b for b in self.books if b.page.startswith('reference')]
        by_wing = {}
        for b in reference: by_wing.setdefault(wings.get(b.wing, b.wing), []).append(b)
        write = lambda page, text: ((self.docs/page).parent.mkdir(parents=True, exist_ok=True), (self.docs/page).write_text(text, encoding='utf-8'))
        write('tutorials/index.md', '# Tutorials\n\n> Numbered, read in order; each runs on a laptop\n\n' + ''.join(line(b, 'tutorials/index.md') for b in tutorials))
        write('reference/index.md', '# Reference\n\n> The notebooks that are the package: each explains, defines, shows and tests\n\n' + ''.join(f'## {f}\n\n' + ''.join(line(b, 'reference/index.md') for b in bs) + '\n' for f, bs in by_wing.items()))
        first = lambda e: next((s for s in [(ast.get_docstring(e.node) or '').split('\n')[0]] if s), '') if e.kind != 'value' else comments(e.source).get(e.node.lineno) or self.sort(e.node.value)
        text = '# All names\n\n> Every public name, by module. `from matssl.all import *` brings those of daily use\n\n'
        for f, bs in by_wing.items():
            text += f'## {f}\n\n'
            for b in bs:
                es = [e for d, e in self.defined if d is b]
                if es: text += f'### [matssl.{b.module}]({b.page})\n\n' + ''.join(f'- [`{e.name}`]({b.page}#{e.name}) {self.prose(first(e), "nbs", "api.md")}\n' for e in es) + '\n'
        write('api.md', text)
        for n in papers:
            if n in self.pages: write(self.pages[n], self.prose((root/n).read_text(encoding='utf-8'), '', self.pages[n]))
        for b in self.books: write(b.page, self.page(b))
        label = lambda b: {b.label: b.page}
        return [{'Home': 'index.md'}, {'Tutorials': ['tutorials/index.md', *map(label, tutorials)]}, {'Reference': ['reference/index.md', *({f: [*map(label, bs)]} for f, bs in by_wing.items())]},
                {'All names': 'api.md'}, {'Project': [{papers[n]: self.pages[n]} for n in papers if n in self.pages]}]

    def undocumented(self):
        "Names in the `__all__` of the exported modules that no page documents"
        out = []
        for b in self.books:
            file = (root/'matssl').joinpath(*b.module.split('.')).with_suffix('.py')
            if not b.module or not file.is_file(): continue
            found = re.search(r'^__all__ = (\[.*?\])', file.read_text(encoding='utf-8'), re.S | re.M)
            out += [f'{b.file.name}: {n} is public and on no page' for n in (ast.literal_eval(found[1]) if found else []) if n not in self.names]
        return out

    def finish(self, text):
        "What was kept aside goes in; formulas become MathML"
        from latex2mathml.converter import convert
        text = re.sub(r'<p>kept-(\d+)-kept</p>', lambda m: self.kept[int(m[1])], text)
        formula = lambda kind: lambda m: convert(html.unescape(m[1]).strip(), display=kind)
        text = re.sub(r'<span class="arithmatex">\\\((.*?)\\\)</span>', formula('inline'), text, flags=re.S)
        return re.sub(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', formula('block'), text, flags=re.S)


# ---- mkdocs ---------------------------------------------------------------------------------------------------------------------

def build(work, url='', repo=''):
    "The site in `work/site`; (what mkdocs and we complain of, number of pages)"
    os.environ.setdefault('NO_MKDOCS_2_WARNING', '1') # an announcement, not a warning about this site
    from mkdocs.commands.build import build as mkdocs_build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, MkDocsException
    from mkdocs.plugins import BasePlugin
    said = []
    class Listen(logging.Handler):
        def emit(self, record): said.append(record.getMessage())
    docs, out, here = work/'docs', work/'site', root/'.ci'/'site'
    docs.mkdir(parents=True)
    for f in ('site.css', 'logo.svg'): shutil.copyfile(here/f, docs/f)
    site = Site(docs); nav = site.lists()
    class Finish(BasePlugin):
        def on_page_content(self, text, **kwargs): return site.finish(text)
    listen = Listen(logging.WARNING); logging.getLogger('mkdocs').addHandler(listen)
    try:
        cfg = load_config(str(here/'mkdocs.yml'), docs_dir=str(docs), site_dir=str(out), nav=nav, strict=True, site_url=url or None)
        if repo: cfg.extra['social'] = [dict(icon='fontawesome/brands/git-alt', link=repo, name='Repository')] # in the footer: mkdocs-material's own link in the header asks the server for numbers
        cfg.plugins['finish'] = Finish()
        cfg.plugins.on_startup(command='build', dirty=False)
        try: mkdocs_build(cfg)
        finally: cfg.plugins.on_shutdown()
    except (Abort, MkDocsException) as e: said.append(f'mkdocs: {e}')
    finally: logging.getLogger('mkdocs').removeHandler(listen)
    for f in ('sitemap.xml', 'sitemap.xml.gz'): # of use only where the address is known
        if not url and (out/f).exists(): (out/f).unlink()
    (out/'.nojekyll').touch()
    return said + site.undocumented()


# ---- The check of what was built ------------------------------------------------------------------------------------------------

class Seen(HTMLParser):
    "What one page of HTML holds: anchors, links, text, titles, tables"
    def __init__(self, file):
        super().__init__()
        self.ids, self.links, self.text, self.code, self.h1, self.open, self.empty, self.rows, self.noalt = [], [], [], [], 0, [], 0, None, 0
        self.feed(file.read_text(encoding='utf-8')); self.close()
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids += [a[k] for k in ('id', 'name') if a.get(k) and (k == 'id' or tag == 'a')]
        for k in ('href', 'src'):
            if a.get(k) is not None: self.links.append((tag, k, a[k], a.get('rel') or ''))
        self.links += [(tag, 'src', p.split()[0], '') for p in (a.get('srcset') or '').split(',') if p.strip()]
        if tag == 'img' and not a.get('alt'): self.noalt += 1
        if tag == 'h1': self.h1 += 1
        if tag == 'table' and 'params' in (a.get('class') or ''): self.rows = 0
        if tag == 'td' and self.rows is not None: self.rows += 1
        if tag in ('pre', 'script', 'style', 'code'): self.open.append(tag)
        if tag == 'pre': self.code.append('\n')
    def handle_endtag(self, tag):
        if tag == 'table' and self.rows is not None: self.empty += self.rows == 0; self.rows = None
        if self.open and tag == self.open[-1]: self.open.pop()
    def handle_data(self, data):
        if not {'script', 'style'} & set(self.open): (self.code if 'pre' in self.open else self.text if not self.open else []).append(data)


def check(folder, base='/'):
    "(faults of a built site, {outside link: page that has it}, pages, links inside that hold)"
    pages = {f: Seen(f) for f in sorted(folder.rglob('*.html'))}
    faults, outside, inside = [], {}, 0
    for f, s in pages.items():
        name = f.relative_to(folder).as_posix(); bad = lambda text: faults.append(f'{name}: {text}')
        for tag, kind, link, rel in s.links:
            u = urlsplit(link)
            if u.scheme or u.netloc:
                if u.scheme in ('data', 'mailto') or rel == 'canonical': continue
                if u.scheme not in ('http', 'https') or not re.fullmatch(r'[\w-]+(\.[\w-]+)+(:\d+)?', u.netloc) or re.search(r'[\s<>"{}|\\^`]', link): bad(f'no address: {link}')
                elif kind == 'src' or (tag == 'link' and rel not in ('canonical', 'prev', 'next')): bad(f'is fetched from elsewhere: {link}')
                else: outside.setdefault(link.split('#')[0], name)
                continue
            path = unquote(u.path)
            if path.startswith('/') and name != '404.html': bad(f'absolute link: {link}'); continue
            to = f if not path else folder/path.removeprefix(base).lstrip('/') if path.startswith('/') else Path(os.path.normpath(f.parent/path))
            if to.is_dir(): to = to/'index.html'
            if not to.is_file() or folder not in to.resolve().parents: bad(f'{"picture" if tag == "img" else "link"} to nothing: {link}')
            elif u.fragment and to in pages and unquote(u.fragment) not in pages[to].ids and not u.fragment.startswith('__'): bad(f'anchor that is not there: {link}')
            else: inside += 1
        text, code = '\n'.join(s.text), ''.join(s.code)
        if name != '404.html' and s.h1 != 1: bad(f'{s.h1} titles')
        for i, n in Counter(s.ids).items():
            if n > 1: bad(f'anchor {i} {n} times')
        if s.empty: bad('a table of parameters without a row')
        if s.noalt: bad(f'{s.noalt} pictures without words for those who do not see them')
        if m := re.search(r'^\s*#\|.*', code, re.M): bad(f'flag of a cell: {m[0].strip()}')
        if '\x1b' in text + code: bad('codes of a terminal')
        if m := re.search(r'kept-\d+-kept|\$[^$\n]*[\\_^=][^$\n]*\$|\{:? ?[#.][^}]*\}|\$\$.*|\\[(\[].*|^\s*---\s*$|^\s*\|.*\|\s*$|!?\[[^\]]*\]\(.*\)', text, re.M): bad(f'Markdown that was left as it is: {m[0].strip()[:80]}')
    return faults, outside, len(pages), inside


def ask(links):
    "Outside links that their servers do not have"
    from concurrent.futures import ThreadPoolExecutor
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen
    def one(link):
        try:
            with urlopen(Request(link, headers={'User-Agent': 'Mozilla/5.0 (link check)'}), timeout=30) as r: return link, r.status, ''
        except HTTPError as e: return link, e.code, ''
        except Exception as e: return link, 0, f'{type(e).__name__}: {e}'
    faults = []
    with ThreadPoolExecutor(8) as pool:
        for link, status, why in pool.map(one, links):
            print(f'{status or "---"}  {link}  {why}')
            if status in (0, 404, 410): faults.append(f'{links[link]}: {link} ({status or why})') # others refuse machines, or are busy
    return faults


def selftest():
    "The checks find what is broken, each alone, and nothing in what is not"
    good = '<h1 id="a">A</h1><a href="#a">up</a><a href="b.html#b">b</a><img src="p.png" alt="p"><a href="https://example.org/x">out</a><pre>x = 1 # | y</pre><table class="params"><tbody><tr><td>x</td></tr></tbody></table>'
    broken = {'link to nothing': '<a href="c.html">', 'link to nothing: ../x': '<a href="../x.html">', 'anchor that is not there': '<a href="b.html#c">', 'anchor that is not there: #z': '<a href="#z">', 'picture to nothing': '<img src="q.png" alt="q">',
              'absolute link': '<a href="/b.html">', 'no address': '<a href="https://exa mple/x">', 'fetched from elsewhere': '<script src="https://example.org/x.js"></script>', 'anchor a 2 times': '<p id="a">',
              '2 titles': '<h1>again</h1>', 'without a row': '<table class="params"><tbody></tbody></table>', 'flag of a cell': '<pre>#| export\nx = 1</pre>', 'codes of a terminal': '<pre>\x1b[31mred</pre>',
              'without words': '<img src="p.png">', 'left as it is: $$': '<p>$$x$$</p>', 'left as it is: ---': '<p>\n---\n</p>', 'left as it is: kept': '<p>kept-3-kept</p>', 'left as it is: $a': '<p>of $a_1 = $ b</p>', 'left as it is: {': '<h2>x { #x .api }</h2>', 'left as it is: [': '<p>[x](y.md)</p>'}
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve(); (tmp/'p.png').touch(); (tmp/'b.html').write_text('<h1 id="b">B</h1>')
        for what, more in {'': '', **broken}.items():
            (tmp/'a.html').write_text(good + more, encoding='utf-8')
            faults, outside, pages, inside = check(tmp)
            assert len(faults) == bool(what) and (not what or what in faults[0]), f'{what or "a page without faults"}: {faults}'
            assert list(outside) == ['https://example.org/x'] and pages == 2 and inside >= 3
    source = 'def f(\n    a:int, # First\n    b=2, c=(1, 2))->str: # Both\n    "Doc"\n@delegates(f)\ndef g(\n    x, # An x\n    **kwargs)->int: # What comes back\n    "Doc"\ndef _h(): pass\nA, B = 1, 2\n@patch\ndef m(self:C, k=1): pass\n'
    es = {e.name: e for e in entries(source)}
    assert list(es) == ['f', 'g', 'A', 'B', 'C.m'] and [ast.unparse(es[n].node.value) for n in 'AB'] == ['1', '2']
    assert rows_of(es['f'].node, source)[1] == [(('a',), 'int', '', 'First'), (('b', 'c'), '', '', 'Both'), (('returns',), 'str', '', '')]
    assert rows_of(es['g'].node, source)[1] == [(('x',), '', '', 'An x'), (('returns',), 'int', '', 'What comes back')]
    assert signature('f', parameters(es['f'].node, False), 'str') == 'f(a: int, b=2, c=(1, 2)) -> str' and signature('C.m', parameters(es['C.m'].node, True)) == 'C.m(k=1)'
    print(f'{len(broken)} kinds of faults are found, each alone'); return 0


def requirements():
    ini = ConfigParser(delimiters=['=']); ini.read(root/'settings.ini', encoding='utf-8')
    return [l.strip() for l in ini['DEFAULT']['docs_requirements'].splitlines() if l.strip()]


def refuse(out):
    "A site goes where an earlier one is, or nothing"
    if out.resolve() == root or out.resolve() in root.parents or out.exists() and (not out.is_dir() or any(out.iterdir()) and not (out/'search'/'search_index.json').is_file()):
        raise SystemExit(f'{out} holds something that is no site: choose another folder with -o')


def main():
    ap = argparse.ArgumentParser(description='The documentation site, from the notebooks.')
    ap.add_argument('-o', '--out', type=Path, help='folder of the site'); ap.add_argument('--url', default='', help='its address, where it is known'); ap.add_argument('--repo', default='', help="the repository's address, where it is known")
    for name, text in dict(serve='show it at http://localhost:8000', external='ask the servers of outside links', selftest='show that the checks can fail', requirements='print what it needs').items(): ap.add_argument(f'--{name}', action='store_true', help=text)
    a = ap.parse_args()
    if a.selftest: return selftest()
    if a.requirements: print('\n'.join(requirements())); return 0
    if not a.out: ap.error('-o FOLDER says where to put the site')
    refuse(a.out)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve()
        faults = build(tmp, a.url, a.repo)
        more, outside, pages, inside = check(tmp/'site', urlsplit(a.url).path or '/')
        if a.out.exists(): shutil.rmtree(a.out)
        shutil.copytree(tmp/'site', a.out)
    faults += more + (ask(outside) if a.external else [])
    for f in faults: print(f, file=sys.stderr)
    print(f'{a.out}: {pages} pages, {inside} links, anchors and pictures that hold, {len(outside)} outside links{"" if a.external else " (not asked)"}, {len(faults)} faults')
    if a.serve:
        from functools import partial
        from http.server import HTTPServer, SimpleHTTPRequestHandler
        print('http://localhost:8000, until Ctrl-C')
        try: HTTPServer(('localhost', 8000), partial(SimpleHTTPRequestHandler, directory=str(a.out))).serve_forever()
        except KeyboardInterrupt: pass
    return 1 if faults else 0


if __name__ == '__main__': sys.exit(main())
