import { type EdgeLists, edgeLists, levelsOf, reversed } from './edge-lists.js';
import { type LayeredGraph, layerOrders } from './layer-order.js';
import { acrossPlaces } from './layer-placement.js';

/** What is to be laid out. Sizes are in pixels. */
export interface LayoutInput {
  /** For each box those on which it depends; there must be no cycle. */
  readonly dependencies: EdgeLists;
  readonly widths: ArrayLike<number>;
  readonly heights: ArrayLike<number>;
  /** Where a box stands from those on which it depends. */
  readonly direction: 'right' | 'down';
}

/** Where everything is, in pixels, with the upper left corner of the picture at 0. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The left edge of each box. */
  readonly x: Float64Array;
  /** The upper edge of each box. */
  readonly y: Float64Array;
  /** The size of each box: along the edges, those of a layer are as long as the longest of them. */
  readonly widths: Float64Array;
  readonly heights: Float64Array;
  /**
   * The way of each edge, in the order of `dependencies.ids`: that of edge `e` has the points from `starts[e]` up to, and not including, `starts[e + 1]`. Their number is
   * even. From the first to the second, the third to the fourth and so on it passes the gap between two layers, in which there are no boxes; from the second
   * to the third it goes straight past a layer.
   */
  readonly routes: Routes;
}

export interface Routes {
  readonly starts: Int32Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Between boxes of one layer, in pixels. */
const BOX_GAP = 16;
/** Between lines, and between a line and a box. */
const LINE_GAP = 10;
/** Between layers, at least and at most. */
const LAYER_GAP_MIN = 36;
const LAYER_GAP_MAX = 120;
/** The more an edge has to go across, the more room it gets for it. */
const LAYER_GAP_SLOPE = 0.1;
/** Between parts of the picture that have nothing to do with each other. */
const PART_GAP = 28;
/** So many places for lines on their way past layers are always there, and so many more for each box. Edges that would need more go around everything. */
const LINE_PLACES_MIN = 20_000;
const LINE_PLACES_PER_BOX = 2;
/** On so many tracks edges go around everything. */
const TRACKS = 8;
const TRACK_GAP = 5;
/** The picture is about so many times as wide as it is high where it consists of many parts. */
const ASPECT = 1.6;

/**
 * A layered drawing (Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11(2), 1981): every edge goes from a layer to a later one; edges past a layer have a place of
 * their own in it, so that no edge passes through a box; layers are ordered so that few edges cross; and boxes are moved so that edges are short and straight.
 * The same input gives the same drawing: what takes long is limited by counting steps, not by time.
 */
export function layeredLayout({ dependencies, widths, heights, direction }: LayoutInput): Layout {
  const isRight = direction === 'right';
  const drawing = laidOut(dependencies, isRight ? widths : heights, isRight ? heights : widths);
  const { along, across, alongSizes, routes } = drawing;
  const points = {
    starts: routes.starts,
    x: isRight ? routes.along : routes.across,
    y: isRight ? routes.across : routes.along,
  };
  return isRight
    ? {
        width: drawing.alongSize,
        height: drawing.acrossSize,
        x: along,
        y: across,
        widths: alongSizes,
        heights: Float64Array.from(heights),
        routes: points,
      }
    : {
        width: drawing.acrossSize,
        height: drawing.alongSize,
        x: across,
        y: along,
        widths: Float64Array.from(widths),
        heights: alongSizes,
        routes: points,
      };
}

/** The same, seen along the edges and across them: the upper left corner of each box, and the points of each edge. */
interface Drawing {
  readonly alongSize: number;
  readonly acrossSize: number;
  readonly along: Float64Array;
  readonly across: Float64Array;
  readonly alongSizes: Float64Array;
  readonly routes: { readonly starts: Int32Array; readonly along: Float64Array; readonly across: Float64Array };
}

/** A connected part of the graph, laid out by itself. */
interface Part {
  /** Its boxes, by the numbers that they have in the whole. */
  readonly boxes: Int32Array;
  readonly drawing: Drawing;
}

function laidOut(dependencies: EdgeLists, alongSizes: ArrayLike<number>, acrossSizes: ArrayLike<number>): Drawing {
  const parts = connectedParts(dependencies).map((boxes) => {
    const sizesOf = (sizes: ArrayLike<number>) => Float64Array.from(boxes, (box) => sizes[box]!);
    return { boxes, drawing: partLaidOut(partOf(dependencies, boxes), sizesOf(alongSizes), sizesOf(acrossSizes)) };
  });
  return packed(dependencies, parts);
}

/** Puts parts side by side, the largest first, in rows that are about as long as the picture should be. */
function packed(dependencies: EdgeLists, parts: readonly Part[]): Drawing {
  const size = dependencies.starts.length - 1;
  const along = new Float64Array(size);
  const across = new Float64Array(size);
  const alongSizes = new Float64Array(size);
  const offsets = partOffsets(parts);
  const pointCounts = new Int32Array(dependencies.ids.length + 1);
  for (const { boxes, drawing } of parts) {
    forEachEdge(dependencies, boxes, (edge, partEdge) => {
      pointCounts[edge + 1] = drawing.routes.starts[partEdge + 1]! - drawing.routes.starts[partEdge]!;
    });
  }
  for (let edge = 0; edge < dependencies.ids.length; edge++) pointCounts[edge + 1]! += pointCounts[edge]!;
  const starts = pointCounts;
  const routeAlong = new Float64Array(starts[dependencies.ids.length]!);
  const routeAcross = new Float64Array(routeAlong.length);
  for (const [index, { boxes, drawing }] of parts.entries()) {
    const alongOffset = offsets.along[index]!;
    const acrossOffset = offsets.across[index]!;
    for (const [place, box] of boxes.entries()) {
      along[box] = drawing.along[place]! + alongOffset;
      across[box] = drawing.across[place]! + acrossOffset;
      alongSizes[box] = drawing.alongSizes[place]!;
    }
    forEachEdge(dependencies, boxes, (edge, partEdge) => {
      const from = drawing.routes.starts[partEdge]!;
      for (let point = starts[edge]!; point < starts[edge + 1]!; point++) {
        routeAlong[point] = drawing.routes.along[from + point - starts[edge]!]! + alongOffset;
        routeAcross[point] = drawing.routes.across[from + point - starts[edge]!]! + acrossOffset;
      }
    });
  }
  return {
    alongSize: offsets.alongSize,
    acrossSize: offsets.acrossSize,
    along,
    across,
    alongSizes,
    routes: { starts, along: routeAlong, across: routeAcross },
  };
}

function partOffsets(parts: readonly Part[]): {
  along: Float64Array;
  across: Float64Array;
  alongSize: number;
  acrossSize: number;
} {
  let area = 0;
  let rowLength = 0;
  for (const { drawing } of parts) {
    area += (drawing.alongSize + PART_GAP) * (drawing.acrossSize + PART_GAP);
    rowLength = Math.max(rowLength, drawing.alongSize);
  }
  rowLength = Math.max(rowLength, Math.sqrt(area * ASPECT));
  const along = new Float64Array(parts.length);
  const across = new Float64Array(parts.length);
  let alongSize = 0;
  let rowStart = 0;
  let rowEnd = 0;
  let next = 0;
  for (const [index, { drawing }] of parts.entries()) {
    if (next > 0 && next + drawing.alongSize > rowLength) {
      // Boxes that stand alone stand as near to each other as those of a layer.
      const isBox = parts[index - 1]!.boxes.length === 1 && drawing.routes.starts.length === 1;
      rowStart = rowEnd + (isBox ? BOX_GAP : PART_GAP);
      next = 0;
    }
    along[index] = next;
    across[index] = rowStart;
    next += drawing.alongSize + (drawing.routes.starts.length === 1 ? BOX_GAP : PART_GAP);
    alongSize = Math.max(alongSize, along[index]! + drawing.alongSize);
    rowEnd = Math.max(rowEnd, rowStart + drawing.acrossSize);
  }
  return { along, across, alongSize, acrossSize: rowEnd };
}

/** The boxes of each connected part, those with the most boxes first, and else the one whose first box comes first. */
function connectedParts(dependencies: EdgeLists): Int32Array[] {
  const size = dependencies.starts.length - 1;
  const dependents = reversed(dependencies);
  const partOf = new Int32Array(size).fill(-1);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let first = 0; first < size; first++) {
    if (partOf[first] !== -1) continue;
    const part = sizes.push(0) - 1;
    partOf[first] = part;
    stack.push(first);
    for (let box = stack.pop(); box !== undefined; box = stack.pop()) {
      sizes[part]!++;
      for (const { starts, ids } of [dependencies, dependents]) {
        for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
          if (partOf[ids[edge]!] !== -1) continue;
          partOf[ids[edge]!] = part;
          stack.push(ids[edge]!);
        }
      }
    }
  }
  const parts = sizes.map((count) => new Int32Array(count));
  const filled = new Int32Array(sizes.length);
  for (let box = 0; box < size; box++) parts[partOf[box]!]![filled[partOf[box]!]!++] = box;
  return parts.sort((a, b) => b.length - a.length || a[0]! - b[0]!);
}

/** The edges among the boxes of a part, boxes numbered by their place in it. */
function partOf({ starts, ids }: EdgeLists, boxes: Int32Array): EdgeLists {
  if (boxes.length === starts.length - 1) return { starts, ids };
  const partStarts = new Int32Array(boxes.length + 1);
  for (const [place, box] of boxes.entries())
    partStarts[place + 1] = partStarts[place]! + starts[box + 1]! - starts[box]!;
  const partIds = new Int32Array(partStarts[boxes.length]!);
  const placeOf = new Map<number, number>();
  for (const [place, box] of boxes.entries()) placeOf.set(box, place);
  forEachEdge({ starts, ids }, boxes, (edge, partEdge) => {
    partIds[partEdge] = placeOf.get(ids[edge]!)!;
  });
  return { starts: partStarts, ids: partIds };
}

function forEachEdge({ starts }: EdgeLists, boxes: Int32Array, act: (edge: number, partEdge: number) => void): void {
  let partEdge = 0;
  for (const box of boxes) for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) act(edge, partEdge++);
}

function partLaidOut(dependencies: EdgeLists, alongSizes: Float64Array, acrossSizes: Float64Array): Drawing {
  const size = alongSizes.length;
  if (size === 1) return boxAlone(alongSizes, acrossSizes);
  const layers = shortEdgeLayers(dependencies);
  const lines = linesPast(dependencies, layers);
  const graph = layeredGraph(dependencies, layers, lines);
  const orders = layerOrders(graph);
  const places = acrossPlaces(graph, orders, acrossSizes, { boxGap: BOX_GAP, lineGap: LINE_GAP });
  return withRoutes(dependencies, layers, lines, places, alongSizes, acrossSizes);
}

function boxAlone(alongSizes: Float64Array, acrossSizes: Float64Array): Drawing {
  const nothing = new Float64Array(0);
  return {
    alongSize: alongSizes[0]!,
    acrossSize: acrossSizes[0]!,
    along: new Float64Array(1),
    across: new Float64Array(1),
    alongSizes,
    routes: { starts: new Int32Array(1), along: nothing, across: nothing },
  };
}

/**
 * The layer of each box: that of the longest way to it; and one that more boxes wait for than it waits for itself stands as far back as it can, which makes edges
 * shorter.
 */
function shortEdgeLayers(dependencies: EdgeLists): Int32Array {
  const { order, levels } = levelsOf(dependencies);
  const dependents = reversed(dependencies);
  for (let place = order.length - 1; place >= 0; place--) {
    const box = order[place]!;
    const start = dependents.starts[box]!;
    const end = dependents.starts[box + 1]!;
    if (end - start <= dependencies.starts[box + 1]! - dependencies.starts[box]!) continue;
    let nearest = levels[dependents.ids[start]!]!;
    for (let edge = start + 1; edge < end; edge++) nearest = Math.min(nearest, levels[dependents.ids[edge]!]!);
    levels[box] = nearest - 1;
  }
  return levels;
}

/** The lines that edges follow past layers: one for each box that has long edges, which all of them share until they turn off. */
interface Lines {
  /** Where the places of each box's line begin: the first is in the layer behind the box, the next in the one behind that. */
  readonly starts: Int32Array;
  /** Edges over more layers than this have no place in them. */
  readonly spanMax: number;
}

function linesPast(dependencies: EdgeLists, layers: Int32Array): Lines {
  const placesMax = LINE_PLACES_MIN + LINE_PLACES_PER_BOX * layers.length;
  let spanMax = layers.reduce((most, layer) => Math.max(most, layer), 1);
  for (;;) {
    const starts = lineStarts(dependencies, layers, spanMax);
    if (starts[layers.length]! <= placesMax) return { starts, spanMax };
    spanMax >>= 1;
  }
}

function lineStarts({ starts, ids }: EdgeLists, layers: Int32Array, spanMax: number): Int32Array {
  const lineStarts = new Int32Array(layers.length + 1);
  for (let box = 0; box < layers.length; box++) {
    for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
      const span = layers[box]! - layers[ids[edge]!]!;
      if (span <= spanMax) lineStarts[ids[edge]! + 1] = Math.max(lineStarts[ids[edge]! + 1]!, span - 1);
    }
  }
  for (let box = 0; box < layers.length; box++) lineStarts[box + 1]! += lineStarts[box]!;
  return lineStarts;
}

/** Boxes and the places of lines, with edges from each layer to the next alone. */
function layeredGraph({ starts, ids }: EdgeLists, layers: Int32Array, lines: Lines): LayeredGraph {
  const boxCount = layers.length;
  const layerOf = new Int32Array(boxCount + lines.starts[boxCount]!);
  const lineOf = new Int32Array(layerOf.length).fill(-1);
  layerOf.set(layers);
  const from: number[] = [];
  const to: number[] = [];
  for (let box = 0; box < boxCount; box++) {
    let before = box;
    for (let place = lines.starts[box]!; place < lines.starts[box + 1]!; place++) {
      const vertex = boxCount + place;
      layerOf[vertex] = layerOf[before]! + 1;
      lineOf[vertex] = box;
      from.push(before);
      to.push(vertex);
      before = vertex;
    }
  }
  for (let box = 0; box < boxCount; box++) {
    for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
      const other = ids[edge]!;
      const span = layers[box]! - layers[other]!;
      if (span > lines.spanMax) continue;
      from.push(span === 1 ? other : boxCount + lines.starts[other]! + span - 2);
      to.push(box);
    }
  }
  const before = edgeLists(layerOf.length, from, to);
  return { boxCount, layerOf, lineOf, before, behind: reversed(before) };
}

/** Gives each layer its place along the edges, and each edge its way. */
function withRoutes(
  { starts, ids }: EdgeLists,
  layers: Int32Array,
  lines: Lines,
  centres: Float64Array,
  alongSizes: Float64Array,
  acrossSizes: Float64Array,
): Drawing {
  const boxCount = layers.length;
  const outermost = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  for (let vertex = 0; vertex < centres.length; vertex++) {
    const half = vertex < boxCount ? acrossSizes[vertex]! / 2 : LINE_GAP / 2;
    outermost.low = Math.min(outermost.low, centres[vertex]! - half);
    outermost.high = Math.max(outermost.high, centres[vertex]! + half);
  }
  const { trackOf, trackCount } = tracksAround({ starts, ids }, layers, lines.spanMax);
  if (trackCount > 0) outermost.low -= LINE_GAP + trackCount * TRACK_GAP;
  const across = Float64Array.from(acrossSizes, (size, box) => centres[box]! - size / 2 - outermost.low);
  const acrossOf = (vertex: number) => centres[vertex]! - outermost.low;
  const pointStarts = new Int32Array(ids.length + 1);
  const spanOf = (edge: number, box: number) => layers[box]! - layers[ids[edge]!]!;
  for (let box = 0; box < boxCount; box++) {
    for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
      const span = spanOf(edge, box);
      pointStarts[edge + 1] = pointStarts[edge]! + (span > lines.spanMax ? 4 : 2 * span);
    }
  }
  const routeAcross = new Float64Array(pointStarts[ids.length]!);
  /** The layer behind the gap that begins at a point, or that a point ends. */
  const gapOf = new Int32Array(routeAcross.length);
  for (let box = 0; box < boxCount; box++) {
    for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
      const other = ids[edge]!;
      const span = spanOf(edge, box);
      let point = pointStarts[edge]!;
      const passGap = (gap: number, from: number, to: number) => {
        gapOf[point] = gap;
        routeAcross[point++] = from;
        gapOf[point] = gap;
        routeAcross[point++] = to;
      };
      let place = acrossOf(other);
      if (span > lines.spanMax) {
        const track = trackOf[other]! * TRACK_GAP;
        passGap(layers[other]! + 1, place, track);
        place = track;
      } else {
        for (let past = 1; past < span; past++) {
          const next = acrossOf(boxCount + lines.starts[other]! + past - 1);
          passGap(layers[other]! + past, place, next);
          place = next;
        }
      }
      passGap(layers[box]!, place, acrossOf(box));
    }
  }
  const { layerStarts, layerEnds } = layerExtents(layers, alongSizes, gapOf, routeAcross);
  const along = Float64Array.from(layers, (layer) => layerStarts[layer]!);
  const routeAlong = routeAcross.map((_, point) =>
    point % 2 === 0 ? layerEnds[gapOf[point]! - 1]! : layerStarts[gapOf[point]!]!,
  );
  return {
    alongSize: layerEnds[layerEnds.length - 1]!,
    acrossSize: outermost.high - outermost.low,
    along,
    across,
    alongSizes: Float64Array.from(layers, (layer) => layerEnds[layer]! - layerStarts[layer]!),
    routes: { starts: pointStarts, along: routeAlong, across: routeAcross },
  };
}

/** For each box that has edges which are too long for places in the layers, the track on which they go around everything. */
function tracksAround(
  { starts, ids }: EdgeLists,
  layers: Int32Array,
  spanMax: number,
): { trackOf: Int32Array; trackCount: number } {
  const trackOf = new Int32Array(layers.length).fill(-1);
  let sources = 0;
  for (let box = 0; box < layers.length; box++) {
    for (let edge = starts[box]!; edge < starts[box + 1]!; edge++) {
      const other = ids[edge]!;
      if (layers[box]! - layers[other]! > spanMax && trackOf[other] === -1) trackOf[other] = sources++ % TRACKS;
    }
  }
  return { trackOf, trackCount: Math.min(sources, TRACKS) };
}

/** Where each layer begins and ends: as long as its longest box, and further from the one before it the more the edges between them have to go across. */
function layerExtents(
  layers: Int32Array,
  alongSizes: Float64Array,
  gapOf: Int32Array,
  routeAcross: Float64Array,
): { layerStarts: Float64Array; layerEnds: Float64Array } {
  const layerCount = layers.reduce((most, layer) => Math.max(most, layer), 0) + 1;
  const sizes = new Float64Array(layerCount);
  for (const [box, layer] of layers.entries()) sizes[layer] = Math.max(sizes[layer]!, alongSizes[box]!);
  const steepest = new Float64Array(layerCount);
  for (let point = 0; point < gapOf.length; point += 2) {
    const gap = gapOf[point]!;
    steepest[gap] = Math.max(steepest[gap]!, Math.abs(routeAcross[point + 1]! - routeAcross[point]!));
  }
  const layerStarts = new Float64Array(layerCount);
  const layerEnds = new Float64Array(layerCount);
  for (let layer = 0; layer < layerCount; layer++) {
    const gap = Math.min(LAYER_GAP_MIN + LAYER_GAP_SLOPE * steepest[layer]!, LAYER_GAP_MAX);
    layerStarts[layer] = layer === 0 ? 0 : layerEnds[layer - 1]! + gap;
    layerEnds[layer] = layerStarts[layer]! + sizes[layer]!;
  }
  return { layerStarts, layerEnds };
}
