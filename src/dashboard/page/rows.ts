import { make, setAttribute } from './dom.js';

/** A long list of which only those rows are elements that can be seen. */
export class Rows<R extends HTMLElement> {
  readonly #frame: HTMLElement;
  readonly #inner: HTMLElement;
  readonly #rowHeight: number;
  readonly #make: () => R;
  readonly #fill: (row: R, index: number) => void;
  readonly #rows: R[] = [];
  #count = 0;
  // Kept, since to ask the frame for them right after something was written has everything laid out at once.
  #scrollTop = 0;
  #height = 300;

  /**
   * @param frame - scrolls
   * @param rowHeight - of each row, in pixels
   */
  constructor(frame: HTMLElement, rowHeight: number, make_: () => R, fill: (row: R, index: number) => void) {
    this.#frame = frame;
    this.#rowHeight = rowHeight;
    this.#make = make_;
    this.#fill = fill;
    this.#inner = make('div', 'rows');
    // Lists and tables are read by what they hold: this is only the room for it.
    this.#inner.setAttribute('role', 'presentation');
    frame.append(this.#inner);
    const look = (): void => {
      this.#scrollTop = frame.scrollTop;
      this.#height = frame.clientHeight || this.#height;
      this.#draw();
    };
    frame.addEventListener('scroll', look, { passive: true });
    new ResizeObserver(look).observe(frame);
  }

  /** Draws the rows that can be seen. */
  draw(count: number): void {
    this.#count = count;
    const height = `${count * this.#rowHeight}px`;
    if (this.#inner.style.height !== height) this.#inner.style.height = height;
    this.#draw();
  }

  /** Scrolls so far that a row can be seen. */
  reveal(index: number): void {
    const top = index * this.#rowHeight;
    if (top < this.#frame.scrollTop) this.#frame.scrollTop = top;
    else if (top + this.#rowHeight > this.#frame.scrollTop + this.#frame.clientHeight)
      this.#frame.scrollTop = top + this.#rowHeight - this.#frame.clientHeight;
    this.#scrollTop = this.#frame.scrollTop;
    this.#draw();
  }

  #draw(): void {
    // The list may have become shorter than where it was scrolled to, and will be scrolled back.
    const first = Math.max(Math.min(Math.floor(this.#scrollTop / this.#rowHeight) - 2, this.#count - 1), 0);
    const seen = Math.min(Math.ceil(this.#height / this.#rowHeight) + 5, this.#count - first);
    while (this.#rows.length < seen) {
      const row = this.#make();
      this.#rows.push(row);
      this.#inner.append(row);
    }
    for (const [place, row] of this.#rows.entries()) {
      const shown = place < seen;
      if (row.hidden === shown) row.hidden = !shown;
      if (!shown) continue;
      const index = first + place;
      const at = `translateY(${index * this.#rowHeight}px)`;
      if (row.style.transform !== at) row.style.transform = at;
      setAttribute(row, 'aria-posinset', String(index + 1));
      setAttribute(row, 'aria-setsize', String(this.#count));
      this.#fill(row, index);
    }
  }
}
