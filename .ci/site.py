#!/usr/bin/env python3
"""The documentation site, from the notebooks: nothing is executed, nothing of it lands in the tree.

usage: python .ci/site.py -o _site            builds, then checks every link, anchor and picture of what was built
       python .ci/site.py -o _site --serve    and shows it at http://localhost:8000
       python .ci/site.py -o _site --url https://example.org/matssl/ --repo https://example.org/git/matssl
       python .ci/site.py -o _site --external asks the servers of all outside links too (needs a network)
       python .ci/site.py --selftest          shows that the checks can fail
       python .ci/site.py --requirements      prints what it needs: `docs_requirements` of settings.ini

Each notebook becomes a page of Markdown with its stored outputs beside it; mkdocs-material makes the rest. Cells flagged
`hide` are left out, exported ones folded below the signatures, parameters and docstrings of the public names that they
define. Signatures are read from the source, not from an import, so that the site needs neither torch nor the package.
The exit status is 1 if anything is wrong.

The rooms are in .ci/site/, here in the order in which they build on each other:
    house       where things are; titles of the wings, and what lives there
    source      what Python says of its public names
    book        a notebook
    library     all notebooks: which page each becomes, where each name is explained
    prose       Markdown of the repository as Markdown of the site
    aside       HTML that Markdown would spoil; templates
    api         what a page says of a public name
    outputs     what cells have printed and drawn
    pages       the page of a notebook
    overviews   the pages that list, and the navigation
    build       all pages, and mkdocs
    links       the check of what was built
    selftest    shows that it can fail
The look is in theme/, templates/ and mkdocs.yml.
"""
import argparse
import shutil
import sys
import tempfile
from configparser import ConfigParser
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

here = Path(__file__).resolve().parent
root = here.parent
sys.path.insert(0, str(here/'site')) # the rooms import each other by name: a package `site` would be Python's own


def options():
    "What the command line takes"
    parser = argparse.ArgumentParser(description='The documentation site, from the notebooks.')
    parser.add_argument('-o', '--out', type=Path, help='folder of the site')
    parser.add_argument('--url', default='', help='its address, where it is known')
    parser.add_argument('--repo', default='', help="the repository's address, where it is known")
    parser.add_argument('--serve', action='store_true', help='show it at http://localhost:8000')
    parser.add_argument('--external', action='store_true', help='ask the servers of outside links')
    parser.add_argument('--selftest', action='store_true', help='show that the checks can fail')
    parser.add_argument('--requirements', action='store_true', help='print what it needs')
    return parser


def requirements():
    "Of the site alone; read without any of them"
    settings = ConfigParser(delimiters=['='])
    settings.read(root/'settings.ini', encoding='utf-8')
    lines = settings['DEFAULT']['docs_requirements'].splitlines()
    return [line.strip() for line in lines if line.strip()]


def refuse_what_is_no_site(out):
    "A site goes where an earlier one is, or nothing"
    around_the_repository = out.resolve() == root or out.resolve() in root.parents
    if around_the_repository or out.exists() and not is_site(out):
        raise SystemExit(f'{out} holds something that is no site: choose another folder with -o')


def is_site(folder):
    "Made by an earlier run, or empty"
    if not folder.is_dir(): return False
    return not any(folder.iterdir()) or (folder/'search'/'search_index.json').is_file()


def make(out, url, repo, external):
    "Build, check, put in place; whether all is well"
    from build import build
    from links import Built, ask
    with tempfile.TemporaryDirectory() as tmp:
        work = Path(tmp).resolve()
        faults = build(work, url, repo)
        built = Built(work/'site', urlsplit(url).path or '/')
        if out.exists(): shutil.rmtree(out)
        shutil.copytree(work/'site', out)
    faults += built.faults
    if external: faults += ask(built.outside)
    for fault in faults: print(fault, file=sys.stderr)
    asked = '' if external else ' (not asked)'
    print(f'{out}: {len(built.pages)} pages, {built.inside} links, anchors and pictures that hold, '
          f'{len(built.outside)} outside links{asked}, {len(faults)} faults')
    return not faults


def serve(folder):
    "Until Ctrl-C"
    print('http://localhost:8000, until Ctrl-C')
    server = HTTPServer(('localhost', 8000), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    try: server.serve_forever()
    except KeyboardInterrupt: pass


def main():
    parser = options()
    given = parser.parse_args()
    if given.requirements:
        print('\n'.join(requirements()))
        return 0
    if given.selftest:
        from selftest import selftest
        return selftest()
    if not given.out: parser.error('-o FOLDER says where to put the site')
    refuse_what_is_no_site(given.out)
    well = make(given.out, given.url, given.repo, given.external)
    if given.serve: serve(given.out)
    return 0 if well else 1


if __name__ == '__main__': sys.exit(main())
