import type { EdgeLists } from './edge-lists.js';

/** Boxes, and the places at which edges pass layers. Every edge goes from a layer to the next one. */
export interface LayeredGraph {
  /** Vertices below this number are boxes, the others places of lines. */
  readonly boxCount: number;
  readonly layerOf: Int32Array;
  /** The box from which the line at a place comes; -1 for a box. */
  readonly lineOf: Int32Array;
  /** For each vertex those in the layer before it. */
  readonly before: EdgeLists;
  /** For each vertex those in the layer behind it. */
  readonly behind: EdgeLists;
}

/** The vertices of each layer in order: those of layer `l` from `starts[l]` up to, and not including, `starts[l + 1]`. */
export interface LayerOrders {
  readonly starts: Int32Array;
  readonly vertices: Int32Array;
}

const SWEEPS_MAX = 24;
/** So many sweeps in a row that make nothing better are the last ones. */
const VAIN_SWEEPS_MAX = 4;
/** How many vertices and edges are looked at, all sweeps taken together. */
const SWEEP_STEPS_MAX = 12_000_000;
/** The same for exchanging neighbours. */
const EXCHANGE_STEPS_MAX = 6_000_000;
/** Below this no two values are taken for different: they come out of sums in another order. */
const EPSILON = 1e-9;

/** Orders that leave few crossings: by the average place of what a vertex is connected to, forth and back, and then by exchanging neighbours. */
export function layerOrders(graph: LayeredGraph): LayerOrders {
  const orders = firstOrders(graph);
  const places = placesIn(orders);
  let crossings = crossingCount(graph, orders, places);
  let best = orders.vertices.slice();
  let vain = 0;
  let steps = 0;
  const stepsPerSweep = 2 * (graph.layerOf.length + graph.before.ids.length);
  for (
    let sweep = 0;
    sweep < SWEEPS_MAX && crossings > 0 && vain < VAIN_SWEEPS_MAX && steps < SWEEP_STEPS_MAX;
    sweep++, steps += stepsPerSweep
  ) {
    sortByNeighbours(graph, orders, places, sweep);
    const left = crossingCount(graph, orders, places);
    if (left < crossings) {
      crossings = left;
      best = orders.vertices.slice();
      vain = 0;
    } else vain++;
  }
  orders.vertices.set(best);
  if (crossings > 0) exchangeNeighbours(graph, orders, placesIn(orders));
  return orders;
}

/** In the order in which a walk along the edges first comes by, so that what hangs together stands together. */
function firstOrders({ layerOf, before, behind }: LayeredGraph): LayerOrders {
  const size = layerOf.length;
  const starts = new Int32Array(layerOf.reduce((most, layer) => Math.max(most, layer), 0) + 2);
  for (const layer of layerOf) starts[layer + 1]!++;
  for (let layer = 1; layer < starts.length; layer++) starts[layer]! += starts[layer - 1]!;
  const next = starts.slice();
  const vertices = new Int32Array(size);
  const seen = new Uint8Array(size);
  const stack: number[] = [];
  for (let root = 0; root < size; root++) {
    if (seen[root] === 1 || before.starts[root] !== before.starts[root + 1]) continue;
    stack.push(root);
    for (let vertex = stack.pop(); vertex !== undefined; vertex = stack.pop()) {
      if (seen[vertex] === 1) continue;
      seen[vertex] = 1;
      vertices[next[layerOf[vertex]!]!++] = vertex;
      for (let edge = behind.starts[vertex + 1]! - 1; edge >= behind.starts[vertex]!; edge--) {
        if (seen[behind.ids[edge]!] === 0) stack.push(behind.ids[edge]!);
      }
    }
  }
  return { starts, vertices };
}

/** The place of each vertex in its layer. */
function placesIn({ starts, vertices }: LayerOrders): Int32Array {
  const places = new Int32Array(vertices.length);
  for (let layer = 0; layer + 1 < starts.length; layer++) {
    for (let place = starts[layer]!; place < starts[layer + 1]!; place++)
      places[vertices[place]!] = place - starts[layer]!;
  }
  return places;
}

/** One sweep: forth if its number is even, else back. Every other pair of sweeps turns those around that are connected to the same place on average. */
function sortByNeighbours(
  { before, behind }: LayeredGraph,
  { starts, vertices }: LayerOrders,
  places: Int32Array,
  sweep: number,
): void {
  const isForth = sweep % 2 === 0;
  const turns = sweep % 4 >= 2;
  const neighbours = isForth ? before : behind;
  const layerCount = starts.length - 1;
  const averages = new Float64Array(vertices.length);
  for (let step = 1; step < layerCount; step++) {
    const layer = isForth ? step : layerCount - 1 - step;
    const start = starts[layer]!;
    const end = starts[layer + 1]!;
    // What is connected to nothing there keeps its place.
    const moving: number[] = [];
    for (let place = start; place < end; place++) {
      const vertex = vertices[place]!;
      const from = neighbours.starts[vertex]!;
      const to = neighbours.starts[vertex + 1]!;
      if (from === to) continue;
      let sum = 0;
      for (let edge = from; edge < to; edge++) sum += places[neighbours.ids[edge]!]!;
      averages[vertex] = sum / (to - from);
      moving.push(vertex);
    }
    moving.sort((a, b) => {
      const apart = averages[a]! - averages[b]!;
      if (Math.abs(apart) > EPSILON) return apart;
      return turns ? places[b]! - places[a]! : places[a]! - places[b]!;
    });
    let moved = 0;
    for (let place = start; place < end; place++) {
      const vertex = vertices[place]!;
      if (neighbours.starts[vertex] !== neighbours.starts[vertex + 1]) vertices[place] = moving[moved++]!;
    }
    for (let place = start; place < end; place++) places[vertices[place]!] = place - start;
  }
}

/** How many pairs of edges cross: for each edge those before it that end behind it, counted in a tree of sums (Barth, Mutzel and Jünger, JGAA 8(2), 2004). */
function crossingCount({ before }: LayeredGraph, { starts, vertices }: LayerOrders, places: Int32Array): number {
  let crossings = 0;
  for (let layer = 1; layer + 1 < starts.length; layer++) {
    const width = starts[layer]! - starts[layer - 1]!;
    const sums = new Int32Array(width + 1);
    let total = 0;
    for (let place = starts[layer]!; place < starts[layer + 1]!; place++) {
      const vertex = vertices[place]!;
      const from = before.starts[vertex]!;
      const to = before.starts[vertex + 1]!;
      for (let edge = from; edge < to; edge++) {
        let notBehind = 0;
        for (let node = places[before.ids[edge]!]! + 1; node > 0; node -= node & -node) notBehind += sums[node]!;
        crossings += total - notBehind;
      }
      for (let edge = from; edge < to; edge++) {
        for (let node = places[before.ids[edge]!]! + 1; node <= width; node += node & -node) sums[node]!++;
        total++;
      }
    }
  }
  return crossings;
}

/** Exchanges vertices that stand next to each other as long as that leaves fewer crossings. */
function exchangeNeighbours(
  { before, behind }: LayeredGraph,
  { starts, vertices }: LayerOrders,
  places: Int32Array,
): void {
  let steps = 0;
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (let layer = 0; layer + 1 < starts.length; layer++) {
      for (let place = starts[layer]!; place + 1 < starts[layer + 1]!; place++) {
        const a = vertices[place]!;
        const b = vertices[place + 1]!;
        steps += degree(before, a) * degree(before, b) + degree(behind, a) * degree(behind, b) + 1;
        if (steps > EXCHANGE_STEPS_MAX) return;
        if (gain(before, places, a, b) + gain(behind, places, a, b) <= 0) continue;
        vertices[place] = b;
        vertices[place + 1] = a;
        places[b]!--;
        places[a]!++;
        isBetter = true;
      }
    }
  }
}

function degree({ starts }: EdgeLists, vertex: number): number {
  return starts[vertex + 1]! - starts[vertex]!;
}

/** How many crossings fewer there are on one side if `b`, which stands behind `a`, stands before it. */
function gain({ starts, ids }: EdgeLists, places: Int32Array, a: number, b: number): number {
  let gain = 0;
  for (let ofA = starts[a]!; ofA < starts[a + 1]!; ofA++) {
    const place = places[ids[ofA]!]!;
    for (let ofB = starts[b]!; ofB < starts[b + 1]!; ofB++) gain += Math.sign(place - places[ids[ofB]!]!);
  }
  return gain;
}
