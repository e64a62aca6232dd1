import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The compilers that users have: the folder of each under node_modules. All three own `.bin/tsc`, so they are called by path. */
export const COMPILERS = ['typescript59', 'typescript', 'typescript7'] as const;
export type Compiler = (typeof COMPILERS)[number];

/** One thing that a compiler had to say. */
export interface Diagnostic {
  /** The file's path from where the compiler ran; empty for what is about no file. */
  readonly file: string;
  readonly line: number;
  /** The whole text in one line, without its code. */
  readonly text: string;
}

/** Files for compilers to read and write, outside the project, gone at the end of an `await using` block. */
export class Workspace implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), 'taskmap-types-')));
    await symlink(join(ROOT, 'node_modules'), join(workspace.path, 'node_modules'), 'junction');
    await workspace.write('package.json', '{ "type": "module" }');
    return workspace;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.path, path)), { recursive: true });
    await writeFile(join(this.path, path), text);
  }

  /** Copies a file of the project to the same path here. */
  async copy(path: string): Promise<void> {
    await cp(join(ROOT, path), join(this.path, path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

/** Compiles what a tsconfig.json says, and gives all that the compiler had to say. */
export async function compile(
  compiler: Compiler,
  config: string,
  options: readonly string[] = [],
  folder: string = ROOT,
): Promise<Diagnostic[]> {
  const tsc = join(ROOT, 'node_modules', compiler, 'bin', 'tsc');
  const child = spawn(process.execPath, [tsc, '-p', config, '--pretty', 'false', ...options], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const diagnostics = parsed(output);
  // A compiler that dies, of too deep a stack for one, says so in words of its own.
  if (code !== 0 && diagnostics.length === 0) return [{ file: '', line: 0, text: `exit code ${code}: ${output}` }];
  return diagnostics;
}

function parsed(output: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const line of output.split(/\r?\n/)) {
    const [, file, number, text] = /^(.+?)\((\d+),\d+\): error TS\d+: (.*)$/.exec(line) ?? [];
    const last = diagnostics.at(-1);
    if (text !== undefined) diagnostics.push({ file: file!, line: Number(number), text });
    else if (last !== undefined && line.startsWith(' '))
      diagnostics.splice(-1, 1, { ...last, text: `${last.text} ${line.trim()}` });
    else if (line.trim() !== '') diagnostics.push({ file: '', line: 0, text: line });
  }
  return diagnostics;
}
