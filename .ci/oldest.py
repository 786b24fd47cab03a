#!/usr/bin/env python3
"""The oldest versions allowed are the oldest versions tested: settings.ini against .github/constraints-oldest.txt.

usage: oldest.py              exit status 1 where a lower bound has no equal pin, or a pin no equal bound
       oldest.py --selftest   shows that the check can fail
"""
import re
import sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def normal(name):
    "`a_b`, `A.b` and `a-b` are one project"
    return re.sub(r'[-_.]+', '-', name).lower()


def release(version):
    "2 and 2.0.0 are one version"
    return re.sub(r'(\.0)+$', '', version)


def bounds(settings):
    "{name: lower bounds} of all requirements in the text of settings.ini; None for a requirement without one"
    out = {}
    for line in requirements(settings):
        name = normal(re.match(r'[\w.-]+', line)[0])
        lowest = re.search(r'>=\s*([^,;\s]+)', line)
        out.setdefault(name, set()).add(lowest[1] if lowest else None)
    return out


def requirements(settings):
    "The lines of `requirements` and of every `..._requirements`"
    ini = ConfigParser(delimiters=['='])
    ini.read_string(settings)
    keys = [k for k in ini['DEFAULT'] if k == 'requirements' or k.endswith('_requirements')]
    lines = [line.strip() for key in keys for line in ini['DEFAULT'][key].splitlines()]
    return list(filter(None, lines))


def pins(constraints):
    "{name: version}, and the lines that are no pins"
    pinned, odd = {}, []
    for line in constraints.splitlines():
        line = line.split('#')[0].strip()
        pin = re.fullmatch(r'([\w.-]+)==([\w.!+]+)', line)
        if pin and normal(pin[1]) not in pinned: pinned[normal(pin[1])] = pin[2]
        elif line: odd.append(line)
    return pinned, odd


def faults(settings, constraints):
    "What the two files do not agree on, in words"
    lowest = bounds(settings)
    pinned, odd = pins(constraints)
    out = [f'constraints-oldest.txt: {line!r} is no NAME==VERSION of its own' for line in odd]
    out += filter(None, [fault_of(name, versions, pinned.get(name)) for name, versions in lowest.items()])
    unknown = {name: version for name, version in pinned.items() if name not in lowest}
    out += [f'constraints-oldest.txt: {name}=={v} is no requirement of settings.ini' for name, v in unknown.items()]
    return out


def fault_of(name, versions, pin):
    "What is wrong with the lower bounds of one project and its pin, in words; None if nothing is"
    if None in versions: return f'settings.ini: {name} has no lower bound'
    if len(set(map(release, versions))) > 1: return f'settings.ini: {name} has several lower bounds: {sorted(versions)}'
    bound = min(versions)
    if pin is None: return f'{name}>={bound} has no pin in constraints-oldest.txt'
    if release(pin) == release(bound): return None
    return f'{name}>={bound} in settings.ini, {name}=={pin} in constraints-oldest.txt'


# ---- The check can fail --------------------

settings_without_faults = '''[DEFAULT]
name = x
requirements =
    a_b>=1.2,<2
    c>=3
dev_requirements =
    c>=3.0
    D>=2025.1.10
'''
constraints_without_faults = '''a-b==1.2.0 # tested
c==3

d==2025.1.10
'''


def broken():
    "{words of the fault: the two files with it}"
    ini, ok = settings_without_faults, constraints_without_faults
    return {
        'a-b>=1.2 in settings.ini, a-b==1.3': (ini, ok.replace('1.2.0', '1.3')),
        'c>=3 has no pin': (ini, ok.replace('c==3\n', '')),
        'e==1 is no requirement': (ini, ok + 'e==1\n'),
        "'c>=3' is no NAME": (ini, ok + 'c>=3\n'),
        "'c==4' is no NAME": (ini, ok + 'c==4\n'),
        'c has several': (ini.replace('c>=3.0', 'c>=3.1'), ok),
        'a-b has no lower': (ini.replace('a_b>=1.2,<2', 'a_b<2'), ok),
        'd>=2026 in': (ini.replace('2025.1.10', '2026'), ok),
        'c>=30 in': (ini.replace('c>=3\n', 'c>=30\n').replace('c>=3.0', 'c>=30'), ok),
    }


def selftest():
    "Each fault is found, alone; and none where there is none"
    found = faults(settings_without_faults, constraints_without_faults)
    assert found == [], found
    for what, texts in broken().items():
        found = faults(*texts)
        assert len(found) == 1 and what in found[0], (what, found)
    print(f'{len(broken())} kinds of faults are found, each alone')
    return 0


# ---- The command --------------------

def check():
    "The two files of the repository; the exit status"
    settings = (root/'settings.ini').read_text(encoding='utf-8')
    constraints = (root/'.github'/'constraints-oldest.txt').read_text(encoding='utf-8')
    found = faults(settings, constraints)
    print('\n'.join(found) or f'{len(bounds(settings))} lower bounds, and as many pins')
    return bool(found)


def main():
    if sys.argv[1:] == ['--selftest']: return selftest()
    if not sys.argv[1:]: return check()
    print(__doc__)
    return 2


if __name__ == '__main__': sys.exit(main())
