"""HTML that Markdown would spoil: kept aside while a page is Markdown, put back when it is HTML; formulas as MathML."""
import html
import re

from jinja2 import Environment, FileSystemLoader, select_autoescape
from latex2mathml.converter import convert

from house import here

environment = Environment(loader=FileSystemLoader(here/'templates'), trim_blocks=True, lstrip_blocks=True,
                          autoescape=select_autoescape(enabled_extensions=['html.j2']))


def rendered(template, **values):
    "A template of Markdown"
    return environment.get_template(f'{template}.md.j2').render(**values)


def rendered_html(template, **values):
    "A template of HTML, on one line: white space between cells would show on narrow screens"
    text = environment.get_template(f'{template}.html.j2').render(**values)
    return ''.join(line.strip() for line in text.splitlines())


class Aside:
    "What is kept aside, numbered"
    def __init__(self):
        self.kept = []

    def keep(self, text):
        "A paragraph of Markdown that becomes `text` when the page is HTML"
        self.kept.append(text)
        return f'\n\nkept-{len(self.kept)-1}-kept\n\n'

    def finish(self, page):
        "The HTML of a page, whole"
        page = re.sub(r'<p>kept-(\d+)-kept</p>', lambda m: self.kept[int(m[1])], page)
        return with_formulas(page)


def with_formulas(page):
    "TeX that `arithmatex` has marked, as MathML"
    page = re.sub(r'<span class="arithmatex">\\\((.*?)\\\)</span>', mathml('inline'), page, flags=re.S)
    return re.sub(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', mathml('block'), page, flags=re.S)


def mathml(display):
    "What replaces a match by its formula"
    return lambda m: convert(html.unescape(m[1]).strip(), display=display)
