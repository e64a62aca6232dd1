import { describe, expect, it } from 'vitest';
import { type DrawnStatus, LOOKS, PAPERS, styleSheet } from '../../src/drawing/palette.js';

const statuses = Object.keys(LOOKS) as DrawnStatus[];
const grounds = ['light', 'dark'] as const;

/** Relative luminance, as WCAG 2.1 has it. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter! + 0.05) / (darker! + 0.05);
}

describe.each(grounds)('on a %s ground', (ground) => {
  const paper = PAPERS[ground];

  it.each(statuses)('text stands on %s with a contrast of at least 7 : 1, and its mark of at least 2', (status) => {
    const { fill, stroke } = LOOKS[status][ground];
    expect(contrast(paper.text, fill)).toBeGreaterThanOrEqual(7);
    expect(contrast(stroke, fill)).toBeGreaterThanOrEqual(2);
  });

  it('text stands on the paper with a contrast of at least 7 : 1, faint text too, also on each status', () => {
    expect(contrast(paper.text, paper.ground)).toBeGreaterThanOrEqual(7);
    expect(contrast(paper.faint, paper.ground)).toBeGreaterThanOrEqual(7);
    for (const status of statuses) expect(contrast(paper.faint, LOOKS[status][ground].fill)).toBeGreaterThanOrEqual(5);
    expect(contrast(paper.line, paper.ground)).toBeGreaterThanOrEqual(3);
  });

  it('each status has a colour of its own', () => {
    expect(new Set(statuses.map((status) => LOOKS[status][ground].fill)).size).toBe(statuses.length);
    expect(new Set(statuses.map((status) => LOOKS[status][ground].stroke)).size).toBe(statuses.length);
  });
});

describe('without colours', () => {
  it('each status has a mark of its own, within its 12 by 12 pixels', () => {
    expect(new Set(statuses.map((status) => LOOKS[status].mark)).size).toBe(statuses.length);
    // Relative lines only, so that a mark can begin anywhere.
    for (const status of statuses) expect(LOOKS[status].mark).toMatch(/^m[-\d. mlhvaz]+$/);
  });

  it('borders tell what failed, runs or was left out', () => {
    const borderOf = (status: DrawnStatus) => `${LOOKS[status].strokeWidth} ${LOOKS[status].dashes}`;
    expect(borderOf('failed')).not.toBe(borderOf('done'));
    expect(borderOf('running')).not.toBe(borderOf('pending'));
    expect(borderOf('skipped')).not.toBe(borderOf('done'));
  });
});

describe('styleSheet()', () => {
  it('has the colours of the statuses that occur, light ones and, for those who prefer that, dark ones', () => {
    const css = styleSheet(['failed']);
    const [light, dark] = css.split('@media (prefers-color-scheme:dark)');
    expect(light).toContain(LOOKS.failed.light.fill);
    expect(light).not.toContain(LOOKS.failed.dark.fill);
    expect(dark).toContain(LOOKS.failed.dark.fill);
    expect(css).not.toContain(LOOKS.skipped.light.fill);
  });

  it('concerns nothing but pictures, and refers to nothing', () => {
    const css = styleSheet(statuses);
    const selectors = css
      .replace('@media (prefers-color-scheme:dark){', '')
      .match(/[^{}]+(?=\{)/g)!
      .flatMap((group) => group.split(','));
    expect(selectors.length).toBeGreaterThan(20);
    for (const selector of selectors) expect(selector).toMatch(/^\.taskmap-picture /);
    expect(css).not.toMatch(/url|import|http/);
  });
});
