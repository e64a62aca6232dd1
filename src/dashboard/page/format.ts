/*
 * How numbers, times and names are written on the page.
 */

import type { ShownThread } from '../messages.js';

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `12,345` */
export function count(number: number): string {
  return COUNT.format(number);
}

/** A count with its noun: `1 task`, `2 tasks`. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** From 0 to 1, as whole percents: never 100 % before all is there, and never 0 % when something is. */
export function percent(fraction: number): string {
  const rounded = Math.round(fraction * 100);
  if (rounded === 100 && fraction < 1) return '99 %';
  if (rounded === 0 && fraction > 0) return '1 %';
  return `${rounded} %`;
}

/** How long something took: `<1 ms`, `840 ms`, `4.2 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (!(ms >= 0)) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 1) return '<1 ms';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** The same for a time that goes on: tenths of a second only while they can be read. */
export function runningFor(ms: number): string {
  return ms < 59_950 ? `${(Math.max(ms, 0) / 1000).toFixed(1)} s` : duration(ms);
}

/** The same in whole seconds: nobody reads tenths of what changes all the time. */
export function wholeSeconds(ms: number): string {
  return ms < 59_500 ? `${Math.round(Math.max(ms, 0) / 1000)} s` : duration(ms);
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** What cannot be seen or would change how the text around it reads. Joiners stay: emoji and some scripts need them. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\0': '\\0' };

/**
 * A name as text of one line: what cannot be seen is written as an escape, and the empty name as `""`.
 *
 * @param charactersMax - longer ones are cut
 */
export function shownName(name: string, charactersMax = 120): string {
  if (name === '') return '""';
  const cut = name.length > charactersMax ? `${name.slice(0, charactersMax - 1)}…` : name;
  return cut.replace(UNSEEN, (one) => ESCAPES[one] ?? `\\u{${one.codePointAt(0)!.toString(16)}}`);
}

/** What a thread is called: 0 is the one that called `run()`; a worker has a name of its own. */
export function threadName(thread: ShownThread): string {
  if (typeof thread === 'string') return shownName(thread);
  return thread === 0 ? 'main' : `thread ${thread}`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** The time of day. */
export function clock(atMs: number): string {
  return CLOCK.format(atMs);
}
