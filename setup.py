"Package metadata, read from settings.ini; the version is read from matssl/__init__.py."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
ini = ConfigParser(delimiters=['='])
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
lines = lambda key: [l.strip() for l in cfg[key].splitlines() if l.strip()]
version = re.search(r"__version__ = ['\"]([^'\"]+)", (here/'matssl/__init__.py').read_text()).group(1)

setup(
    name=cfg['lib_name'], version=version, description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], license=cfg['license'],
    long_description=(here/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    packages=find_packages(include=['matssl', 'matssl.*']), 
    package_data={'matssl.data': ['files.csv'], 'matssl.hands': ['canvas.js', 'app.ipynb', '*.j2'], 'matssl.segmentation': ['*.j2'], 'matssl.measuring': ['*.j2', '*.css']},
    python_requires=f">={cfg['min_python']},<{cfg['max_python']}",
    install_requires=lines('requirements'), extras_require={k: lines(f'{k}_requirements') for k in ('formats', 'lab', 'docs', 'dev')},
    entry_points={'console_scripts': lines('console_scripts'), 'nbdev': ['matssl=matssl._modidx:d']},
    classifiers=['Development Status :: 4 - Beta', 'Intended Audience :: Science/Research',
                 'Programming Language :: Python :: 3.11', 'Programming Language :: Python :: 3.12',
                 'Programming Language :: Python :: 3.13', 'Topic :: Scientific/Engineering :: Image Recognition'])
