import { STATUS_CODES } from '../messages.js';
import { CanvasPane } from './canvas-pane.js';
import { type Colours, colours } from './colours.js';
import { count, counted, shownName } from './format.js';
import { type Boxes, type Edges, type Layout, layoutOf } from './layout.js';
import { drawSign, type Marked, STATUS_WORDS, statusOf } from './marks.js';
import { DELAYED, DONE, FAILED, hasResult, KEPT, READY, RUNNING, type RunState, SKIPPED } from './run-state.js';
import { FONT } from './stream-view.js';
import { type Actions, isFiltered, passes, type Shown } from './view.js';

/** Graphs of more tasks are drawn by their groups. */
export const TASKS_MAX = 500;
/** Of a selected task, so many that it needs are drawn, and so many that need it. */
const NEAR_MAX = 24;
/** How wide boxes are beside their names, and how wide at least and at most, in pixels. */
const TASK_BOXES = { beside: 38, widthMin: 72, widthMax: 168, height: 26, gapX: 40, gapY: 9 } as const;
const GROUP_BOXES = { beside: 42, widthMin: 112, widthMax: 200, height: 48, gapX: 36, gapY: 14 } as const;
const SCALE_MIN = 0.02;
const SCALE_MAX = 3;
const MARGIN = 14;
const HEIGHT_MIN = 130;
const HEIGHT_MAX = 430;
const FIT_MAX = 1.15;

export type GraphMode = 'tasks' | 'groups' | 'near';

/** What is drawn: boxes, and which task or group each of them is. */
interface Scene {
  readonly key: string;
  readonly mode: GraphMode;
  readonly ids: readonly number[];
  readonly placeOf: ReadonlyMap<number, number>;
  readonly boxes: Boxes;
  readonly layout: Layout;
  /** All edges, and those of each box as places in `layout.edges`. */
  readonly paths: readonly Path2D[];
  readonly all: Path2D;
  readonly edgesOf: readonly (readonly number[])[];
  /** Neighbours that there was no room for. */
  readonly leftOut: number;
}

/** The graph in layers, from what needs nothing on the left to what needs most on the right. */
export class GraphView extends CanvasPane {
  readonly #actions: Actions;
  #shown: Shown | undefined;
  #scene: Scene | undefined;
  /** What the user picked; `undefined`: what suits the size of the graph. */
  #picked: GraphMode | undefined;
  #scale = 1;
  #x = 0;
  #y = 0;
  #isMoved = false;
  #fittedTo = '';

  constructor(canvas: HTMLCanvasElement, tip: HTMLElement, actions: Actions) {
    super(canvas, tip, actions.changed);
    this.#actions = actions;
    this.label('No run yet.');
  }

  /** What is drawn for this run. */
  modeFor(shown: Shown): GraphMode {
    const whole = shown.state.size <= TASKS_MAX ? 'tasks' : 'groups';
    if (this.#picked === 'near') return shown.selected >= 0 ? 'near' : whole;
    if (this.#picked === 'tasks') return whole;
    return this.#picked ?? whole;
  }

  pick(mode: GraphMode): void {
    this.#picked = mode;
    this.fit();
  }

  /** A large graph is drawn by groups, so a task that is selected is shown among its neighbours. */
  selected(shown: Shown): void {
    if (shown.selected >= 0 && shown.state.size > TASKS_MAX) this.#picked = 'near';
  }

  override fit(): void {
    this.#isMoved = false;
    this.#fittedTo = '';
    this.changed();
  }

  /** How many neighbours there was no room for. */
  get leftOut(): number {
    return this.#scene?.leftOut ?? 0;
  }

  draw(shown: Shown | undefined): void {
    this.#shown = shown;
    const colour = colours();
    if (!this.begin(colour.panel)) return;
    const { context } = this;
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    context.direction = 'ltr';
    context.font = FONT;
    if (shown === undefined || shown.state.size === 0) {
      context.fillStyle = colour.quiet;
      context.textAlign = 'center';
      const text = shown === undefined ? 'No run yet' : 'The graph has no tasks';
      context.fillText(text, this.width / 2, this.height / 2);
      this.label(`${text}.`);
      this.#wantHeight(HEIGHT_MIN);
      return;
    }
    const scene = this.#sceneFor(shown);
    this.#wantHeight(
      scene.layout.height * Math.min((this.width - 2 * MARGIN) / scene.layout.width, FIT_MAX) + 2 * MARGIN,
    );
    this.#fitOnce(scene);
    context.save();
    context.translate(this.#x, this.#y);
    context.scale(this.#scale, this.#scale);
    this.#drawEdges(scene, shown, colour);
    this.#drawBoxes(scene, shown, colour);
    context.restore();
    const what =
      scene.mode === 'groups' ? counted(shown.state.structure.groupCount, 'group') : counted(scene.ids.length, 'task');
    this.label(
      `Graph of ${what}. The list “Tasks” says the same as text. Plus and minus zoom, arrows move, Home shows all of it.`,
    );
  }

  protected override panned(x: number, y: number): void {
    this.#isMoved = true;
    this.#x += x;
    this.#y += y;
  }

  protected override zoomed(factor: number, x: number = this.width / 2, y: number = this.height / 2): void {
    this.#isMoved = true;
    const scale = Math.min(Math.max(this.#scale * factor, SCALE_MIN), SCALE_MAX);
    this.#x = x - ((x - this.#x) / this.#scale) * scale;
    this.#y = y - ((y - this.#y) / this.#scale) * scale;
    this.#scale = scale;
  }

  protected override clicked(x: number, y: number): void {
    const found = this.#boxAt(x, y);
    if (this.#scene?.mode === 'groups') this.#actions.filterGroup(found ?? -1);
    else this.#actions.select(found ?? -1);
  }

  protected override tipAt(x: number, y: number): readonly string[] | undefined {
    const found = this.#boxAt(x, y);
    if (found === undefined || this.#shown === undefined || this.#scene === undefined) return undefined;
    const { state } = this.#shown;
    if (this.#scene.mode !== 'groups')
      return [shownName(state.run.names[found] ?? ''), STATUS_WORDS[statusOf(state.status(found))]];
    const parts = STATUS_CODES.map(
      (status, code) => [state.groupCounts[found * STATUS_CODES.length + code]!, STATUS_WORDS[status]] as const,
    );
    const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`);
    return [shownName(state.run.groupNames[found] ?? ''), said.join(', ')];
  }

  protected override pressed(key: string): boolean {
    if (key !== 'Escape') return false;
    this.#actions.select(-1);
    return true;
  }

  #sceneFor(shown: Shown): Scene {
    const mode = this.modeFor(shown);
    const { state } = shown;
    const aspect = this.width > 640 ? 2.2 : 1.1;
    const key = JSON.stringify([state.run.runId, mode, mode === 'near' ? shown.selected : -1, aspect]);
    if (this.#scene?.key === key) return this.#scene;
    if (mode === 'groups') {
      const groups = Array.from({ length: state.structure.groupCount }, (_, group) => group);
      this.#scene = sceneOf(
        key,
        mode,
        groups,
        groupEdges(state),
        this.#boxes(GROUP_BOXES, state.run.groupNames),
        aspect,
        0,
      );
    } else if (mode === 'tasks') {
      const tasks = Array.from({ length: state.size }, (_, task) => task);
      this.#scene = sceneOf(
        key,
        mode,
        tasks,
        edgesAmong(tasks, state),
        this.#boxes(TASK_BOXES, state.run.names),
        aspect,
        0,
      );
    } else {
      const { dependencies, dependents, leftOut } = neighbours(state, shown.selected);
      const near = [...new Set([...dependencies, shown.selected, ...dependents])];
      this.#scene = sceneOf(
        key,
        mode,
        near,
        edgesAmong(near, state),
        this.#boxes(
          TASK_BOXES,
          near.map((task) => state.run.names[task] ?? ''),
        ),
        aspect,
        leftOut,
      );
    }
    return this.#scene;
  }

  /** No higher than what there is to be seen; the panel may be given more. The observer of its size calls for another drawing. */
  #wantHeight(height: number): void {
    const wanted = `${Math.round(Math.min(Math.max(height, HEIGHT_MIN), HEIGHT_MAX))}px`;
    if (this.canvas.style.flexBasis !== wanted) this.canvas.style.flexBasis = wanted;
  }

  /** As wide as the names need: then more of the graph is seen at once. */
  #boxes(
    { beside, widthMin, widthMax, ...boxes }: typeof TASK_BOXES | typeof GROUP_BOXES,
    names: readonly string[],
  ): Boxes {
    let width: number = widthMin;
    for (const name of names) {
      if (width === widthMax) break;
      width = Math.min(
        Math.max(width, Math.ceil(this.context.measureText(shownName(name, 60)).width) + beside),
        widthMax,
      );
    }
    return { ...boxes, width };
  }

  #fitOnce({ key, layout }: Scene): void {
    const size = `${key} ${this.width} ${this.height}`;
    if (this.#fittedTo === size || (this.#isMoved && this.#fittedTo.startsWith(`${key} `))) return;
    this.#fittedTo = size;
    this.#isMoved = false;
    this.#scale = Math.min(
      (this.width - 2 * MARGIN) / layout.width,
      (this.height - 2 * MARGIN) / layout.height,
      FIT_MAX,
    );
    this.#x = (this.width - layout.width * this.#scale) / 2;
    this.#y = (this.height - layout.height * this.#scale) / 2;
  }

  #drawEdges({ all, mode, paths, edgesOf, placeOf }: Scene, { selected }: Shown, colour: Colours): void {
    const { context } = this;
    const picked = mode === 'groups' ? undefined : placeOf.get(selected);
    context.lineWidth = Math.max(1.1, 0.7 / this.#scale);
    context.strokeStyle = colour.edge;
    // So many lie over each other that only where they are thick can be seen.
    context.globalAlpha = picked !== undefined && mode === 'tasks' ? 0.3 : paths.length > 1_500 ? 0.35 : 0.9;
    context.stroke(all);
    context.globalAlpha = 1;
    if (picked === undefined) return;
    context.strokeStyle = colour.accent;
    context.lineWidth = Math.max(1.8, 1.2 / this.#scale);
    for (const edge of edgesOf[picked]!) context.stroke(paths[edge]!);
  }

  #drawBoxes(scene: Scene, shown: Shown, colour: Colours): void {
    const { context } = this;
    const { layout, boxes, ids, mode } = scene;
    const left = -this.#x / this.#scale - boxes.width;
    const right = (this.width - this.#x) / this.#scale;
    const top = -this.#y / this.#scale - boxes.height;
    const bottom = (this.height - this.#y) / this.#scale;
    const near = mode === 'tasks' && shown.selected >= 0 ? nearOf(shown.state, shown.selected) : undefined;
    const filtered = isFiltered(shown.filter);
    for (const [place, id] of ids.entries()) {
      const x = layout.x[place]!;
      const y = layout.y[place]!;
      if (x < left || x > right || y < top || y > bottom) continue;
      if (mode === 'groups') {
        context.globalAlpha = shown.filter.group >= 0 && shown.filter.group !== id ? 0.3 : 1;
        this.#drawGroup(shown, id, x, y, boxes, colour);
      } else {
        const dim =
          (near !== undefined && !near.has(id)) ||
          (filtered && id !== shown.selected && !passes(shown.filter, shown.state, id));
        context.globalAlpha = dim ? 0.4 : 1;
        this.#drawTask(shown, id, x, y, boxes, colour);
      }
    }
    context.globalAlpha = 1;
  }

  #drawTask(
    { state, selected }: Shown,
    task: number,
    x: number,
    y: number,
    { width, height }: Boxes,
    colour: Colours,
  ): void {
    const { context } = this;
    const status = statusOf(state.status(task));
    const { solid, tint, on } = colour.status[status];
    const small = this.#scale * height < 11;
    box(context, x, y, width, height, small ? solid : tint);
    if (small) {
      if (this.#scale * height >= 6) drawSign(context, status, x + width / 2 - height / 2, y, height, on);
    } else {
      const progress = status === 'running' ? state.progressOf(task) : undefined;
      if (progress !== undefined)
        wash(context, x, y, Math.max(width * Math.min(Math.max(progress.fraction, 0), 1), height), height, solid, 0.25);
      context.strokeStyle = solid;
      context.lineWidth = 1.2;
      if (status === 'skipped') context.setLineDash([4, 3]);
      outline(context, x, y, width, height);
      context.setLineDash([]);
      context.fillStyle = solid;
      context.beginPath();
      context.roundRect(x, y, 22, height, [5, 0, 0, 5]);
      context.fill();
      drawSign(context, status, x + 3, y + (height - 16) / 2, 16, on);
      context.fillStyle = colour.text;
      context.fillText(
        fitted(context, shownName(state.run.names[task] ?? ''), width - 34),
        x + 28,
        y + height / 2 + 0.5,
      );
    }
    if (task !== selected) return;
    context.strokeStyle = colour.text;
    context.lineWidth = Math.max(2.2, 2 / this.#scale);
    outline(context, x - 2, y - 2, width + 4, height + 4);
  }

  #drawGroup(
    { state, filter }: Shown,
    group: number,
    x: number,
    y: number,
    { width, height }: Boxes,
    colour: Colours,
  ): void {
    const { context } = this;
    const counts = state.groupCounts.subarray(group * STATUS_CODES.length, (group + 1) * STATUS_CODES.length);
    const size = state.structure.tasksOfGroup(group).length;
    const status = groupStatus(counts, size);
    const { solid, tint, on } = colour.status[status];
    const small = this.#scale * height < 16;
    box(context, x, y, width, height, small ? solid : tint);
    if (!small) {
      context.strokeStyle = solid;
      context.lineWidth = 1.2;
      outline(context, x, y, width, height);
      context.fillStyle = solid;
      context.beginPath();
      context.arc(x + 15, y + 16, 8, 0, 2 * Math.PI);
      context.fill();
      drawSign(context, status, x + 8, y + 9, 14, on);
      const said = `${count(counts[DONE]! + counts[KEPT]!)}/${count(size)}`;
      const saidWidth = context.measureText(said).width;
      context.fillStyle = colour.quiet;
      context.fillText(said, x + width - 9 - saidWidth, y + height - 11);
      context.fillStyle = colour.text;
      context.fillText(fitted(context, shownName(state.run.groupNames[group] ?? ''), width - 38), x + 29, y + 16.5);
    }
    const saidSpace = small ? 0 : context.measureText(`${count(size)}/${count(size)}`).width + 6;
    const barWidth = Math.max(width - 16 - saidSpace, 8);
    let left = x + 8;
    for (const part of BAR_ORDER) {
      const wide = (barWidth * counts[part]!) / Math.max(size, 1);
      context.fillStyle = colour.status[statusOf(part)].solid;
      if (wide > 0) context.fillRect(left, y + height - 15, wide, 7);
      left += wide;
    }
    if (left < x + 7.5 + barWidth) {
      context.fillStyle = colour.edge;
      context.fillRect(left, y + height - 15, x + 8 + barWidth - left, 7);
    }
    if (group !== filter.group) return;
    context.strokeStyle = colour.text;
    context.lineWidth = Math.max(2.2, 2 / this.#scale);
    outline(context, x - 2, y - 2, width + 4, height + 4);
  }

  #boxAt(x: number, y: number): number | undefined {
    const scene = this.#scene;
    if (scene === undefined || this.#shown === undefined) return undefined;
    const atX = (x - this.#x) / this.#scale;
    const atY = (y - this.#y) / this.#scale;
    const { layout, boxes } = scene;
    const found = scene.ids.findIndex((_, place) => {
      const inX = atX - layout.x[place]!;
      const inY = atY - layout.y[place]!;
      return inX >= 0 && inX <= boxes.width && inY >= 0 && inY <= boxes.height;
    });
    return scene.ids[found];
  }
}

/** How the parts of a bar follow each other. What is not among them waits. */
export const BAR_ORDER: readonly number[] = [DONE, KEPT, RUNNING, DELAYED, FAILED, SKIPPED];

/** What matters most about a group. */
export function groupStatus(counts: ArrayLike<number>, size: number): Marked {
  if (counts[FAILED]! > 0) return 'failed';
  if (counts[RUNNING]! > 0) return 'running';
  if (counts[DELAYED]! > 0) return 'delayed';
  if (counts[KEPT]! === size) return 'kept';
  if (counts[DONE]! + counts[KEPT]! === size) return 'done';
  if (counts[DONE]! + counts[KEPT]! + counts[SKIPPED]! === size) return 'skipped';
  return counts[READY]! > 0 ? 'ready' : 'pending';
}

function sceneOf(
  key: string,
  mode: GraphMode,
  ids: readonly number[],
  edges: Edges,
  boxes: Boxes,
  aspect: number,
  leftOut: number,
): Scene {
  const layout = layoutOf(edges, boxes, aspect);
  const all = new Path2D();
  const edgesOf: number[][] = ids.map(() => []);
  const paths = layout.edges.map(({ from, to, through }, index) => {
    const path = new Path2D();
    curve(path, layout, boxes, from, to, through);
    all.addPath(path);
    edgesOf[from]!.push(index);
    edgesOf[to]!.push(index);
    return path;
  });
  return {
    key,
    mode,
    ids,
    placeOf: new Map(ids.map((id, place) => [id, place])),
    boxes,
    layout,
    paths,
    all,
    edgesOf,
    leftOut,
  };
}

function curve(
  path: Path2D,
  { x, y }: Layout,
  { width, height }: Boxes,
  from: number,
  to: number,
  through: readonly number[],
): void {
  let lastX = x[from]! + width;
  let lastY = y[from]! + height / 2;
  path.moveTo(lastX, lastY);
  const bend = (toX: number, toY: number): void => {
    // An edge that leads back leaves its box on the right as well.
    const reach = toX > lastX ? (toX - lastX) / 2 : Math.min(60 + (lastX - toX) / 4, 200);
    path.bezierCurveTo(lastX + reach, lastY, toX - reach, toY, toX, toY);
  };
  for (let index = 0; index < through.length; index += 2) {
    bend(through[index]!, through[index + 1]!);
    lastX = through[index]! + width;
    lastY = through[index + 1]!;
    path.lineTo(lastX, lastY);
  }
  bend(x[to]!, y[to]! + height / 2);
}

function edgesAmong(tasks: readonly number[], { structure }: RunState): Edges {
  const placeOf = new Map(tasks.map((task, place) => [task, place]));
  const starts = [0];
  const ids: number[] = [];
  for (const task of tasks) {
    for (const dependency of structure.dependencies(task)) {
      const place = placeOf.get(dependency);
      if (place !== undefined) ids.push(place);
    }
    starts.push(ids.length);
  }
  return { size: tasks.length, starts, ids };
}

/** A group needs another one if one of its tasks does. */
function groupEdges({ run, structure }: RunState): Edges {
  const needed: Set<number>[] = run.groupNames.map(() => new Set());
  for (let task = 0; task < structure.size; task++) {
    const group = run.groups[task]!;
    for (let edge = run.dependencyStarts[task]!; edge < run.dependencyStarts[task + 1]!; edge++) {
      const other = run.groups[run.dependencies[edge]!]!;
      if (other !== group) needed[group]!.add(other);
    }
  }
  const starts = [0];
  const ids: number[] = [];
  for (const groups of needed) {
    ids.push(...groups);
    starts.push(ids.length);
  }
  return { size: needed.length, starts, ids };
}

/** Those first that explain most: that have failed, run, or wait. */
function neighbours(
  state: RunState,
  task: number,
): { readonly dependencies: number[]; readonly dependents: number[]; readonly leftOut: number } {
  const weight = (one: number): number => (hasResult(state.status(one)) ? 1 : 0);
  const by = (a: number, b: number): number => weight(a) - weight(b) || a - b;
  const dependencies = [...new Set(state.structure.dependencies(task))].sort(by);
  const dependents = [...new Set(state.structure.dependents(task))].sort(by);
  const leftOut = Math.max(dependencies.length - NEAR_MAX, 0) + Math.max(dependents.length - NEAR_MAX, 0);
  return { dependencies: dependencies.slice(0, NEAR_MAX), dependents: dependents.slice(0, NEAR_MAX), leftOut };
}

function nearOf({ structure }: RunState, task: number): ReadonlySet<number> {
  return new Set([task, ...structure.dependencies(task), ...structure.dependents(task)]);
}

function box(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
): void {
  context.fillStyle = fill;
  context.beginPath();
  context.roundRect(x, y, width, height, 5);
  context.fill();
}

function wash(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  alpha: number,
): void {
  const before = context.globalAlpha;
  context.globalAlpha = before * alpha;
  box(context, x, y, width, height, fill);
  context.globalAlpha = before;
}

function outline(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, 5);
  context.stroke();
}

const fittedNames = new Map<string, string>();

/** A name, cut to a width. To measure takes long, and names stay the same. */
function fitted(context: CanvasRenderingContext2D, name: string, width: number): string {
  const key = `${Math.round(width)} ${name}`;
  const known = fittedNames.get(key);
  if (known !== undefined) return known;
  let cut = name;
  if (context.measureText(name).width > width) {
    let low = 0;
    let high = name.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${name.slice(0, middle)}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    cut = `${name.slice(0, low)}…`;
  }
  if (fittedNames.size > 20_000) fittedNames.clear();
  fittedNames.set(key, cut);
  return cut;
}
