import type { ThreadId } from '../events.js';
import type { AttemptTiming } from '../observe/run-timing.js';
import type { PageStatus } from '../page/style.js';
import { nameHTML } from './html.js';

/** The order in which statuses are told, with what they are called: first what somebody has to look at. */
export const STATUS_TEXTS: ReadonlyMap<PageStatus, string> = new Map([
  ['failed', 'failed'],
  ['interrupted', 'interrupted'],
  ['skipped', 'skipped'],
  ['running', 'running'],
  ['delayed', 'delayed'],
  ['ready', 'ready'],
  ['pending', 'pending'],
  ['done', 'done'],
  ['kept', 'kept'],
]);

export const ATTEMPT_TEXTS: Readonly<Record<AttemptTiming['status'], string>> = {
  running: 'under way',
  done: 'done',
  failed: 'failed',
  retried: 'failed, another one followed',
  interrupted: 'interrupted',
};

/** A part of the page that can be linked to. */
export function section(id: string, heading: string, content: string): string {
  return `<section id="${id}" aria-labelledby="${id}-h">\n<h2 id="${id}-h">${heading}</h2>\n${content}\n</section>`;
}

/** The name of a task, linked to its row in the table. */
export function taskLink(id: number, name: string): string {
  return `<a href="#t${id}">${nameHTML(name)}</a>`;
}

/** Where something ran: `main`, `thread 3`, or the name of a worker. */
export function threadHTML(thread: ThreadId): string {
  if (typeof thread === 'number') return `thread ${thread}`;
  return thread === 'main' ? thread : nameHTML(thread);
}

/** A part of 1 as `42 %`; what is more than nothing and less than a percent is not told to be nothing. */
export function percent(part: number): string {
  const hundredths = part * 100;
  return hundredths > 0 && hundredths < 0.95 ? `${hundredths.toFixed(1)} %` : `${Math.round(hundredths)} %`;
}

/** From 0 to 1. */
export function partOf(part: number, whole: number): number {
  return whole > 0 ? Math.min(Math.max(part / whole, 0), 1) : 0;
}

/** A moment, as people in every time zone read it. */
export function timeHTML(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)}, ${iso.slice(11, 19)} UTC</time>`;
}

/** A bar, as a part of one that is as long as 1. What is read aloud stands beside it. */
export function barHTML(from: number, length: number): string {
  // What is short is seen all the same.
  const width = Math.max(length * 100, 0.8);
  const x = Math.min(from * 100, 100 - width);
  return `<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect x="${rounded(x)}" width="${rounded(width)}" height="1"/></svg>`;
}

/** To two places, and without zeros that say nothing. */
export function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
