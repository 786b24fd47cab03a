"""The check of what was built: every link, anchor and picture holds, nothing comes from elsewhere, nothing is left unmade."""
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

not_found = '404.html' # a server shows it at any address: its links are absolute
relations = ('canonical', 'prev', 'next') # of <link>: addresses that no browser fetches
gone = (0, 404, 410) # answers of a server that count; others refuse machines, or are busy

name_of_a_server = r'[\w-]+(\.[\w-]+)+(:\d+)?'
not_in_an_address = r'[\s<>"{}|\\^`]'

flag_of_a_cell = r'^\s*#\|.*'

# What Markdown, and this site, should have made something of
left_over = re.compile('|'.join([
    r'kept-\d+-kept', # HTML that was kept aside
    r'\$[^$\n]*[\\_^=][^$\n]*\$', # a formula
    r'\{:? ?[#.][^}]*\}', # attributes
    r'\$\$.*',
    r'\\[(\[].*', # a formula, marked and not made
    r'^\s*---\s*$', # a rule, a title
    r'^\s*\|.*\|\s*$', # a table
    r'!?\[[^\]]*\]\(.*\)', # a link, a picture
]), re.M)


class Seen(HTMLParser):
    "What one page of HTML holds: anchors, links, text, code, titles, tables"
    def __init__(self, file):
        super().__init__()
        self.ids = []
        self.links = [] # (tag, attribute, address, relation)
        self.texts = []
        self.codes = []
        self.titles = 0
        self.wordless = 0 # pictures without words
        self.empty = 0 # tables of parameters without a row
        self.rows = None # cells so far in the table of parameters that is open
        self.open = [] # elements whose text is not prose
        self.feed(file.read_text(encoding='utf-8'))
        self.close()

    @property
    def text(self): return '\n'.join(self.texts)

    @property
    def code(self): return ''.join(self.codes)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.see_anchors(tag, attributes)
        self.see_links(tag, attributes)
        self.titles += tag == 'h1'
        self.wordless += tag == 'img' and not attributes.get('alt')
        if tag == 'table' and 'params' in (attributes.get('class') or ''): self.rows = 0
        if tag == 'td' and self.rows is not None: self.rows += 1
        if tag in ('pre', 'script', 'style', 'code'): self.open.append(tag)
        if tag == 'pre': self.codes.append('\n')

    def see_anchors(self, tag, attributes):
        if attributes.get('id'): self.ids.append(attributes['id'])
        if attributes.get('name') and tag == 'a': self.ids.append(attributes['name'])

    def see_links(self, tag, attributes):
        for kind in ('href', 'src'):
            if attributes.get(kind) is not None:
                self.links.append((tag, kind, attributes[kind], attributes.get('rel') or ''))
        for picture in (attributes.get('srcset') or '').split(','):
            if picture.strip(): self.links.append((tag, 'src', picture.split()[0], ''))

    def handle_endtag(self, tag):
        if tag == 'table' and self.rows is not None:
            self.empty += self.rows == 0
            self.rows = None
        if self.open and tag == self.open[-1]: self.open.pop()

    def handle_data(self, data):
        if {'script', 'style'} & set(self.open): return
        if 'pre' in self.open: self.codes.append(data)
        elif not self.open: self.texts.append(data)


class Built:
    "A built site: its pages, its faults in words, the links inside that hold, {outside link: page that has it}"
    def __init__(self, folder, base='/'):
        self.folder = folder
        self.base = base # what comes before the site's own folders in an absolute address
        self.pages = {file: Seen(file) for file in sorted(folder.rglob('*.html'))}
        self.faults = []
        self.inside = 0
        self.outside = {}
        for file, seen in self.pages.items():
            name = file.relative_to(folder).as_posix()
            found = [*self.faults_of_links(file, name, seen), *faults_of_text(name, seen)]
            self.faults += [f'{name}: {fault}' for fault in found]

    def faults_of_links(self, file, name, seen):
        "What is wrong with the links of one page"
        for tag, kind, link, relation in seen.links:
            address = urlsplit(link)
            if address.scheme or address.netloc: fault = self.fault_outside(tag, kind, link, relation, name)
            elif address.path.startswith('/') and name != not_found: fault = f'absolute link: {link}'
            else: fault = self.fault_inside(file, tag, link)
            if fault: yield fault

    def fault_outside(self, tag, kind, link, relation, name):
        "What is wrong with a link to elsewhere, without asking there; it is kept if nothing is"
        address = urlsplit(link)
        if address.scheme in ('data', 'mailto') or relation == 'canonical': return None
        if not is_address(link): return f'no address: {link}'
        fetched = kind == 'src' or tag == 'link' and relation not in relations
        if fetched: return f'is fetched from elsewhere: {link}'
        self.outside.setdefault(link.split('#')[0], name)
        return None

    def fault_inside(self, file, tag, link):
        "What is wrong with a link to a file of the site; it is counted if nothing is"
        to = self.file_of(file, unquote(urlsplit(link).path))
        heading = unquote(urlsplit(link).fragment)
        if not to.is_file() or self.folder not in to.resolve().parents:
            return f'{"picture" if tag == "img" else "link"} to nothing: {link}'
        of_the_theme = heading.startswith('__')
        if heading and not of_the_theme and to in self.pages and heading not in self.pages[to].ids:
            return f'anchor that is not there: {link}'
        self.inside += 1
        return None

    def file_of(self, file, path):
        "The file that a link's path names, seen from a page"
        if not path: return file
        absolute = path.startswith('/')
        to = self.folder/path.removeprefix(self.base).lstrip('/') if absolute else Path(os.path.normpath(file.parent/path))
        return to/'index.html' if to.is_dir() else to


def is_address(link):
    "Could be one of the web"
    address = urlsplit(link)
    named = address.scheme in ('http', 'https') and re.fullmatch(name_of_a_server, address.netloc)
    return bool(named) and not re.search(not_in_an_address, link)


def faults_of_text(name, seen):
    "What is wrong with one page, but for its links"
    if name != not_found and seen.titles != 1: yield f'{seen.titles} titles'
    for anchor, times in Counter(seen.ids).items():
        if times > 1: yield f'anchor {anchor} {times} times'
    if seen.empty: yield 'a table of parameters without a row'
    if seen.wordless: yield f'{seen.wordless} pictures without words for those who do not see them'
    flag = re.search(flag_of_a_cell, seen.code, re.M)
    if flag: yield f'flag of a cell: {flag[0].strip()}'
    if '\x1b' in seen.text + seen.code: yield 'codes of a terminal'
    left = left_over.search(seen.text)
    if left: yield f'Markdown that was left as it is: {left[0].strip()[:80]}'


# ---- Outside --------------------

def ask(outside):
    "Outside links that their servers do not have; every answer is printed"
    faults = []
    with ThreadPoolExecutor(8) as pool:
        for link, status, why in pool.map(answer, outside):
            print(f'{status or "---"}  {link}  {why}')
            if status in gone: faults.append(f'{outside[link]}: {link} ({status or why})')
    return faults


def answer(link):
    "(link, status, why there is none)"
    try:
        with urlopen(Request(link, headers={'User-Agent': 'Mozilla/5.0 (link check)'}), timeout=30) as response:
            return link, response.status, ''
    except HTTPError as e: return link, e.code, ''
    except Exception as e: return link, 0, f'{type(e).__name__}: {e}'
