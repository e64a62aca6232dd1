// Any string is a name.
import { TaskGraphBuilder } from 'taskmap-ts';
import { same } from './support.js';

const graph = new TaskGraphBuilder()
  .task('__proto__', () => 'p')
  .task('constructor', () => 1)
  .task('toString', () => 2)
  .task('hasOwnProperty', () => true)
  .task('', () => 'empty')
  .task('1', () => 'one')
  .task('ñandú 🚀', () => 'unicode')
  .task('then', () => 't')
  .task('a.b', () => 1)
  .task('quote\'s "end"\n', () => 1)
  .task('all')
  .dependsOn(
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    '1',
    'ñandú 🚀',
    'then',
    'a.b',
    'quote\'s "end"\n',
  )
  .run((...given) => {
    same<typeof given, [string, number, number, boolean, string, string, string, string, number, number]>();
    return given.length;
  })
  .build();
same<(typeof graph.results)['__proto__'], string | undefined>();
same<(typeof graph.results)['constructor'], number | undefined>();
same<ReturnType<typeof graph.result<'toString'>>, number>();
same<ReturnType<typeof graph.result<''>>, string>();
same<ReturnType<typeof graph.result<'then'>>, string>();

// Every object literal has a `constructor` by inheritance, which is no list: where a task has that name, its list must be written, be it empty.
new TaskGraphBuilder().tasks(
  { constructor: () => 1, then: (n: number) => n },
  { then: ['constructor'], constructor: [] },
);
new TaskGraphBuilder<{ toString(): number; valueOf(n: number): string }>()
  .task('valueOf', (n: number) => String(n))
  .dependsOn('toString')
  .task('toString', () => 1)
  .build();

// A name that only run time knows adds nothing to the type. One of several claims them all. One of a pattern can be depended on.
declare const some: string;
declare const either: 'p' | 'q';
declare const page: `page ${number}`;
const open = new TaskGraphBuilder()
  .task(some, () => 1)
  .task(either, () => 2)
  .task(page, () => 3)
  .task('known', () => 4)
  .task('late')
  .dependsOn('page 7', 'known')
  .run((...given) => same<typeof given, [unknown, number]>())
  .build();
same<ReturnType<typeof open.result<'q'>>, number>();
same<ReturnType<typeof open.result<'page 7'>>, number>();
