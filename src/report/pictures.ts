import type { Picture } from '../drawing/picture.js';
import { pictureOf } from '../graph/task-graph.js';
import type { Timeline } from '../observe/timeline.js';
import { timelinePictureOf } from '../observe/timeline-picture.js';
import { section } from './page-parts.js';
import type { RunFacts } from './run-facts.js';

type DrawnGroups = ((name: string) => string) | false | undefined;

/** The pictures of a report. */
export interface PicturesSection {
  readonly html: string;
  /** The texts of the style sheets in it. */
  readonly styles: readonly string[];
}

/** As wide as the page is on a large screen, in pixels. */
const TIMELINE_WIDTH = 1200;

/** The graph with what came of its tasks, and which attempt ran where and when. */
export function picturesSection(
  timeline: Timeline,
  { run, summary, ranAgain }: RunFacts,
  group: DrawnGroups,
): PicturesSection {
  const { runId, taskGraph } = run;
  const graphCaption = ranAgain
    ? 'What depends on what, and what is known of each task since the graph was run again.'
    : 'What depends on what, what came of each task, and how long it took.';
  const graph = pictureOf(taskGraph, { title: '', group, durations: timeline.durations({ runId }) });
  const lanes = timelinePictureOf(run, summary, { width: TIMELINE_WIDTH });
  return {
    html: [
      pictureHTML('graph', 'Graph', graphCaption, graph),
      pictureHTML('timeline', 'Timeline', 'What ran where and when.', lanes),
    ].join('\n'),
    styles: [graph.style, lanes.style],
  };
}

/** A picture with a caption, in a box that can be scrolled. */
function pictureHTML(id: string, heading: string, caption: string, { svg }: Picture): string {
  return section(
    id,
    heading,
    `<figure class="picture"><figcaption class="quiet"><span>${caption}</span><button type="button" class="zoom" aria-pressed="false" hidden>Fit to width</button></figcaption>
<div class="scroll card" tabindex="0" role="region" aria-label="Picture: ${heading}">${svg}</div></figure>`,
  );
}
