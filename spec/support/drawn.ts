import type { Rectangle } from './geometry.js';
import { elementsIn, parsedXml, textIn, type XmlElement } from './xml.js';

/** A box or a bar of a picture, as its markup tells it. */
export interface DrawnBox extends Rectangle {
  readonly status: string;
  /** What is told of it when it is pointed at. */
  readonly title: string;
  readonly isRound: boolean;
  /** The texts in it. */
  readonly texts: readonly string[];
  readonly markCount: number;
}

/** What is seen in a picture. */
export interface Drawn {
  readonly root: XmlElement;
  readonly title: string;
  readonly boxes: readonly DrawnBox[];
  /** The ways of the edges, those that only order apart. */
  readonly edges: readonly string[];
  readonly orderOnlyEdges: readonly string[];
  /** Where arrowheads point to. */
  readonly arrows: readonly (readonly [x: number, y: number])[];
  readonly legend: readonly string[];
  /** All texts that are seen. */
  readonly texts: readonly string[];
  readonly elementCount: number;
}

const classesOf = ({ attributes }: XmlElement) => (attributes['class'] ?? '').split(' ');
const elementsOf = ({ children }: XmlElement) =>
  children.filter((child): child is XmlElement => typeof child !== 'string');
const childrenOf = (element: XmlElement, name: string) => elementsOf(element).filter((child) => child.name === name);

/** Reads a picture, and throws if it is not well-formed. */
export function drawnIn(svg: string): Drawn {
  const root = parsedXml(svg);
  const all = [...elementsIn(root)];
  const boxes = all.filter((element) => element.name === 'g' && childrenOf(element, 'title').length > 0).map(boxOf);
  const waysIn = (isOrderOnly: boolean) =>
    all
      .filter(
        (element) =>
          element.name === 'g' && classesOf(element).includes('e') && classesOf(element).includes('o') === isOrderOnly,
      )
      .flatMap((group) => childrenOf(group, 'path').map(({ attributes }) => attributes['d']!));
  const legend = all.filter((element) => classesOf(element).includes('legend'));
  const inLegend = new Set(legend.flatMap((element) => [...elementsIn(element)]));
  const heads = all
    .filter((element) => classesOf(element).includes('a') && !inLegend.has(element))
    .map(({ attributes }) => attributes['d']!);
  return {
    root,
    title: textIn(childrenOf(root, 'title')[0]!),
    boxes,
    edges: waysIn(false),
    orderOnlyEdges: waysIn(true),
    arrows: heads.flatMap((way) =>
      [...way.matchAll(/M([-\d.]+) ([-\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const),
    ),
    legend: legend.flatMap((element) => childrenOf(element, 'text').map(textIn)),
    texts: all.filter(({ name }) => name === 'text').map(textIn),
    elementCount: all.length,
  };
}

function boxOf(element: XmlElement): DrawnBox {
  const rectangle = childrenOf(element, 'rect')[0]!.attributes;
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => Number(rectangle[name])) as [
    number,
    number,
    number,
    number,
  ];
  return {
    status: classesOf(element)[0]!,
    title: textIn(childrenOf(element, 'title')[0]!),
    x,
    y,
    width,
    height,
    isRound: Number(rectangle['rx']) === height / 2,
    texts: childrenOf(element, 'text').map(textIn),
    markCount: childrenOf(element, 'path').filter((path) => classesOf(path).includes('m')).length,
  };
}
