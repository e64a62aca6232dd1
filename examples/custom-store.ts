// A store of one's own: over Keyv, which speaks to Redis, PostgreSQL, SQLite and others, and to a Map, as here.
// A store keeps bytes under a name; what they mean is not its business. Since these methods return promises, SyncExecutor cannot use it.
// The second graph, as the next process would build it, runs nothing.
//
//   pages ─► words
//
// npx tsx examples/custom-store.ts

import Keyv from 'keyv';
import { AsyncExecutor, type LoadedOutcomes, OutcomeStore, TaskGraphBuilder } from 'taskmap-ts';

class KeyvStore extends OutcomeStore {
  readonly #keyv: Keyv<string>;

  constructor(keyv: Keyv<string>) {
    super();
    this.#keyv = keyv;
  }

  async load(graph: string): Promise<LoadedOutcomes> {
    const outcomes: [string, Uint8Array][] = [];
    for await (const [key, text] of this.#keyv.iterator!(undefined)) {
      const [name, task] = JSON.parse(key as string) as [string, string];
      if (name === graph) outcomes.push([task, Buffer.from(text as string, 'base64')]);
    }
    return { outcomes };
  }

  async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
    await this.#keyv.set(JSON.stringify([graph, task]), Buffer.from(bytes).toString('base64'));
  }

  async forget(graph: string, tasks: readonly string[]): Promise<void> {
    await this.#keyv.delete(tasks.map((task) => JSON.stringify([graph, task])));
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    await this.#keyv.disconnect();
  }
}

const shop = () =>
  new TaskGraphBuilder({ name: 'shop' })
    .task('pages', async () => new Map([['home', 'tea and ink']]))
    .task('words')
    .dependsOn('pages')
    .run((pages) => [...pages.values()].join(' ').split(' '))
    .build();

const store = new KeyvStore(new Keyv({ store: new Map() }));
const executor = new AsyncExecutor({ store });
for (const graph of [shop(), shop()]) {
  const { attemptCount } = await executor.run(graph);
  console.log(`${attemptCount} attempts: ${graph.result('words').join(', ')}; words ${graph.explain('words')}`);
}
await store.close();

// output:
// 2 attempts: tea, and, ink; words ran: no stored result
// 0 attempts: tea, and, ink; words kept: same version and inputs
