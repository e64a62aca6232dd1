import type { Timeline } from '../observe/timeline.js';
import { section } from './page-parts.js';
import type { RunFacts } from './run-facts.js';

/** The graph with what came of its tasks, and which attempt ran where and when. */
export function picturesHTML(timeline: Timeline, { run, tasks }: RunFacts): string {
  const durations = new Map(
    tasks.flatMap(({ name, timing }) => (timing === undefined || timing.attempts.length === 0 ? [] : [[name, timing.durationMs]])),
  );
  const graph = run.taskGraph as any;
  return [
    pictureHTML('graph', 'Graph', 'What depends on what.', graph.toSVG?.({ durations }) ?? ''),
    pictureHTML('timeline', 'Timeline', 'What ran where and when.', (timeline as any).toSVG?.({ runId: run.runId }) ?? ''),
  ].join('\n');
}

/** A picture with a caption, in a box that can be scrolled. */
function pictureHTML(id: string, heading: string, caption: string, svg: string): string {
  return section(
    id,
    heading,
    `<figure class="picture"><figcaption class="quiet"><span>${caption}</span><button type="button" class="zoom" aria-pressed="false" hidden>Fit to width</button></figcaption>
<div class="scroll card" tabindex="0" role="region" aria-label="Picture: ${heading}">${svg}</div></figure>`,
  );
}
