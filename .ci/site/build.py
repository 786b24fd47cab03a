"""From notebooks to HTML: the pages of Markdown are written, mkdocs-material makes the rest."""
import logging
import os
import shutil

from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, MkDocsException
from mkdocs.plugins import BasePlugin

import overviews
from api import Api
from aside import Aside
from house import here, root
from library import Library
from pages import Page
from prose import Place, Prose

theme_files = ('site.css', 'logo.svg')


class Site:
    "What pages are made of: the library, its prose, what is said of names, what is kept aside; they go to the folder `docs`"
    def __init__(self, docs):
        self.docs = docs
        self.library = Library()
        self.aside = Aside()
        self.prose = Prose(self.library, docs)
        self.api = Api(self.library, self.prose, self.aside)

    def write(self):
        "All pages of Markdown"
        self.page('tutorials/index.md', overviews.tutorials(self))
        self.page('reference/index.md', overviews.reference(self))
        self.page('api.md', overviews.names(self))
        for name in self.library.papers: self.paper(name)
        for book in self.library.books: self.page(book.page, Page(book, self).markdown())

    def page(self, page, text):
        file = self.docs/page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding='utf-8')

    def paper(self, name):
        "A file of Markdown beside the notebooks"
        page = self.library.pages[name]
        text = (root/name).read_text(encoding='utf-8')
        self.page(page, self.prose.markdown(text, Place(page, '')))


class Finish(BasePlugin):
    "What was kept aside goes back into the HTML of each page"
    def __init__(self, aside):
        self.aside = aside

    def on_page_content(self, text, **kwargs):
        return self.aside.finish(text)


class Listen(logging.Handler):
    "Keeps what mkdocs warns of"
    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def build(work, url='', repo=''):
    "The site in `work/site`; what mkdocs and the library complain of"
    docs, out = work/'docs', work/'site'
    docs.mkdir(parents=True)
    for name in theme_files: shutil.copyfile(here/'theme'/name, docs/name)
    site = Site(docs)
    site.write()
    said = made_by_mkdocs(site, out, url, repo)
    if not url: without_sitemap(out)
    (out/'.nojekyll').touch()
    return said + site.library.faults()


def made_by_mkdocs(site, out, url, repo):
    "HTML of all pages in the folder `out`; what mkdocs complains of"
    os.environ.setdefault('NO_MKDOCS_2_WARNING', '1') # an announcement, not a warning about this site
    listen = Listen()
    logger = logging.getLogger('mkdocs')
    logger.addHandler(listen)
    try: run_mkdocs(configured(site, out, url, repo))
    except (Abort, MkDocsException) as e: listen.said.append(f'mkdocs: {e}')
    finally: logger.removeHandler(listen)
    return listen.said


def configured(site, out, url, repo):
    "`mkdocs.yml` with this site's folders, navigation and addresses"
    config = load_config(str(here/'mkdocs.yml'), docs_dir=str(site.docs), site_dir=str(out), site_url=url or None,
                         strict=True, nav=overviews.navigation(site.library))
    if repo: # in the footer: mkdocs-material's own link in the header asks the server for numbers
        config.extra['social'] = [dict(icon='fontawesome/brands/git-alt', link=repo, name='Repository')]
    config.plugins['finish'] = Finish(site.aside)
    return config


def run_mkdocs(config):
    config.plugins.on_startup(command='build', dirty=False)
    try: mkdocs_build(config)
    finally: config.plugins.on_shutdown()


def without_sitemap(out):
    "It is of use only where the address is known"
    for name in ('sitemap.xml', 'sitemap.xml.gz'): (out/name).unlink(missing_ok=True)
