import { describe, expect, it } from 'vitest';
import { columnsOf, filled, fitted, printable } from '../../src/observe/terminal.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';

describe('printable()', () => {
  it('leaves nothing that a terminal takes for a command, or that turns the line around', () => {
    expect(printable('a\x1b[2Jb\r\nc\u202ed\u2028e\u009bf')).toBe('a�[2Jb��c�d�e�f');
    for (const name of HOSTILE_NAMES) expect(printable(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  });

  it('leaves all else alone', () => {
    expect(printable('é 任务 👩 [x] e\u0301')).toBe('é 任务 👩 [x] e\u0301');
  });
});

describe('columnsOf()', () => {
  it.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['任务', 4],
    ['ｗｉｄｅ', 8],
    ['👩', 2],
    ['█░', 2],
    ['', 0],
  ])('of %j is %i', (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });
});

describe('fitted() and filled()', () => {
  it('cut to columns, and never through a character', () => {
    expect(fitted('orders', 6)).toBe('orders');
    expect(fitted('orders', 5)).toBe('orde…');
    expect(fitted('任务任务', 8)).toBe('任务任务');
    expect(fitted('任务任务', 6)).toBe('任务…');
    expect(fitted('👩👩', 2)).toBe('…');
    expect(fitted('orders', 0)).toBe('');
    expect(fitted('n'.repeat(1_000_000), 3)).toBe('nn…');
    expect(filled('任务任务', 6)).toBe('任务… ');
    expect(filled('ab', 4)).toBe('ab  ');
  });
});
