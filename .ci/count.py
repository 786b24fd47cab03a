#!/usr/bin/env python3
"""Counts after the tests: assertions in the cells that ran, cells skipped by flag, notebooks passed and failed.

usage: count.py LOG STATUS FAILED_CHECKS
An assertion is an `assert` statement or a call of a `test_*` function or of an `assert_*` one, counted once for each place
in the source.
"""
import ast
import re
import sys
from collections import namedtuple
from pathlib import Path

from fastcore.nbio import read_nb
from nbdev.config import get_config
from nbdev.test import nb_test_cells

Count = namedtuple('Count', 'file assertions skipped') # of one notebook


def assertions(source):
    "Places in a cell that assert something"
    try: tree = ast.parse(re.sub(r'^\s*[%!].*$', '', source, flags=re.M))
    except SyntaxError: return 0
    return sum(asserts(node) for node in ast.walk(tree))


def asserts(node):
    "An `assert`, or a call of `test_*` or `assert_*`"
    if isinstance(node, ast.Assert): return True
    return isinstance(node, ast.Call) and re.match(r'(test|assert)_', name_of(node.func)) is not None


def name_of(called): return getattr(called, 'id', getattr(called, 'attr', ''))


def count(file, flags):
    "What one notebook asserts, and how many of its cells of code do not run with these flags"
    run = nb_test_cells(file, flags, [])
    skipped = len(with_code(read_nb(file).cells)) - len(with_code(run))
    return Count(file, sum(assertions(cell.source) for cell in run), skipped)


def with_code(cells): return [c for c in cells if c.cell_type == 'code' and c.source.strip()]


def notebooks():
    return [f for f in sorted(Path('nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in f.parts]


def failed_in(log, books):
    "Names of the notebooks that the log of the tests lists as failed"
    text = Path(log).read_text(errors='replace')
    return {f.name for f in books if re.search(r'^\t' + re.escape(f.name) + r'$', text, re.M)}


def main(log, status, failed_checks):
    books = notebooks()
    flags = get_config().tst_flags.split()
    counts = [count(file, flags) for file in books]
    bad = failed_in(log, books)
    passed = [c for c in counts if c.file.name not in bad]
    empty = [c for c in passed if not c.assertions]
    for c in counts:
        if not c.assertions: print(f'{c.file.name} asserts nothing')
    if int(status) and not bad:
        print('the test command failed before the tests')
        bad = {file.name for file in books}
    executed = sum(c.assertions for c in passed)
    skipped = sum(c.skipped for c in counts)
    print(f'{executed} assertions executed, {skipped} cells skipped by flag ({" ".join(flags)})')
    failed = len(bad) + len(empty) + int(failed_checks)
    print(f'{len(books)-len(bad)-len(empty)} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
