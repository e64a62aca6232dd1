import ts from 'typescript';

/**
 * A program in the documentation, as a module that checks what it says.
 *
 * Blocks of TypeScript (```` ```ts ```` in a page, `@example` in a doc comment) make up programs by one rule: a block that begins with `import` begins a
 * program, and one that does not goes on with the program above it. `expression; // => value` is an assertion. Every line keeps its number, so that
 * whatever goes wrong is told with the line of the page.
 */
export interface Program {
  /** The page, relative to the root of the project. */
  readonly page: string;
  /** The line of the page on which the program begins. */
  readonly line: number;
  /** The text of the module. */
  readonly module: string;
  /** How many assertions there are in it. */
  readonly assertionCount: number;
}

/** Lines of a page that belong together. */
interface Block {
  /** The number of the first line, counted from 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** The programs of a page of Markdown or of a file of source text. */
export function programsOf(page: string, text: string): Program[] {
  const blocks = page.endsWith('.md') ? fencedBlocks(text) : exampleBlocks(text);
  const programs: Block[][] = [];
  for (const block of blocks) {
    const begins = block.lines[0]?.startsWith('import ') ?? false;
    if (begins) programs.push([block]);
    else if (programs.length === 0)
      throw new Error(
        `${page}:${block.line} goes on with a program, but there is none above it. Begin it with its import.`,
      );
    else programs[programs.length - 1]!.push(block);
  }
  return programs.map((program) => compiled(page, program));
}

function fencedBlocks(text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (let open = lines.indexOf('```ts'); open >= 0; open = lines.indexOf('```ts', open + 1)) {
    blocks.push({ line: open + 2, lines: lines.slice(open + 1, lines.indexOf('```', open)) });
  }
  return blocks;
}

function exampleBlocks(text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (const [index, line] of lines.entries()) {
    if (!/^\s*\* @example$/.test(line)) continue;
    const length = lines.slice(index + 1).findIndex((next) => /^\s*\*(\/| @)/.test(next));
    const inside = lines.slice(index + 1, index + 1 + length);
    blocks.push({ line: index + 2, lines: inside.map((next) => next.replace(/^\s*\* ?/, '')) });
  }
  return blocks;
}

/** The blocks as one module in which each stands on its own lines, assertions turned into calls. */
function compiled(page: string, blocks: readonly Block[]): Program {
  const { line } = blocks[0]!;
  const lines = [
    `import { checkerOf } from '../../spec/docs/checker.js'; const __same = checkerOf('${page}:${line}');`,
  ];
  for (const block of blocks) {
    while (lines.length < block.line - 1) lines.push('');
    lines.push(...block.lines);
  }
  const text = `${lines.join('\n')}\n`;
  const assertions = assertionsIn(text);
  const arrowCount = text.split('// =>').length - 1;
  if (arrowCount !== assertions.length) {
    throw new Error(
      `${page}:${line} has ${arrowCount} arrows, but ${assertions.length} of them are of the form \`expression; // => value\`.`,
    );
  }
  let module = text;
  // From the last to the first, so that the places of those before stay right.
  for (const [index, { start, end, expression, value }] of [...assertions.entries()].reverse()) {
    module = `${module.slice(0, start)}__same(${index}, ${expression}, ${value});${module.slice(end)}`;
  }
  return { page, line, module, assertionCount: assertions.length };
}

interface Assertion {
  readonly start: number;
  readonly end: number;
  readonly expression: string;
  readonly value: string;
}

function assertionsIn(text: string): Assertion[] {
  const source = ts.createSourceFile('program.ts', text, ts.ScriptTarget.ES2022);
  const found: Assertion[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node)) {
      const comment = /^[ \t]*\/\/ => ([^\n]+)/.exec(text.slice(node.end));
      if (comment !== null)
        found.push({
          start: node.getStart(source),
          end: node.end,
          expression: node.expression.getText(source),
          value: comment[1]!,
        });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
