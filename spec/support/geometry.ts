/** A rectangle of a picture, in pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Point = readonly [x: number, y: number];

/** Whether two rectangles have more in common than their borders. */
export function overlap(a: Rectangle, b: Rectangle, tolerance = 0): boolean {
  const isApart = (at: number, size: number, otherAt: number, otherSize: number) =>
    at + size <= otherAt + tolerance || otherAt + otherSize <= at + tolerance;
  return !isApart(a.x, a.width, b.x, b.width) && !isApart(a.y, a.height, b.y, b.height);
}

/** Pairs of rectangles that overlap, by their places: each is compared with those that begin before it ends, along the longer side of all of them. */
export function overlaps(rectangles: readonly Rectangle[], tolerance = 0): [number, number][] {
  const spanOf = (at: 'x' | 'y') => rectangles.reduce((most, one) => Math.max(most, one[at]), 0);
  const [at, size] = spanOf('x') > spanOf('y') ? (['x', 'width'] as const) : (['y', 'height'] as const);
  const inOrder = rectangles.map((_, place) => place).sort((a, b) => rectangles[a]![at] - rectangles[b]![at]);
  const found: [number, number][] = [];
  for (const [index, one] of inOrder.entries()) {
    const end = rectangles[one]![at] + rectangles[one]![size];
    for (let next = index + 1; next < inOrder.length && rectangles[inOrder[next]!]![at] < end; next++) {
      if (overlap(rectangles[one]!, rectangles[inOrder[next]!]!, tolerance)) found.push([one, inOrder[next]!]);
    }
  }
  return found;
}

/** Whether a point is in a rectangle, and not on its border. */
export function isWithin([x, y]: Point, rectangle: Rectangle, tolerance = 0): boolean {
  return (
    x > rectangle.x + tolerance &&
    x < rectangle.x + rectangle.width - tolerance &&
    y > rectangle.y + tolerance &&
    y < rectangle.y + rectangle.height - tolerance
  );
}

const STEPS = 24;

/** Points along the way of an SVG path of the commands `M`, `L`, `H`, `V` and `C`, close to each other, its ends among them. */
export function pointsAlong(way: string): Point[] {
  const points: Point[] = [];
  let at: Point = [0, 0];
  const lineTo = (to: Point) => {
    for (let step = 1; step <= STEPS; step++)
      points.push([at[0] + ((to[0] - at[0]) * step) / STEPS, at[1] + ((to[1] - at[1]) * step) / STEPS]);
    at = to;
  };
  for (const [, command, numbers] of way.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = (numbers!.match(/-?[\d.]+/g) ?? []).map(Number);
    switch (command) {
      case 'M':
        at = [a, b];
        points.push(at);
        break;
      case 'L':
        lineTo([a, b]);
        break;
      case 'H':
        lineTo([a, at[1]]);
        break;
      case 'V':
        lineTo([at[0], a]);
        break;
      case 'C': {
        for (let step = 1; step <= STEPS; step++) {
          const t = step / STEPS;
          const bend = (p0: number, p1: number, p2: number, p3: number) =>
            (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t ** 2 * p2 + t ** 3 * p3;
          points.push([bend(at[0], a, c, e), bend(at[1], b, d, f)]);
        }
        at = [e, f];
        break;
      }
      default:
        throw new Error(`A path with the command ${command} cannot be followed.`);
    }
  }
  return points;
}

/** Where an edge leaves its source and where it meets its target: in the middle of the sides that face each other. */
export function edgeEnds(
  source: Rectangle,
  target: Rectangle,
  direction: 'right' | 'down',
): [begin: Point, end: Point] {
  return direction === 'right'
    ? [
        [source.x + source.width, source.y + source.height / 2],
        [target.x, target.y + target.height / 2],
      ]
    : [
        [source.x + source.width / 2, source.y + source.height],
        [target.x + target.width / 2, target.y],
      ];
}
