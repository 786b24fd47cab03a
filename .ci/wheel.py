#!/usr/bin/env python3
"""Does the wheel hold what the package needs: every module, template, style, script and table under `matssl/`?

usage: wheel.py     builds the wheel in a temporary folder; exit status 1 and a line for each file that is missing
"""
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
passed_over = ('__pycache__', '.ipynb_checkpoints')


def needed():
    "Files of the package, as paths in the wheel"
    files = [f for f in (root/'matssl').rglob('*') if f.is_file() and not set(passed_over) & set(f.parts)]
    return {f.relative_to(root).as_posix() for f in files}


def held(folder):
    "Files in a wheel that is built into `folder`"
    build = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', str(folder), str(root)]
    subprocess.run(build, check=True)
    wheel, = Path(folder).glob('matssl-*.whl')
    return set(zipfile.ZipFile(wheel).namelist())


def main():
    with tempfile.TemporaryDirectory() as folder: missing = sorted(needed() - held(folder))
    for file in missing: print(f'not in the wheel: {file}')
    print(f'{len(needed())} files of the package, {len(missing)} missing in the wheel')
    return bool(missing)


if __name__ == '__main__': sys.exit(main())
