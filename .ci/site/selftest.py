"""Shows that the checks can fail: each fault is found alone, none where there is none; that source and prose are read."""
import ast
import tempfile
from pathlib import Path
from types import SimpleNamespace

from links import Built
from prose import Place, Prose
from source import described, entries, parameters, signature

good = '''
<h1 id="a">A</h1>
<a href="#a">up</a>
<a href="b.html#b">b</a>
<img src="p.png" alt="p">
<a href="https://example.org/x">out</a>
<pre>x = 1 # | y</pre>
<table class="params"><tbody><tr><td>x</td></tr></tbody></table>
'''

# {words of the fault: HTML that has it}
broken = {
    'link to nothing': '<a href="c.html">',
    'link to nothing: ../x': '<a href="../x.html">',
    'anchor that is not there': '<a href="b.html#c">',
    'anchor that is not there: #z': '<a href="#z">',
    'picture to nothing': '<img src="q.png" alt="q">',
    'absolute link': '<a href="/b.html">',
    'no address': '<a href="https://exa mple/x">',
    'fetched from elsewhere': '<script src="https://example.org/x.js"></script>',
    'anchor a 2 times': '<p id="a">',
    '2 titles': '<h1>again</h1>',
    'without a row': '<table class="params"><tbody></tbody></table>',
    'flag of a cell': '<pre>#| export\nx = 1</pre>',
    'codes of a terminal': '<pre>\x1b[31mred</pre>',
    'without words': '<img src="p.png">',
    'left as it is: $$': '<p>$$x$$</p>',
    'left as it is: ---': '<p>\n---\n</p>',
    'left as it is: kept': '<p>kept-3-kept</p>',
    'left as it is: $a': '<p>of $a_1 = $ b</p>',
    'left as it is: {': '<h2>x { #x .api }</h2>',
    'left as it is: [': '<p>[x](y.md)</p>',
}

source = '''
def f(
    a:int, # First
    b=2, c=(1, 2))->str: # Both
    "Doc"
@delegates(f)
def g(
    x, # An x
    **kwargs)->int: # What comes back
    "Doc"
def _h(): pass
A, B = 1, 2
@patch
def m(self:C, k=1): pass
'''


# What prose knows where it is tested
shelf = SimpleNamespace(
    linked={'LabelMap'},
    names={'LabelMap': 'reference/pictures/06_micrograph.md'},
    pages={'nbs/01_pictures/01_files.ipynb': 'reference/pictures/01_files.md'},
)
place = Place('reference/masks/04_masks.md', 'nbs/02_masks')

# {Markdown of a notebook: Markdown of the site}
led = {
    'a `LabelMap` of `x`': 'a [`LabelMap`](../pictures/06_micrograph.md#LabelMap) of `x`',
    '## a `LabelMap`': '## a `LabelMap`',
    '[`LabelMap`](#Masks-of-all-kinds)': '[`LabelMap`](#masks-of-all-kinds)',
    '[files](../01_pictures/01_files.ipynb#How-large)': '[files](../pictures/01_files.md#how-large)',
    '[out](https://example.org/X)': '[out](https://example.org/X)',
    '[lost](lost.txt)': '[lost](lost.txt)',
    '```\n`LabelMap`\n```': '```\n`LabelMap`\n```',
    'of $ a_1 $ px': 'of $a_1$ px',
    'text\n$$x$$': 'text\n\n$$x$$\n',
    'two:\n- a\n- b': 'two:\n\n- a\n- b',
}

# The same where a text was made elsewhere
led_loosely = {
    'see [lost](lost.txt)': 'see lost',
    '![shown](lost.png) here': 'shown here',
    '[out](https://example.org/X)': '[out](https://example.org/X)',
}


def selftest():
    "All of it; the exit status"
    faults_are_found()
    source_is_read()
    prose_is_led()
    print(f'{len(broken)} kinds of faults are found, each alone')
    return 0


def faults_are_found():
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp).resolve()
        (folder/'p.png').touch()
        (folder/'b.html').write_text('<h1 id="b">B</h1>')
        for what, more in {'': '', **broken}.items():
            (folder/'a.html').write_text(good + more, encoding='utf-8')
            only_fault(Built(folder), what)


def only_fault(built, what):
    "The site has this fault and no other; none if it is ''"
    assert len(built.faults) == bool(what), f'{what or "a page without faults"}: {built.faults}'
    assert not what or what in built.faults[0], f'{what}: {built.faults}'
    assert list(built.outside) == ['https://example.org/x']
    assert len(built.pages) == 2
    assert built.inside >= 3


def source_is_read():
    found = {entry.name: entry for entry in entries(source)}
    assert list(found) == ['f', 'g', 'A', 'B', 'C.m']
    assert [ast.unparse(found[name].node.value) for name in 'AB'] == ['1', '2']
    assert described(found['f'].node, source).rows == [
        (('a',), 'int', '', 'First'),
        (('b', 'c'), '', '', 'Both'),
        (('returns',), 'str', '', ''),
    ]
    assert described(found['g'].node, source).rows == [
        (('x',), '', '', 'An x'),
        (('returns',), 'int', '', 'What comes back'),
    ]
    assert signature('f', parameters(found['f'].node), 'str') == 'f(a: int, b=2, c=(1, 2)) -> str'
    assert signature('C.m', parameters(found['C.m'].node, method=True)) == 'C.m(k=1)'


def prose_is_led():
    prose = Prose(shelf, docs=None)
    for text, wanted in led.items():
        made = prose.markdown(text, place)
        assert made == wanted, f'{text!r}: {made!r}'
    for text, wanted in led_loosely.items():
        made = prose.markdown(text, place, loose=True)
        assert made == wanted, f'{text!r}, loose: {made!r}'
    assert prose.html('a `LabelMap` & `x`', place.page) == (
        'a <a href="../pictures/06_micrograph.html#LabelMap"><code>LabelMap</code></a> &amp; <code>x</code>')
