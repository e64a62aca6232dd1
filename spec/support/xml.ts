/** An element of a document, with what is in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Texts and elements, in order. */
  readonly children: readonly (XmlElement | string)[];
}

const NAME = /[A-Za-z_][\w.:-]*/y;
const SPACE = /[ \t\r\n]*/y;
/** Char of XML 1.0, fifth edition, section 2.2. */
const CHARACTERS = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads a document of elements, attributes and text, and refuses whatever is not well-formed. Declarations, comments, CDATA sections and instructions are refused as
 * well: no picture needs them, and what a name could begin with them would be seen.
 */
export function parsedXml(text: string): XmlElement {
  if (!CHARACTERS.test(text)) throw new Error('There is a character that XML does not allow.');
  const reader = new Reader(text);
  const root = reader.element();
  reader.expectEnd();
  return root;
}

/** The element and all elements within it, in the order of the document. */
export function* elementsIn(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) if (typeof child !== 'string') yield* elementsIn(child);
}

/** All text within an element. */
export function textIn({ children }: XmlElement): string {
  return children.map((child) => (typeof child === 'string' ? child : textIn(child))).join('');
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  element(): XmlElement {
    this.#expect('<');
    const name = this.#match(NAME, 'a name');
    const attributes: Record<string, string> = Object.create(null);
    for (;;) {
      const space = this.#match(SPACE);
      if (this.#take('/>')) return { name, attributes, children: [] };
      if (this.#take('>')) break;
      if (space === '') this.#refuse('blanks before an attribute');
      const attribute = this.#match(NAME, 'an attribute');
      if (attribute in attributes) this.#refuse(`attribute ${attribute} only once`);
      this.#expect('="');
      const end = this.#text.indexOf('"', this.#at);
      if (end < 0) this.#refuse('the end of an attribute');
      attributes[attribute] = this.#decoded(this.#text.slice(this.#at, end));
      this.#at = end + 1;
    }
    const children: (XmlElement | string)[] = [];
    while (!this.#take('</')) {
      const end = this.#text.indexOf('<', this.#at);
      if (end < 0) this.#refuse(`the end of ${name}`);
      if (end > this.#at) {
        children.push(this.#decoded(this.#text.slice(this.#at, end)));
        this.#at = end;
      } else children.push(this.element());
    }
    if (this.#match(NAME, 'a name') !== name) this.#refuse(`the end of ${name}`);
    this.#match(SPACE);
    this.#expect('>');
    return { name, attributes, children };
  }

  expectEnd(): void {
    this.#match(SPACE);
    if (this.#at !== this.#text.length) this.#refuse('the end of the document');
  }

  #decoded(raw: string): string {
    if (raw.includes('<') || raw.includes(']]>')) this.#refuse('markup to be escaped');
    return raw.replace(/&([^;]*;?)/g, (_, entity: string) => {
      const name = entity.endsWith(';') ? entity.slice(0, -1) : '';
      const digits = /^#(?:x([\da-f]+)|(\d+))$/i.exec(name);
      const decoded =
        digits === null
          ? ENTITIES[name]
          : String.fromCodePoint(Number.parseInt(digits[1] ?? digits[2]!, digits[1] === undefined ? 10 : 16));
      if (decoded === undefined || !CHARACTERS.test(decoded)) return this.#refuse(`an entity instead of &${entity}`);
      return decoded;
    });
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #expect(expected: string): void {
    if (!this.#take(expected)) this.#refuse(expected);
  }

  #match(pattern: RegExp, what = ''): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return this.#refuse(what);
    this.#at += found.length;
    return found;
  }

  #refuse(expected: string): never {
    throw new Error(
      `Expected ${expected} at character ${this.#at}: ${JSON.stringify(this.#text.slice(Math.max(this.#at - 40, 0), this.#at + 40))}`,
    );
  }
}
