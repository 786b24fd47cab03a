"""Markdown of the repository as Markdown of the site: links lead to pages, public names to their signatures."""
import html
import os
import re
import shutil
from collections import namedtuple
from urllib.parse import unquote

from markdown.extensions.toc import slugify

from house import root
from library import anchor, beside

# Where a text stands: its page of the site, and the folder of the repository that its links start from
Place = namedtuple('Place', 'page folder')

# Every pattern has one group: what `re.split` leaves at odd places
fenced = r'(^```.*?^```[^\n]*$)'
in_backticks = r'(`+[^`]+`+)'

link_target = r'(\])\(([^)\s]+)\)'
whole_link = r'!?\[([^\]]*)\]\(([^)\s]+)\)'
address = r'[a-z][a-z0-9+.-]*:'
formula_alone = r'^(\$\$.*?\$\$)[ \t]*$'
formula_within = r'(?<![\\$])\$ *([^$\n]*[^$\s]) *\$(?!\$)'
line_before_a_list = r'^((?![ \t]*(?:[-*+]|\d+\.)[ \t])[^\n]*\S[^\n]*)\n(?=(?:[-*]|\d+\.) )'


class Prose:
    "Texts of a library; files that they link to, and that are no pages, are copied to the folder `docs`"
    def __init__(self, library, docs):
        self.library = library
        self.docs = docs

    def markdown(self, text, place, loose=False):
        "Some Markdown; `loose`: of a link to what is not there only the words stay, for texts that were made elsewhere"
        parts = re.split(fenced, text, flags=re.S | re.M)
        parts[::2] = [self.paragraphs(part, place, loose) for part in parts[::2]]
        return ''.join(parts)

    def paragraphs(self, text, place, loose):
        "Markdown without fenced code"
        out = ''
        for i, bit in enumerate(re.split(in_backticks, as_a_notebook_reads_it(text))):
            out += self.code(bit, out, place) if i % 2 else self.words(bit, place, loose)
        return out

    def code(self, bit, before, place):
        "Code between backticks; a public name leads to its signature, but not from a heading or out of another link"
        name = bit.strip('`')
        line = before.rpartition('\n')[2]
        if name not in self.library.linked or before.endswith('[') or line.startswith('#'): return bit
        return f'[{bit}]({beside(self.library.names[name], place.page)}#{anchor(name)})'

    def words(self, text, place, loose):
        "Markdown without any code"
        text = re.sub(formula_within, r'$\1$', text)
        if loose: text = re.sub(whole_link, lambda m: m[1] if self.target(m[2], place, loose) is None else m[0], text)
        return re.sub(link_target, lambda m: self.led(m[1], self.target(m[2], place, loose)), text)

    def led(self, words, target):
        return words if target is None else f'{words}({target})'

    def target(self, link, place, loose=False):
        "Where a link of the repository leads: a page, a file that is copied; None: nowhere, and that is allowed"
        if re.match(address, link, re.I): return link
        path, _, heading = link.partition('#')
        heading = '#' + slugify(unquote(heading), '-') if heading else ''
        if not path: return heading
        where = os.path.normpath(os.path.join(place.folder, unquote(path)))
        to = self.library.pages.get(where) or self.copied(where)
        if to: return beside(to, place.page) + heading
        return None if loose else link

    def copied(self, where):
        "A file of the repository, copied beside the pages; None if there is none"
        if where.startswith('..') or not (root/where).is_file(): return None
        to = f'files/{where}'
        (self.docs/to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root/where, self.docs/to)
        return to

    def html(self, text, page):
        "A comment of the source as HTML: code between backticks, public names linked"
        return re.sub(r'`([^`]+)`', lambda m: self.html_code(m[1], page), html.escape(text, quote=False))

    def html_code(self, name, page):
        code = f'<code>{name}</code>'
        if name not in self.library.linked: return code
        return f'<a href="{beside(as_html(self.library.names[name]), page)}#{anchor(name)}">{code}</a>'


def as_a_notebook_reads_it(text):
    "Formulas and lists that stand alone begin after an empty line, which Markdown wants and notebooks do not"
    text = re.sub(formula_alone, r'\n\1\n', text, flags=re.M | re.S)
    return re.sub(line_before_a_list, r'\1\n\n', text, flags=re.M)


def as_html(page):
    "The file that mkdocs makes of a page"
    return page.removesuffix('.md') + '.html'
