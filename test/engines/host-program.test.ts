/** The host as a program: what it needs of Python, and its line gatherer against a simple-minded one. */
import {execFileSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import test from 'ava';

const directory = fileURLToPath(new URL('../../engines/host', import.meta.url));
const python = (program: string, ...args: string[]): string =>
  execFileSync('python3', ['-I', '-B', '-c', program, directory, ...args], {encoding: 'utf8'});

test('every file is Python 3.8', t => {
  const files = readdirSync(directory).filter(name => name.endsWith('.py'));
  t.true(files.length > 10);
  const answer = python(
    'import ast, sys\nfor name in sys.argv[2:]: ast.parse(open(sys.argv[1] + "/" + name).read(), name, feature_version=(3, 8))\nprint("ok")',
    ...files,
  );
  t.is(answer, 'ok\n');
});

test('only the standard library is imported', t => {
  const answer = python(`
import ast, os, sys
own = {name[:-3] for name in os.listdir(sys.argv[1]) if name.endswith('.py')}
# The jobs' own library, imported only when a job shows a figure.
allowed = own | {'matplotlib'} | set(getattr(sys, 'stdlib_module_names', ()))
for name in sorted(own):
    for node in ast.walk(ast.parse(open(os.path.join(sys.argv[1], name + '.py')).read())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
        for imported in names:
            if imported.split('.')[0] not in allowed and allowed - own:
                print(name, imported)
`);
  t.is(answer, '');
});

test('lines come out of any cut of the bytes as a decoder and a split would make them', t => {
  const answer = python(`
import random, sys
sys.path.insert(0, sys.argv[1])
from line_gatherer import LineGatherer
seed = random.randrange(10 ** 9)
chance = random.Random(seed)
alphabet = [b'a', b'bc', b'\\n', b'\\n\\n', '\\u20ac'.encode(), '\\U0001f600'.encode(), b'\\xff', b'\\xe2\\x82', b'\\0', b'\\r', b'\\xed\\xa0\\x80']
for story in range(3000):
    data = b''.join(chance.choice(alphabet) for _ in range(chance.randrange(60)))
    out = []
    gatherer = LineGatherer(10_000, out.append, lambda: out.append(b'LONG\\n'))
    at = 0
    while at < len(data):
        size = chance.randrange(1, 9)
        gatherer.push(data[at:at + size])
        at += size
    gatherer.finish()
    expected = data.decode('utf-8', 'replace').encode()
    if expected and not expected.endswith(b'\\n'):
        expected += b'\\n'
    assert b''.join(out) == expected, (seed, data, out)
    assert all(part.endswith(b'\\n') for part in out), (seed, data, out)
print('ok')
`);
  t.is(answer, 'ok\n');
});

test('long lines come in pieces no longer than the limit, each line announced once, and nothing is lost', t => {
  const answer = python(`
import random, sys
sys.path.insert(0, sys.argv[1])
from line_gatherer import LineGatherer
seed = random.randrange(10 ** 9)
chance = random.Random(seed)
for story in range(2000):
    limit = chance.randrange(4, 30)
    lines = [''.join(chance.choice(['a', '\\u20ac', '\\U0001f600', 'xyz']) for _ in range(chance.randrange(40))) for _ in range(chance.randrange(1, 6))]
    data = ''.join(line + '\\n' for line in lines).encode()
    out = []
    warned = [0]
    def warn():
        warned[0] += 1
    gatherer = LineGatherer(limit, out.append, warn)
    at = 0
    while at < len(data):
        size = chance.randrange(1, 50)
        gatherer.push(data[at:at + size])
        at += size
    gatherer.finish()
    pieces = b''.join(out).split(b'\\n')[:-1]
    assert all(len(piece) <= limit for piece in pieces), (seed, story)
    assert b''.join(pieces) == data.replace(b'\\n', b''), (seed, story)
    for piece in pieces:
        piece.decode()
    assert warned[0] == sum(len(line.encode()) > limit for line in lines), (seed, story, warned, limit, lines)
print('ok')
`);
  t.is(answer, 'ok\n');
});

test('without a configuration the host ends with an error instead of waiting', t => {
  const error = t.throws(() =>
    execFileSync('python3', ['-I', '-B', '-S', `${directory}/host.py`], {
      input: '',
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  );
  t.truthy(error);
});

test('limits go into a cgroup where its controllers are, and nowhere else', t => {
  const answer = python(`
import os, sys, tempfile
sys.path.insert(0, sys.argv[1])
from cgroup import hand_down_controllers, limit_cgroup, memory_kills
limits = {'memoryBytesMax': 800, 'processesMax': 80, 'cpuCoresMax': 1.5}
with tempfile.TemporaryDirectory() as path:
    assert limit_cgroup(path, limits) == [] and os.listdir(path) == []
    hand_down_controllers(path)
    assert os.listdir(path) == []
    for name in ('memory.max', 'memory.swap.max', 'pids.max', 'cpu.max'):
        open(os.path.join(path, name), 'w').close()
    print(limit_cgroup(path, limits))
    for name in sorted(os.listdir(path)):
        print(name, open(os.path.join(path, name)).read())
    assert 'cpu.max' not in limit_cgroup(path, {'memoryBytesMax': 800, 'processesMax': 80})
    assert memory_kills(path) == 0
    with open(os.path.join(path, 'memory.events'), 'w') as file:
        file.write('low 0\\nhigh 0\\nmax 12\\noom 3\\noom_kill 2\\noom_group_kill 0\\n')
    print(memory_kills(path))
`);
  t.is(
    answer,
    `['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max']
cpu.max 150000 100000
memory.max 900
memory.swap.max 0
pids.max 106
2
`,
  );
});

test('a node in its own child cgroup leaves the parent to the engines', t => {
  const answer = python(`
import builtins, io, sys
sys.path.insert(0, sys.argv[1])
import cgroup
def at(place):
    files = {'/proc/self/cgroup': '3:cpu:/x\\n0::%s\\n' % place,
             '/proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\\n'}
    cgroup.open = lambda path: io.StringIO(files[path])
    return cgroup.engines_cgroup()
print(at('/system.slice/tenon.service'), at('/system.slice/tenon.service/tenon-node'), at('/'))
`);
  t.is(
    answer,
    '/sys/fs/cgroup/system.slice/tenon.service /sys/fs/cgroup/system.slice/tenon.service /sys/fs/cgroup\n',
  );
});
