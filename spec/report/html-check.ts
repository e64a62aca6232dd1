/** An element of a page, in the order in which they begin. */
export interface CheckedElement {
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** All text within it, as it is read. */
  text: string;
  readonly inside: readonly CheckedElement[];
}

const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?: [a-zA-Z][a-zA-Z0-9:-]*(?:="[^"<>]*")?)*) ?(\/?)>/y;
const ATTRIBUTE = / ([a-zA-Z][a-zA-Z0-9:-]*)(?:="([^"<>]*)")?/g;
const VOID = new Set(['meta', 'input', 'col', 'br']);
const RAW = new Set(['style', 'script']);
const ENTITY = /&(?:amp|lt|gt|quot|#39);/g;
const CHARACTERS: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/**
 * Reads a page far more strictly than a browser does, so that whatever gets past it is as it was meant: each `<`, `>` and `&` of the text is an entity, each
 * attribute stands in double quotes, each element is closed in turn, no character is one that HTML forbids.
 *
 * @throws Error that says where it is not so
 */
export function checkedElements(html: string): CheckedElement[] {
  const elements: CheckedElement[] = [];
  const open: CheckedElement[] = [];
  let place = html.startsWith('<!doctype html>') ? '<!doctype html>'.length : 0;
  const fail = (what: string): never => {
    throw new Error(`${what} at ${place}: ${JSON.stringify(html.slice(Math.max(place - 60, 0), place + 60))}`);
  };
  while (place < html.length) {
    const next = html.indexOf('<', place);
    const text = html.slice(place, next < 0 ? undefined : next);
    if (/>/.test(text) || /&/.test(text.replace(ENTITY, '')))
      fail(`Raw markup in text ${JSON.stringify(text.slice(0, 80))}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (/[\0-\x08\x0b-\x1f\x7f-\x9f]|\p{Cs}/u.test(text)) fail('A forbidden character in text');
    const read = text.replace(ENTITY, (entity) => CHARACTERS[entity]!);
    for (const element of open) element.text += read;
    if (next < 0) break;
    place = next;
    TAG.lastIndex = place;
    const found = TAG.exec(html);
    if (found === null) return fail('No tag');
    const [whole, closing, name, attributeText, selfClosing] = found as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    place += whole.length;
    if (closing === '/') {
      if (open.pop()?.tag !== name) fail(`</${name}> closes nothing`);
      continue;
    }
    const attributes = new Map<string, string>();
    for (const [, key, value] of attributeText.matchAll(ATTRIBUTE)) {
      if (attributes.has(key!)) fail(`Two attributes ${key}`);
      attributes.set(
        key!,
        (value ?? '').replace(ENTITY, (entity) => CHARACTERS[entity]!),
      );
    }
    const element: CheckedElement = { tag: name, attributes, text: '', inside: [...open] };
    elements.push(element);
    if (RAW.has(name)) {
      const end = html.indexOf(`</${name}>`, place);
      if (end < 0) fail(`<${name}> is not closed`);
      element.text = html.slice(place, end);
      place = end + name.length + 3;
    } else if (selfClosing === '' && !VOID.has(name)) open.push(element);
  }
  if (open.length > 0) fail(`<${open.at(-1)!.tag}> is not closed`);
  return elements;
}

/** Attributes that make a browser load something or run something. */
const ACTIVE = /^(?:on.*|src|srcset|action|formaction|data|background|poster|ping|style|xlink:href)$/i;

/** Whatever of a page could make a browser ask for something, or run what is not its one script. Empty if all is well. */
export function requestsIn(elements: readonly CheckedElement[]): string[] {
  const found: string[] = [];
  for (const { tag, attributes, text } of elements) {
    if (['img', 'link', 'iframe', 'object', 'embed', 'base', 'image', 'use', 'foreignObject'].includes(tag))
      found.push(`<${tag}>`);
    for (const [key, value] of attributes) {
      if (ACTIVE.test(key)) found.push(`${tag} ${key}="${value}"`);
      if (key === 'href' && !value.startsWith('#')) found.push(`${tag} href="${value}"`);
      if (key !== 'xmlns' && /url\((?!["']?#)|javascript:/i.test(value)) found.push(`${tag} ${key}="${value}"`);
    }
    if (tag === 'style' && /@import|url\(/i.test(text)) found.push('<style> that loads');
    if (tag === 'script' && /\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import)\b\s*\(/.test(text))
      found.push('<script> that loads');
  }
  return found;
}

/** The rows of the table of tasks: for each the texts of its cells, by the headings. */
export function taskRows(elements: readonly CheckedElement[]): Map<string, string>[] {
  const table = elements.find(({ tag, attributes }) => tag === 'table' && attributes.get('class') === 'tasks')!;
  const headings = elements.filter(
    ({ tag, inside }) => tag === 'th' && inside.includes(table) && inside.some((one) => one.tag === 'thead'),
  );
  const rows = elements.filter(
    ({ tag, inside }) => tag === 'tr' && inside.includes(table) && inside.some((one) => one.tag === 'tbody'),
  );
  const cellsByRow = new Map<CheckedElement, string[]>(rows.map((row) => [row, []]));
  for (const { tag, inside, text } of elements)
    if (tag === 'th' || tag === 'td') cellsByRow.get(inside.at(-1)!)?.push(text);
  return rows.map((row) => new Map(cellsByRow.get(row)!.map((cell, index) => [headings[index]!.text, cell])));
}
