#!/usr/bin/env python3
"""The oldest versions allowed are the oldest versions tested: settings.ini against .github/constraints-oldest.txt.

usage: oldest.py              exit status 1 where a lower bound has no equal pin, or a pin no equal bound
       oldest.py --selftest   shows that the check can fail
"""
import re, sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def normal(name): return re.sub(r'[-_.]+', '-', name).lower()
def release(v): return re.sub(r'(\.0)+$', '', v) # 2 and 2.0.0 are one version


def bounds(settings):
    "{name: lower bounds} of all requirements in the text of settings.ini; None for a requirement without one"
    ini = ConfigParser(delimiters=['=']); ini.read_string(settings); out = {}
    for key in ini['DEFAULT']:
        if key != 'requirements' and not key.endswith('_requirements'): continue
        for line in filter(None, map(str.strip, ini['DEFAULT'][key].splitlines())):
            low = re.search(r'>=\s*([^,;\s]+)', line)
            out.setdefault(normal(re.match(r'[\w.-]+', line)[0]), set()).add(low and low[1])
    return out


def pins(constraints):
    "{name: version}, and the lines that are no pins"
    out, odd = {}, []
    for line in (l.split('#')[0].strip() for l in constraints.splitlines()):
        m = re.fullmatch(r'([\w.-]+)==([\w.!+]+)', line)
        if m and normal(m[1]) not in out: out[normal(m[1])] = m[2]
        elif line: odd.append(line)
    return out, odd


def faults(settings, constraints):
    "What the two files do not agree on, in words"
    low, (old, odd) = bounds(settings), pins(constraints)
    out = [f'constraints-oldest.txt: {l!r} is no NAME==VERSION of its own' for l in odd]
    for n, vs in low.items():
        if None in vs: out.append(f'settings.ini: {n} has no lower bound'); continue
        if len(set(map(release, vs))) > 1: out.append(f'settings.ini: {n} has several lower bounds: {sorted(vs)}')
        elif n not in old: out.append(f'{n}>={min(vs)} has no pin in constraints-oldest.txt')
        elif release(old[n]) != release(min(vs)): out.append(f'{n}>={min(vs)} in settings.ini, {n}=={old[n]} in constraints-oldest.txt')
    return out + [f'constraints-oldest.txt: {n}=={v} is no requirement of settings.ini' for n, v in old.items() if n not in low]


def selftest():
    "Each fault is found, alone; and none where there is none"
    ini = '[DEFAULT]\nname = x\nrequirements =\n    a_b>=1.2,<2\n    c>=3\ndev_requirements =\n    c>=3.0\n    D>=2025.1.10\n'; ok = 'a-b==1.2.0 # tested\nc==3\n\nd==2025.1.10\n'
    assert faults(ini, ok) == [], faults(ini, ok)
    broken = {'a-b>=1.2 in settings.ini, a-b==1.3': (ini, ok.replace('1.2.0', '1.3')), 'c>=3 has no pin': (ini, ok.replace('c==3\n', '')), 'e==1 is no requirement': (ini, ok + 'e==1\n'), "'c>=3' is no NAME": (ini, ok + 'c>=3\n'),
              "'c==4' is no NAME": (ini, ok + 'c==4\n'), 'c has several': (ini.replace('c>=3.0', 'c>=3.1'), ok), 'a-b has no lower': (ini.replace('a_b>=1.2,<2', 'a_b<2'), ok), 'd>=2026 in': (ini.replace('2025.1.10', '2026'), ok), 'c>=30 in': (ini.replace('c>=3\n', 'c>=30\n').replace('c>=3.0', 'c>=30'), ok)}
    for what, texts in broken.items():
        found = faults(*texts); assert len(found) == 1 and what in found[0], (what, found)
    print(f'{len(broken)} kinds of faults are found, each alone'); return 0


def main():
    if sys.argv[1:] == ['--selftest']: return selftest()
    if sys.argv[1:]: print(__doc__); return 2
    settings, constraints = ((root/f).read_text(encoding='utf-8') for f in ('settings.ini', '.github/constraints-oldest.txt'))
    found = faults(settings, constraints)
    print('\n'.join(found) or f'{len(bounds(settings))} lower bounds, and as many pins'); return bool(found)


if __name__ == '__main__': sys.exit(main())
