import { setAttribute, setText } from './dom.js';

/** A canvas that fills its frame, sharp on every screen, with what the pointer and the keys do on it. */
export abstract class CanvasPane {
  protected readonly canvas: HTMLCanvasElement;
  protected readonly context: CanvasRenderingContext2D;
  /** In CSS pixels. */
  protected width = 0;
  protected height = 0;
  readonly #changed: () => void;
  readonly #tip: HTMLElement;
  #drag: { readonly id: number; x: number; y: number; moved: number } | undefined;

  /**
   * @param tip - shows what is under the pointer
   * @param changed - is called when the canvas has to be drawn
   */
  constructor(canvas: HTMLCanvasElement, tip: HTMLElement, changed: () => void) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false })!;
    this.#tip = tip;
    this.#changed = changed;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.#drag = { id: event.pointerId, x: event.offsetX, y: event.offsetY, moved: 0 };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => this.#moved(event));
    canvas.addEventListener('pointerup', (event) => {
      const clicked = this.#drag !== undefined && this.#drag.moved < 4;
      this.#drag = undefined;
      canvas.classList.remove('dragged');
      if (clicked) this.clicked(event.offsetX, event.offsetY);
    });
    canvas.addEventListener('pointercancel', () => {
      this.#drag = undefined;
    });
    canvas.addEventListener('pointerleave', () => this.#hideTip());
    // A wheel over a canvas scrolls the page, until the canvas has been clicked: a page must not get stuck on it.
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.panned(-event.deltaX, 0);
        else this.zoomed(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
        this.changed();
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.#pressed(event.key)) return;
      event.preventDefault();
      this.changed();
    });
  }

  /** Zooms without the pointer. */
  zoomBy(factor: number): void {
    this.zoomed(factor, undefined, undefined);
    this.changed();
  }

  /** Shows everything again. */
  abstract fit(): void;

  protected abstract panned(x: number, y: number): void;
  /** @param x - where the pointer is; `undefined` if it was not by the pointer */
  protected abstract zoomed(factor: number, x: number | undefined, y: number | undefined): void;
  protected abstract clicked(x: number, y: number): void;
  /** What is under the pointer, as lines of text; the first one is a heading. */
  protected abstract tipAt(x: number, y: number): readonly string[] | undefined;
  /** @returns whether the key means something here */
  protected abstract pressed(key: string): boolean;

  protected changed(): void {
    this.#changed();
  }

  /** Says what the canvas shows to those who do not see it. */
  protected label(text: string): void {
    setAttribute(this.canvas, 'aria-label', text);
  }

  /** @returns whether there is anything to draw on */
  protected begin(background: string): boolean {
    if (this.width === 0 || this.height === 0) return false;
    const ratio = devicePixelRatio || 1;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.fillStyle = background;
    this.context.fillRect(0, 0, this.width, this.height);
    return true;
  }

  #fit(): void {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.changed();
  }

  #moved(event: PointerEvent): void {
    if (this.#drag === undefined) {
      this.#showTip(event);
      return;
    }
    const x = event.offsetX - this.#drag.x;
    const y = event.offsetY - this.#drag.y;
    this.#drag = {
      id: event.pointerId,
      x: event.offsetX,
      y: event.offsetY,
      moved: this.#drag.moved + Math.abs(x) + Math.abs(y),
    };
    if (this.#drag.moved < 4) return;
    this.#hideTip();
    this.canvas.classList.add('dragged');
    this.panned(x, y);
    this.changed();
  }

  #pressed(key: string): boolean {
    switch (key) {
      case '+':
      case '=':
        this.zoomBy(1.25);
        return true;
      case '-':
        this.zoomBy(0.8);
        return true;
      case '0':
      case 'Home':
        this.fit();
        return true;
      case 'ArrowLeft':
      case 'ArrowRight':
        this.panned(key === 'ArrowLeft' ? 60 : -60, 0);
        return true;
      case 'ArrowUp':
      case 'ArrowDown':
        this.panned(0, key === 'ArrowUp' ? 40 : -40);
        return true;
      default:
        return this.pressed(key);
    }
  }

  #showTip(event: PointerEvent): void {
    const lines = this.tipAt(event.offsetX, event.offsetY);
    this.canvas.classList.toggle('over', lines !== undefined);
    if (lines === undefined) {
      this.#hideTip();
      return;
    }
    while (this.#tip.children.length < lines.length)
      this.#tip.append(document.createElement(this.#tip.children.length === 0 ? 'strong' : 'span'));
    while (this.#tip.children.length > lines.length) this.#tip.lastElementChild!.remove();
    for (const [index, line] of lines.entries()) setText(this.#tip.children[index]!, line);
    this.#tip.hidden = false;
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - this.#tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const top = below + this.#tip.offsetHeight > innerHeight - 8 ? event.clientY - this.#tip.offsetHeight - 12 : below;
    this.#tip.style.transform = `translate(${Math.max(left, 8)}px, ${Math.max(top, 8)}px)`;
  }

  #hideTip(): void {
    this.#tip.hidden = true;
  }
}
