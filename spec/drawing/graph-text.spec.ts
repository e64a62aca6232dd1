import { InvalidOptionError, SyncExecutor, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { describe, expect, test } from 'vitest';

/** a done, b failed, c skipped, d pending and io-bound; a ─► b ─► c, a ┄► d */
function drawn() {
  const graph = new TaskGraphBuilder({ name: 'drawn' })
    .task('a', () => 1)
    .task('b', (_: number) => {
      if (_ > 0) throw new Error('no');
      return 1;
    })
    .dependsOn('a')
    .task('c', (_: number) => 1)
    .dependsOn('b')
    .task('d', () => 1)
    .ioBound()
    .after('a')
    .build();
  new SyncExecutor().run(graph, { only: ['c'] });
  return graph;
}

describe('toDot', () => {
  test('draws boxes coloured by outcome, io-bound ones rounded, order-only edges dashed', () => {
    expect(drawn().toDot()).toBe(
      `digraph "drawn" {
  rankdir=LR;
  node [shape=box, style=filled, fontname="sans-serif", fontcolor="#111827"];
  t0 [label="a", fillcolor="#dcfce7", color="#16a34a"];
  t1 [label="b", fillcolor="#fee2e2", color="#dc2626"];
  t2 [label="c", fillcolor="#fef9c3", color="#ca8a04"];
  t3 [label="d", fillcolor="#f3f4f6", color="#9ca3af", style="filled,rounded"];
  t0 -> t1;
  t1 -> t2;
  t0 -> t3 [style=dashed];
}
`,
    );
  });

  test('of an empty graph is a drawing of nothing', () => {
    expect(new TaskGraphBuilder({ name: '' }).build().toDot()).toBe(
      'digraph "" {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname="sans-serif", fontcolor="#111827"];\n}\n',
    );
  });

  test.each([
    ['a"b', '"a\\"b"'],
    ['a\\', '"a\\\\"'],
    ['a\\"b', '"a\\\\\\"b"'],
    ['a\nb\rc', '"a\\nb\\rc"'],
    ['\x1b[1m\x07', '"␛[1m␇"'],
    ['half \ud83d', '"half \ufffd"'],
    ['\\N', '"\\\\N"'],
    ['a\0b', '"a␀b"'],
    ['<b>bold</b>', '"<b>bold</b>"'],
    ['"]; x [label="', '"\\"]; x [label=\\""'],
  ])('writes the name %o so that it stays inside its label', (name, label) => {
    const dot = new TaskGraphBuilder({ name })
      .task(name as string, () => 1)
      .build()
      .toDot();
    expect(dot).toContain(`digraph ${label} {`);
    expect(dot).toContain(`t0 [label=${label}, `);
    expect(dot.split('\n')).toHaveLength(6);
  });
});

describe('toMermaid', () => {
  test('draws boxes coloured by outcome, io-bound ones rounded, order-only edges dotted', () => {
    expect(drawn().toMermaid()).toBe(
      `flowchart LR
  t0["a"]:::done
  t1["b"]:::failed
  t2["c"]:::skipped
  t3("d"):::pending
  t0 --> t1
  t1 --> t2
  t0 -.-> t3
  classDef pending fill:#f3f4f6,stroke:#9ca3af,color:#111827
  classDef running fill:#dbeafe,stroke:#2563eb,color:#111827
  classDef done fill:#dcfce7,stroke:#16a34a,color:#111827
  classDef failed fill:#fee2e2,stroke:#dc2626,color:#111827
  classDef skipped fill:#fef9c3,stroke:#ca8a04,color:#111827
`,
    );
  });

  test('colours a task that is running', () => {
    const pictures: string[] = [];
    const builder = new TaskGraphBuilder<any>();
    const graph: TaskGraph = builder.task('a', () => pictures.push(graph.toMermaid(), graph.toDot())).build();
    new SyncExecutor().run(graph);
    expect(pictures[0]).toContain('t0["a"]:::running');
    expect(pictures[1]).toContain('fillcolor="#dbeafe"');
  });

  test.each([
    ['', '" "'],
    ['a"b', '"a#34;b"'],
    ['a#35;', '"a#35;35#59;"'],
    ['<img src=x onerror=alert(1)>', '"#60;img src#61;x onerror#61;alert#40;1#41;#62;"'],
    ['a\nb', '"a#10;b"'],
    ['`code`', '"#96;code#96;"'],
    ['任务 é 1.2', '"任务 é 1.2"'],
    ['👍', '"#128077;"'],
    ['%%{init}%%', '"#37;#37;#123;init#125;#37;#37;"'],
    ['javascript:alert', '"javascript:alert"'],
    ['__proto__', '"#95;#95;proto#95;#95;"'],
    ['1. fetch', '"1#46; fetch"'],
    ['- fetch', '"#45; fetch"'],
  ])('writes the name %o so that it stays inside its label', (name, label) => {
    const mermaid = new TaskGraphBuilder()
      .task(name as string, () => 1)
      .build()
      .toMermaid();
    expect(mermaid.split('\n')[1]).toBe(`  t0[${label}]:::pending`);
    expect(mermaid.split('\n')).toHaveLength(8);
  });

  test('draws one edge where a task takes a result and also waits for it', () => {
    const mermaid = new TaskGraphBuilder()
      .task('a', () => 1)
      .task('b', (x: number, _: number) => x)
      .dependsOn('a', 'a')
      .after('a')
      .build()
      .toMermaid();
    expect(mermaid.match(/-->|-\.->/g)).toEqual(['-->']);
  });
});

describe('toMermaid of what is more than renderers take', () => {
  const EDGES_MAX = 500;
  const LENGTH_MAX = 50_000;
  const named = (count: number, nameOf: (id: number) => string, afterOf: (id: number) => string[]) =>
    new TaskGraphBuilder<any>()
      .add(...Array.from({ length: count }, (_, id) => ({ name: nameOf(id), after: afterOf(id), run: () => 1 })))
      .build() as TaskGraph;
  const edgesIn = (text: string) => text.match(/-->|-\.->/g)?.length ?? 0;
  const boxesIn = (text: string) => text.match(/^ {2}t\d+[[(]/gm)?.length ?? 0;

  test('draws groups, which tell how many tasks they are, in which status, and looks like what matters most', () => {
    const builder = new TaskGraphBuilder<any>();
    for (let id = 0; id < 300; id++) {
      const run = () => {
        if (id === 7) throw new Error('no');
        return 1;
      };
      builder.add({ name: `load ${id}`, run, ioBound: true });
      builder.add({ name: `resize ${id}`, dependsOn: [`load ${id}`], run: () => 1 });
    }
    const names = Array.from({ length: 300 }, (_, id) => `resize ${id}`);
    const graph = builder.add({ name: 'page', after: names, run: () => 1 }).build() as TaskGraph;
    new SyncExecutor().run(graph);
    expect(graph.toMermaid().split('\n').slice(0, 6)).toEqual([
      'flowchart LR',
      '  t0["load: 300 tasks, 299 done, 1 failed"]:::failed',
      '  t1["resize: 300 tasks, 299 done, 1 skipped"]:::done',
      '  t2["page"]:::skipped',
      '  t0 --> t1',
      '  t1 -.-> t2',
    ]);
  });

  test('draws each task as long as there is room', () => {
    // Every second task waits for all of 22 others: 22 x 22 edges, and 23 x 22.
    const dense = (width: number) =>
      named(
        width + 22,
        (id) => `n${String.fromCharCode(65 + (id % 26))}x${id}y`,
        (id) =>
          id < width
            ? []
            : Array.from({ length: width }, (_, other) => `n${String.fromCharCode(65 + (other % 26))}x${other}y`),
      );
    expect(edgesIn(dense(22).toMermaid())).toBe(22 * 22);
    expect(edgesIn(dense(23).toMermaid())).toBeLessThan(22);
  });

  test.each<[string, TaskGraph]>([
    [
      'a thousand tasks whose names have nothing in common',
      named(
        1_000,
        (id) => `${id.toString(36)}x`.repeat(3),
        () => [],
      ),
    ],
    [
      'a chain of as many',
      named(
        1_000,
        (id) => `c${'abcdefghij'[id % 10]}${id}z`,
        (id) => (id === 0 ? [] : [`c${'abcdefghij'[(id - 1) % 10]}${id - 1}z`]),
      ),
    ],
    [
      'few tasks with long names',
      named(
        60,
        (id) => `${'👍'.repeat(400)}${id}`,
        () => [],
      ),
    ],
    [
      'as many groups with long names',
      named(
        900,
        (id) => `${'<'.repeat(300)}${String.fromCodePoint(0x4e00 + (id % 450))} ${id}`,
        () => [],
      ),
    ],
    [
      'two thousand tasks of which each waits for all of another kind',
      named(
        100,
        (id) => (id < 50 ? `a:${id}` : `b:${id}`),
        (id) => (id < 50 ? [] : Array.from({ length: 50 }, (_, a) => `a:${a}`)),
      ),
    ],
  ])('is within it: %s', (_, graph) => {
    const text = graph.toMermaid();
    expect(edgesIn(text)).toBeLessThanOrEqual(EDGES_MAX);
    expect(text.length).toBeLessThanOrEqual(LENGTH_MAX);
    expect(boxesIn(text)).toBeLessThanOrEqual(500);
    expect(
      text
        .match(/\d+(?= tasks)/g)!
        .map(Number)
        .reduce((sum, count) => sum + count, 0),
    ).toBeGreaterThan(0);
  });

  test('draws what somebody asks for, whatever renderers take', () => {
    const graph = named(
      600,
      (id) => `t${id}`,
      (id) => (id === 0 ? [] : ['t0']),
    );
    expect(edgesIn(graph.toMermaid({ group: false }))).toBe(599);
    expect(graph.toMermaid({ group: (name) => (name === 't0' ? 'first' : 'rest') })).toContain(
      't1["rest: 599 tasks, 599 pending"]',
    );
    expect(() => graph.toMermaid({ group: 'first' as never })).toThrow(InvalidOptionError);
  });
});
