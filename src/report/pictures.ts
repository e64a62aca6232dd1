import type { Timeline } from '../observe/timeline.js';
import { section } from './page-parts.js';
import type { RunFacts } from './run-facts.js';

type DrawnGroups = ((name: string) => string) | false | undefined;

/** As wide as the page is on a large screen, in pixels. */
const TIMELINE_WIDTH = 1200;

/** The graph with what came of its tasks, and which attempt ran where and when. */
export function picturesHTML(timeline: Timeline, { run, ranAgain }: RunFacts, group: DrawnGroups): string {
  const { runId, taskGraph } = run;
  const graphCaption = ranAgain
    ? 'What depends on what, and what is known of each task since the graph was run again.'
    : 'What depends on what, what came of each task, and how long it took.';
  return [
    pictureHTML(
      'graph',
      'Graph',
      graphCaption,
      taskGraph.toSVG({ title: '', group, durations: timeline.durations({ runId }) }),
    ),
    pictureHTML('timeline', 'Timeline', 'What ran where and when.', timeline.toSVG({ runId, width: TIMELINE_WIDTH })),
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
