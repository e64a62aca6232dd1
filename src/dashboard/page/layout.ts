/*
 * Where the boxes of a graph stand: in layers from left to right, each behind all that it needs, in an order in which few edges cross (Sugiyama, Tagawa and Toda, 1981).
 *
 *   layer of a box       one more than the highest of those that it needs
 *   a long edge          has a place in every layer that it passes, so that it runs between boxes and not behind them
 *   order in a layer     by the mean place of the neighbours, layer after layer, to and fro; the order with the fewest crossings is kept
 *   height of a box      as near to its neighbours as the order allows (isotonic regression)
 *   a crowded layer      stands in several columns
 */

/** Who needs whom: those that `i` needs are `ids[starts[i]]` up to `ids[starts[i + 1] - 1]`. */
export interface Edges {
  readonly size: number;
  readonly starts: ArrayLike<number>;
  readonly ids: ArrayLike<number>;
}

export interface Boxes {
  readonly width: number;
  readonly height: number;
  /** Between two layers, and between boxes of one. */
  readonly gapX: number;
  readonly gapY: number;
}

export interface Layout {
  /** The upper left corner of each box. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
  readonly edges: readonly Edge[];
}

export interface Edge {
  readonly from: number;
  readonly to: number;
  /** `x` of the left side and `y` of each place between both where it goes straight for the width of a box. */
  readonly through: readonly number[];
}

/** Where there are more, long edges get no places of their own: the picture is too dense for it to be seen. */
const PLACES_MAX = 3_000;
const SWEEPS = 10;

/** @param aspect - how many times wider than high the picture is to be */
export function layoutOf(graph: Edges, boxes: Boxes, aspect: number): Layout {
  const { layerOf, layerCount, isBack } = layering(graph);
  const long = new Map<number, readonly number[]>();
  const links = new Links(graph, layerOf, isBack, long);
  const layers: number[][] = Array.from({ length: layerCount }, () => []);
  for (let place = 0; place < links.size; place++) layers[links.layerOf[place]!]!.push(place);
  if (links.size <= PLACES_MAX * 2) putInOrder(layers, links);
  return place(graph, layers, links, long, boxes, aspect);
}

/** Kahn's algorithm. Groups may need each other in circles: then the first of them goes first, and what it needs of the others is an edge back. */
function layering({ size, starts, ids }: Edges): { layerOf: Int32Array; layerCount: number; isBack: Uint8Array } {
  const layerOf = new Int32Array(size);
  const isBack = new Uint8Array(ids.length);
  const unmet = new Int32Array(size);
  const placed = new Uint8Array(size);
  const needing: number[][] = Array.from({ length: size }, () => []);
  for (let node = 0; node < size; node++) {
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
      unmet[node]!++;
      needing[ids[edge]!]!.push(node);
    }
  }
  const queue: number[] = [];
  for (let node = 0; node < size; node++) if (unmet[node] === 0) queue.push(node);
  let forced = 0;
  for (let index = 0; index < size; index++) {
    if (index === queue.length) {
      while (placed[forced] === 1 || unmet[forced]! <= 0) forced++;
      unmet[forced] = 0;
      queue.push(forced);
    }
    const node = queue[index]!;
    placed[node] = 1;
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
      if (placed[ids[edge]!] === 0 || ids[edge] === node) isBack[edge] = 1;
      else layerOf[node] = Math.max(layerOf[node]!, layerOf[ids[edge]!]! + 1);
    }
    for (const next of needing[node]!) if (--unmet[next]! === 0 && placed[next] === 0) queue.push(next);
  }
  // What needs nothing stands right before the first that needs it.
  for (let node = 0; node < size; node++) {
    if (starts[node] !== starts[node + 1] || needing[node]!.length === 0) continue;
    layerOf[node] = Math.max(
      needing[node]!.reduce((least, next) => Math.min(least, layerOf[next]!), Number.POSITIVE_INFINITY) - 1,
      0,
    );
  }
  return { layerOf, layerCount: layerOf.reduce((most, layer) => Math.max(most, layer + 1), 0), isBack };
}

/** Boxes and the places of long edges, with who is next to whom in the layers before and behind. */
class Links {
  readonly size: number;
  readonly boxCount: number;
  readonly layerOf: number[];
  readonly before: number[][] = [];
  readonly behind: number[][] = [];

  constructor(
    { size, starts, ids }: Edges,
    layerOf: Int32Array,
    isBack: Uint8Array,
    long: Map<number, readonly number[]>,
  ) {
    this.boxCount = size;
    this.layerOf = Array.from(layerOf);
    for (let node = 0; node < size; node++) {
      this.before.push([]);
      this.behind.push([]);
    }
    let places = 0;
    for (let node = 0; node < size; node++)
      for (let edge = starts[node]!; edge < starts[node + 1]!; edge++)
        places += Math.max(layerOf[node]! - layerOf[ids[edge]!]! - 1, 0);
    for (let node = 0; node < size; node++) {
      for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
        if (isBack[edge] === 1) continue;
        let last = ids[edge]!;
        if (places <= PLACES_MAX && layerOf[node]! - layerOf[last]! > 1) {
          const through: number[] = [];
          for (let layer = layerOf[last]! + 1; layer < layerOf[node]!; layer++) {
            const made = this.layerOf.push(layer) - 1;
            this.before.push([]);
            this.behind.push([]);
            this.#link(last, made);
            through.push(made);
            last = made;
          }
          long.set(edge, through);
        }
        this.#link(last, node);
      }
    }
    this.size = this.layerOf.length;
  }

  #link(before: number, behind: number): void {
    this.behind[before]!.push(behind);
    this.before[behind]!.push(before);
  }
}

function putInOrder(layers: number[][], links: Links): void {
  const placeOf = new Float64Array(links.size);
  const number = (layer: readonly number[]): void => {
    for (const [place, one] of layer.entries()) placeOf[one] = place;
  };
  for (const layer of layers) number(layer);
  let best = layers.map((layer) => layer.slice());
  let fewest = crossings(layers, links, placeOf);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const forth = sweep % 2 === 0;
    for (let step = 1; step < layers.length; step++) {
      const layer = layers[forth ? step : layers.length - 1 - step]!;
      const mean = new Map(
        layer.map((one) => [one, meanOf((forth ? links.before : links.behind)[one]!, placeOf) ?? placeOf[one]!]),
      );
      layer.sort((a, b) => mean.get(a)! - mean.get(b)! || placeOf[a]! - placeOf[b]!);
      number(layer);
    }
    const now = crossings(layers, links, placeOf);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => layer.slice());
    }
  }
  for (const [index, layer] of best.entries()) layers[index] = layer;
}

function meanOf(neighbours: readonly number[], value: Float64Array): number | undefined {
  if (neighbours.length === 0) return undefined;
  let sum = 0;
  for (const one of neighbours) sum += value[one]!;
  return sum / neighbours.length;
}

/** How many pairs of edges cross, counted as inversions with a tree of sums (Barth, Jünger and Mutzel, 2002). */
function crossings(layers: readonly (readonly number[])[], links: Links, placeOf: Float64Array): number {
  let count = 0;
  for (let index = 1; index < layers.length; index++) {
    const width = layers[index]!.length;
    const tree = new Int32Array(width + 1);
    let seen = 0;
    for (const one of layers[index - 1]!) {
      const ends = links.behind[one]!.map((end) => placeOf[end]!).sort((a, b) => a - b);
      for (const end of ends) {
        let notRight = 0;
        for (let at = end + 1; at > 0; at -= at & -at) notRight += tree[at]!;
        count += seen - notRight;
      }
      for (const end of ends) for (let at = end + 1; at <= width; at += at & -at) tree[at]!++;
      seen += ends.length;
    }
  }
  return count;
}

function place(
  graph: Edges,
  layers: readonly (readonly number[])[],
  links: Links,
  long: ReadonlyMap<number, readonly number[]>,
  boxes: Boxes,
  aspect: number,
): Layout {
  const { width, height, gapX, gapY } = boxes;
  const rowsMax = bestHeight(layers, links, boxes, aspect);
  const columnsOf = layers.map((layer) => Math.max(Math.ceil(boxesIn(layer, links) / rowsMax), 1));
  // A row of a layer is what stands side by side in it: a box, as a rule.
  const rowsOf = layers.map((layer, index) => rows(layer, links, columnsOf[index]!));
  const yOf = new Float64Array(links.size);
  for (const layer of rowsOf) {
    const heights = layer.map((row) => spaceFor(row, links, height, gapY));
    let y = -heights.reduce((sum, one) => sum + one, 0) / 2;
    for (const [index, row] of layer.entries()) {
      for (const one of row) yOf[one] = y + heights[index]! / 2;
      y += heights[index]!;
    }
  }
  for (let sweep = 0; sweep < 8; sweep++) {
    const forth = sweep % 2 === 0;
    for (let step = 0; step < rowsOf.length; step++) {
      const layer = rowsOf[forth ? step : rowsOf.length - 1 - step]!;
      settle(layer, links, yOf, height, gapY, sweep >= 6 ? 'both' : forth ? 'before' : 'behind');
    }
  }
  const x = new Float64Array(links.size);
  let left = 0;
  for (const [index, layer] of rowsOf.entries()) {
    const columns = columnsOf[index]!;
    for (const row of layer) for (const [column, one] of row.entries()) x[one] = left + column * (width + gapY);
    left += columns * (width + gapY) - gapY + gapX;
  }
  let top = Number.POSITIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (let one = 0; one < links.size; one++) {
    if (one >= links.boxCount && columnsOf[links.layerOf[one]!] !== 1) continue;
    top = Math.min(top, yOf[one]! - height / 2);
    bottom = Math.max(bottom, yOf[one]! + height / 2);
  }
  const edges: Edge[] = [];
  for (let to = 0; to < graph.size; to++) {
    for (let edge = graph.starts[to]!; edge < graph.starts[to + 1]!; edge++) {
      const from = graph.ids[edge]!;
      if (from === to) continue;
      const through = (long.get(edge) ?? [])
        .filter((one) => columnsOf[links.layerOf[one]!] === 1)
        .flatMap((one) => [x[one]!, yOf[one]! - top]);
      edges.push({ from, to, through });
    }
  }
  const y = new Float64Array(graph.size);
  for (let node = 0; node < graph.size; node++) y[node] = yOf[node]! - height / 2 - top;
  return {
    x: x.slice(0, graph.size),
    y,
    width: Math.max(left - gapX, width),
    height: Math.max(bottom - top, height),
    edges,
  };
}

function boxesIn(layer: readonly number[], links: Links): number {
  let count = 0;
  for (const one of layer) if (one < links.boxCount) count++;
  return count;
}

/** How many boxes one column may hold for the picture to be shown as large as can be. */
function bestHeight(
  layers: readonly (readonly number[])[],
  links: Links,
  { width, height, gapX, gapY }: Boxes,
  aspect: number,
): number {
  const sizes = layers.map((layer) => boxesIn(layer, links));
  const most = sizes.reduce((a, b) => Math.max(a, b), 1);
  let best = most;
  let largest = 0;
  for (let rowsMax = most; rowsMax >= 4; rowsMax = Math.min(rowsMax - 1, Math.floor(rowsMax * 0.93))) {
    const wide = sizes.reduce((sum, size) => sum + Math.max(Math.ceil(size / rowsMax), 1) * (width + gapY) + gapX, 0);
    const scale = Math.min(aspect / wide, 1 / (rowsMax * (height + gapY)));
    // Fewer columns are easier to read: more of them must be worth it.
    if (scale > largest * 1.08) {
      largest = scale;
      best = rowsMax;
    }
  }
  return best;
}

function rows(layer: readonly number[], links: Links, columns: number): number[][] {
  if (columns === 1) return layer.map((one) => [one]);
  const made: number[][] = [];
  for (const one of layer) {
    // A place of a long edge is not drawn in a layer of several columns.
    if (one >= links.boxCount) continue;
    const last = made.at(-1);
    if (last === undefined || last.length === columns) made.push([one]);
    else last.push(one);
  }
  return made;
}

function spaceFor(row: readonly number[], links: Links, height: number, gapY: number): number {
  return row.some((one) => one < links.boxCount) ? height + gapY : gapY * 1.5;
}

/** Moves the rows of a layer as near to their neighbours as their order and their height allow: the least sum of squares, found by pooling (Ayer and others, 1955). */
function settle(
  layer: readonly (readonly number[])[],
  links: Links,
  yOf: Float64Array,
  height: number,
  gapY: number,
  side: 'before' | 'behind' | 'both',
): void {
  const offsets: number[] = [];
  const pools: { mean: number; weight: number; count: number }[] = [];
  let offset = 0;
  let last = 0;
  for (const row of layer) {
    const space = spaceFor(row, links, height, gapY);
    offset += (last + space) / 2;
    last = space;
    offsets.push(offset);
    let sum = 0;
    let weight = 0;
    for (const one of row) {
      const neighbours = side === 'both' ? links.before[one]!.concat(links.behind[one]!) : links[side][one]!;
      for (const neighbour of neighbours) sum += yOf[neighbour]!;
      weight += neighbours.length;
    }
    // What has no neighbours there stays where it is, and gives way.
    let pool =
      weight > 0
        ? { mean: sum / weight - offset, weight, count: 1 }
        : { mean: yOf[row[0]!]! - offset, weight: 0.01, count: 1 };
    for (let before = pools.at(-1); before !== undefined && before.mean > pool.mean; before = pools.at(-1)) {
      pools.pop();
      const both = before.weight + pool.weight;
      pool = {
        mean: (before.mean * before.weight + pool.mean * pool.weight) / both,
        weight: both,
        count: before.count + pool.count,
      };
    }
    pools.push(pool);
  }
  let index = 0;
  for (const { mean, count } of pools) {
    for (let left = count; left > 0; left--, index++)
      for (const one of layer[index]!) yOf[one] = mean + offsets[index]!;
  }
}
