import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FileStore, type TaskGraph, TaskGraphBuilder, taskModule } from 'taskmap-ts';
import { expect } from 'vitest';
import { describeScenes, type Scene } from './processes.js';

const TASKS = new URL('../store/fixtures/file-tasks.ts', import.meta.url);
const work = taskModule<typeof import('../store/fixtures/file-tasks.js')>(TASKS);

/** One run of a graph that was made for it, as a new process would make it, with what the last one has kept. */
async function runOf<G extends TaskGraph>(scene: Scene, graph: G): Promise<G> {
  const store = new FileStore(join(scene.folder, 'outcomes'));
  const executor = scene.executor({ store });
  await executor.run(graph);
  await executor.close();
  store.close();
  return graph;
}

/** The functions that were called since it was last asked, as they have told it themselves. */
function callsIn({ folder }: Scene): string[] {
  const path = join(folder, 'calls');
  try {
    return readFileSync(path, 'utf8').trim().split('\n');
  } catch {
    return [];
  } finally {
    rmSync(path, { force: true });
  }
}

describeScenes(['redis', 'postgres'], (spec) => {
  // folder ─┬► page ─► words
  // source ─┘
  spec('files over a queue: what changed, and what is gone, runs again, and nothing else', async (scene) => {
    await scene.worker({ modules: [TASKS] });
    const { folder } = scene;
    const at = (name: string) => join(folder, name);
    const graph = () =>
      new TaskGraphBuilder({ name: 'pages' })
        .task('folder', () => '')
        .file('source', at('source.txt'))
        .task('page', work.page)
        .dependsOn('folder', 'source')
        .task('words', work.words)
        .dependsOn('folder', 'page')
        .build({ results: { folder } });
    writeFileSync(at('source.txt'), 'tea ink');
    await runOf(scene, graph());
    expect(callsIn(scene)).toEqual(['page', 'words']);
    await runOf(scene, graph());
    expect(callsIn(scene)).toEqual([]);

    rmSync(at('page.html'));
    const gone = await runOf(scene, graph());
    expect(callsIn(scene)).toEqual(['page']);
    expect(gone.explain('page')).toBe(`ran: the file ${at('page.html')} is gone`);
    expect(readFileSync(at('page.html'), 'utf8')).toBe('TEA INK');

    writeFileSync(at('source.txt'), 'tea gin');
    const changed = await runOf(scene, graph());
    expect(callsIn(scene)).toEqual(['page', 'words']);
    expect(changed.explain('page')).toBe('ran: the result of "source" changed');
    expect(changed.result('words')).toEqual(['TEA', 'GIN']);
  });

  spec('a file that the store keeps is put back, and no worker is asked', async (scene) => {
    const worker = await scene.worker({ modules: [TASKS] });
    const { folder } = scene;
    const path = join(folder, 'made/here/page.html');
    const graph = () =>
      new TaskGraphBuilder({ name: 'restoring' })
        .task('folder', () => '')
        .file('source', join(folder, 'source.txt'))
        .task('page', work.restorable)
        .dependsOn('folder', 'source')
        .build({ results: { folder } });
    writeFileSync(join(folder, 'source.txt'), 'tea ink');
    mkdirSync(join(folder, 'made/here'), { recursive: true });
    await runOf(scene, graph());
    expect(callsIn(scene)).toEqual(['page']);
    await worker.close();
    rmSync(join(folder, 'made'), { recursive: true });
    const gone = await runOf(scene, graph());
    expect(readFileSync(path, 'utf8')).toBe('TEA INK');
    expect(gone.explain('page')).toBe(`kept: same version and inputs; its file ${path} was put back`);
  });

  spec('a module that was mended runs again, on workers that have it as it is now', async (scene) => {
    const module = join(scene.folder, 'work.mjs');
    const url = pathToFileURL(module);
    const graph = () =>
      new TaskGraphBuilder({ name: 'module' })
        .task('total', taskModule<{ total: () => number }>(url).total)
        .task('next', (total: number) => total + 1)
        .dependsOn('total')
        .onMainThread()
        .build();
    for (const [total, why] of [
      [7, /^ran: no stored result$/],
      [8, /^ran: .*work\.mjs changed$/],
    ] as const) {
      writeFileSync(module, `export const total = () => ${total};`);
      const worker = await scene.workerProcess({ modules: [url.href] });
      const ran = await runOf(scene, graph());
      expect([ran.result('total'), ran.result('next')]).toEqual([total, total + 1]);
      expect(ran.explain('total')).toMatch(why);
      await worker.killed();
    }
  });
});
