// Programs as large as they are said to compile, each in one of the forms in which a graph can be written.

const HEAD = "import { TaskGraphBuilder } from 'taskmap-ts';\n";

/** Two earlier tasks: the one before, and one far back, so that nearly every task is looked up again. */
function dependencies(task: number): [number, number] {
  return [Math.floor(task / 3), task - 1];
}

function tasks(count: number, source: (task: number, first: number, second: number) => string): string {
  return Array.from({ length: count - 1 }, (_, index) => source(index + 1, ...dependencies(index + 1))).join('\n');
}

/** One expression, its tasks in both forms by turns. */
export function chain(count: number): string {
  const source = (task: number, first: number, second: number) =>
    task % 2 === 0
      ? `  .task('t${task}').dependsOn('t${first}', 't${second}').run((a, b) => a + b)`
      : `  .task('t${task}', (a: number, b: number) => a + b).dependsOn('t${first}', 't${second}')`;
  return `${HEAD}const graph = new TaskGraphBuilder()
  .task('t0', () => 0)
${tasks(count, source)}
  .build();
export const last: number = graph.result('t${count - 1}');
`;
}

/** A statement for each task, which names others by their handles. */
export function handles(count: number): string {
  const source = (task: number, first: number, second: number) =>
    `const t${task} = builder.task('t${task}').dependsOn(t${first}, t${second}).run((a, b) => a + b);`;
  return `${HEAD}const builder = new TaskGraphBuilder();
const t0 = builder.task('t0', () => 0);
${tasks(count, source)}
export const last: number = builder.build().result(t${count - 1});
`;
}

/** The dictionary form. */
export function record(count: number): string {
  return `${HEAD}const graph = new TaskGraphBuilder().tasks({
  t0: () => 0,
${tasks(count, (task) => `  t${task}: (a: number, b: number) => a + b,`)}
}, {
${tasks(count, (task, first, second) => `  t${task}: ['t${first}', 't${second}'],`)}
}).build();
export const last: number = graph.result('t${count - 1}');
`;
}

/** Signatures declared up front, then a statement for each task, which names others by their names. */
export function declared(count: number): string {
  return `${HEAD}interface Tasks {
  t0(): number;
${tasks(count, (task) => `  t${task}(a: number, b: number): number;`)}
}
const builder = new TaskGraphBuilder<Tasks>();
builder.task('t0', () => 0);
${tasks(count, (task, first, second) => `builder.task('t${task}').dependsOn('t${first}', 't${second}').run((a, b) => a + b);`)}
export const last: number = builder.build().result('t${count - 1}');
`;
}
