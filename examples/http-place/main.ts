// Tasks by HTTP on two processes of their own: a place made of public parts alone. One task kills each process in which
// it runs. After three of them it fails, and nothing else does.
//
//   hash ─┬─► short
//         └─► long         poison*
//
// npx tsx examples/http-place/main.ts

import { TaskGraphBuilder, taskModule } from 'taskmap-ts';
import { HttpExecutor } from './http-executor.js';

const { hash, long, poison, short } = taskModule<typeof import('./tasks.js')>(new URL('./tasks.ts', import.meta.url));
const builder = new TaskGraphBuilder({ name: 'hashes' });
const hashed = builder.task('hash', hash);
const texts = [builder.task('short').dependsOn(hashed).run(short), builder.task('long').dependsOn(hashed).run(long)];
const poisoned = builder.task('poison', poison);
const graph = builder.build();

const executor = new HttpExecutor({ processes: 2 });
executor.on('task:interrupted', ({ task }) => console.log(`${task} was lost with its process`));
await executor.run(graph);
for (const text of texts) console.log(graph.result(text));
console.log((graph.failure(poisoned) as Error).name);

// output:
// poison was lost with its process
// poison was lost with its process
// 3a7bd3e2
// OnvT4jYKPSnupDb8+35ExzXRF8QtHBg1QgtrmULdTxs=
// WorkerLostError
