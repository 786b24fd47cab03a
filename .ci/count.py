#!/usr/bin/env python3
"""Counts after the tests: assertions in the cells that ran, cells skipped by flag, notebooks passed and failed.

usage: count.py LOG STATUS FAILED_CHECKS
An assertion is an `assert` statement or a call of a `test_*` function or of an `assert_*` one, counted once for each place in the source.
"""
import ast, re, sys
from pathlib import Path

from nbdev.config import get_config
from nbdev.test import nb_test_cells
from fastcore.nbio import read_nb


def assertions(source):
    "Places in a cell that assert something"
    try: tree = ast.parse(re.sub(r'^\s*[%!].*$', '', source, flags=re.M))
    except SyntaxError: return 0
    name = lambda n: getattr(n.func, 'id', getattr(n.func, 'attr', ''))
    return sum(isinstance(n, ast.Assert) or (isinstance(n, ast.Call) and re.match(r'(test|assert)_', name(n)) is not None) for n in ast.walk(tree))


def main(log, status, failed_checks):
    flags = get_config().tst_flags.split()
    books = [f for f in sorted(Path('nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in f.parts]
    text = Path(log).read_text(errors='replace')
    bad = {f.name for f in books if re.search(r'^\t' + re.escape(f.name) + r'$', text, re.M)}
    ran = skipped = count = empty = 0
    for f in books:
        run = nb_test_cells(f, flags, []); code = [c for c in read_nb(f).cells if c.cell_type == 'code' and c.source.strip()]
        n = sum(assertions(c.source) for c in run)
        ran += len(run); skipped += len(code)-len([c for c in run if c.source.strip()])
        if f.name not in bad: count += n; empty += n == 0
        if n == 0: print(f'{f.name} asserts nothing')
    if int(status) and not bad: print('the test command failed before the tests'); bad = {f.name for f in books}
    print(f'{count} assertions executed, {skipped} cells skipped by flag ({" ".join(flags)})')
    failed = len(bad) + empty + int(failed_checks)
    print(f'{len(books)-len(bad)-empty} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
