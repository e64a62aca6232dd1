import type { EdgeLists } from './edge-lists.js';
import type { LayeredGraph, LayerOrders } from './layer-order.js';

/** How far things in a layer stand apart, in pixels. */
export interface Gaps {
  readonly boxGap: number;
  /** Between two lines, and between a line and a box. */
  readonly lineGap: number;
}

const ROUNDS_MAX = 16;
/** How many vertices and edges are looked at, all rounds taken together. */
const STEPS_MAX = 16_000_000;
/** How much more a line wants to be straight than a box to be in the middle of what it is connected to. */
const LINE_WEIGHT = 6;
/** In the last rounds nothing matters but that lines are straight. */
const STRAIGHT_ROUNDS = 4;
const STRAIGHT_WEIGHT = 10_000;

/**
 * Where the centre of each vertex stands within its layer. In each round each layer is moved as near as can be to where its vertices would like to be: boxes
 * in the middle of what they are connected to, lines straight. Orders and gaps are kept exactly, so nothing ever overlaps.
 */
export function acrossPlaces(
  graph: LayeredGraph,
  orders: LayerOrders,
  sizes: ArrayLike<number>,
  gaps: Gaps,
): Float64Array {
  const { boxCount, layerOf, lineOf, before, behind } = graph;
  const { starts, vertices } = orders;
  const layerCount = starts.length - 1;
  const offsets = offsetsIn(graph, orders, sizes, gaps);
  const centres = firstPlaces(orders, offsets);
  const widest = starts.reduce((most, start, layer) => Math.max(most, layer === 0 ? 0 : start - starts[layer - 1]!), 0);
  const row = new Row(widest);
  const wishes = new Float64Array(layerOf.length);
  const weights = new Float64Array(layerOf.length);
  const rounds = Math.max(
    2 + STRAIGHT_ROUNDS,
    Math.min(ROUNDS_MAX, Math.floor(STEPS_MAX / (layerOf.length + 2 * before.ids.length))),
  );
  for (let round = 0; round < rounds; round++) {
    const isForth = round % 2 === 0;
    // The first rounds look at one side only, which takes what hangs together to about the same place.
    const sides = round < 2 ? [isForth ? before : behind] : [before, behind];
    const isLast = round >= rounds - STRAIGHT_ROUNDS;
    const lineCentres = lineCentresOf(graph, centres, !isLast);
    for (let step = 0; step < layerCount; step++) {
      const layer = isForth ? step : layerCount - 1 - step;
      for (let place = starts[layer]!; place < starts[layer + 1]!; place++) {
        const vertex = vertices[place]!;
        if (vertex >= boxCount && round >= 2) {
          wishes[vertex] = lineCentres[lineOf[vertex]!]!;
          weights[vertex] = isLast ? STRAIGHT_WEIGHT : LINE_WEIGHT;
        } else wish(vertex, sides, centres, wishes, weights);
      }
      row.settle(vertices, starts[layer]!, starts[layer + 1]!, wishes, weights, offsets, centres);
    }
  }
  return centres;
}

/** How far behind the first vertex of its layer each one stands at least. */
function offsetsIn(
  { boxCount, lineOf }: LayeredGraph,
  { starts, vertices }: LayerOrders,
  sizes: ArrayLike<number>,
  { boxGap, lineGap }: Gaps,
): Float64Array {
  const offsets = new Float64Array(vertices.length);
  for (let layer = 0; layer + 1 < starts.length; layer++) {
    for (let place = starts[layer]! + 1; place < starts[layer + 1]!; place++) {
      const one = vertices[place - 1]!;
      const next = vertices[place]!;
      const halves = (one < boxCount ? sizes[one]! / 2 : 0) + (next < boxCount ? sizes[next]! / 2 : 0);
      const gap = lineOf[one] === -1 && lineOf[next] === -1 ? boxGap : lineGap;
      offsets[next] = offsets[one]! + halves + gap;
    }
  }
  return offsets;
}

/** Each layer as close as can be, its middle at 0. */
function firstPlaces({ starts, vertices }: LayerOrders, offsets: Float64Array): Float64Array {
  const centres = new Float64Array(vertices.length);
  for (let layer = 0; layer + 1 < starts.length; layer++) {
    const middle = offsets[vertices[starts[layer + 1]! - 1]!]! / 2;
    for (let place = starts[layer]!; place < starts[layer + 1]!; place++)
      centres[vertices[place]!] = offsets[vertices[place]!]! - middle;
  }
  return centres;
}

/** Where each line would be straight: in the middle of its places and, if they count, its ends. */
function lineCentresOf(
  { boxCount, lineOf, behind }: LayeredGraph,
  centres: Float64Array,
  endsCount: boolean,
): Float64Array {
  const sums = new Float64Array(boxCount);
  const counts = new Float64Array(boxCount);
  for (let vertex = boxCount; vertex < centres.length; vertex++) {
    const box = lineOf[vertex]!;
    if (endsCount && counts[box] === 0) {
      sums[box] = centres[box]!;
      counts[box] = 1;
    }
    sums[box]! += centres[vertex]!;
    counts[box]!++;
    if (!endsCount) continue;
    for (let edge = behind.starts[vertex]!; edge < behind.starts[vertex + 1]!; edge++) {
      if (behind.ids[edge]! >= boxCount) continue;
      sums[box]! += centres[behind.ids[edge]!]!;
      counts[box]!++;
    }
  }
  return sums.map((sum, box) => sum / Math.max(counts[box]!, 1));
}

/** The middle of what a vertex is connected to, and how much it matters. */
function wish(
  vertex: number,
  sides: readonly EdgeLists[],
  centres: Float64Array,
  wishes: Float64Array,
  weights: Float64Array,
): void {
  let sum = 0;
  let count = 0;
  for (const { starts, ids } of sides) {
    for (let edge = starts[vertex]!; edge < starts[vertex + 1]!; edge++) {
      sum += centres[ids[edge]!]!;
      count++;
    }
  }
  wishes[vertex] = count === 0 ? centres[vertex]! : sum / count;
  weights[vertex] = count === 0 ? 0.1 : count;
}

/**
 * Puts a layer where the sum of weighted squares of the distances from its wishes is least, in one pass: vertices that push each other form a block, which goes to the
 * middle of what they wish (pool adjacent violators; Ayer and others, Ann. Math. Statist. 26(4), 1955).
 */
class Row {
  readonly #ends: Int32Array;
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;

  constructor(lengthMax: number) {
    this.#ends = new Int32Array(lengthMax);
    this.#sums = new Float64Array(lengthMax);
    this.#weights = new Float64Array(lengthMax);
  }

  settle(
    vertices: Int32Array,
    start: number,
    end: number,
    wishes: Float64Array,
    weights: Float64Array,
    offsets: Float64Array,
    centres: Float64Array,
  ): void {
    let blocks = 0;
    for (let place = start; place < end; place++) {
      const vertex = vertices[place]!;
      let sum = (wishes[vertex]! - offsets[vertex]!) * weights[vertex]!;
      let weight = weights[vertex]!;
      while (blocks > 0 && this.#sums[blocks - 1]! / this.#weights[blocks - 1]! >= sum / weight) {
        blocks--;
        sum += this.#sums[blocks]!;
        weight += this.#weights[blocks]!;
      }
      this.#sums[blocks] = sum;
      this.#weights[blocks] = weight;
      this.#ends[blocks++] = place + 1;
    }
    let place = start;
    for (let block = 0; block < blocks; block++) {
      const base = this.#sums[block]! / this.#weights[block]!;
      for (; place < this.#ends[block]!; place++) centres[vertices[place]!] = base + offsets[vertices[place]!]!;
    }
  }
}
