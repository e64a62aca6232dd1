/*
 * What a report can do where scripts run: sort, search and filter the table of tasks, go to a row that is not laid out, and show pictures as wide as the page.
 * All that is to be seen is in the page already. Rows that are not shown are taken out of it, because a browser takes long to lay out thousands.
 */

type Direction = 'ascending' | 'descending';

/** A row, with what it is sorted, searched and filtered by. */
interface Row {
  readonly element: HTMLTableRowElement;
  /** Its place as declared. */
  readonly place: number;
  readonly status: string;
  /** Attempts, and when it began, how long it waited and how long it took in milliseconds; the last three are missing of what did not run. */
  readonly numbers: readonly number[];
  /** Name, result and error in lower case, once somebody has searched. */
  words: string | undefined;
}

const table = document.querySelector<HTMLTableElement>('table.tasks')!;
const body = table.tBodies[0]!;
const tools = document.querySelector<HTMLFormElement>('form.tools')!;
const search = tools.querySelector<HTMLInputElement>('input[type=search]')!;
const told = tools.querySelector('output')!;
const [before, after] = document.querySelectorAll<HTMLElement>('.more') as unknown as [HTMLElement, HTMLElement];
const showAll = after.querySelector<HTMLElement>('[data-more=all]')!;
const step = Number(table.dataset['step']);
/** More rows than this are not laid out at once, unless for paper: it would take seconds. */
const ALL_MAX = 2_000;

const rows: Row[] = Array.from(table.querySelectorAll<HTMLTableRowElement>('tbody tr'), (element, place) => ({
  element,
  place,
  status: element.className.replace('status-', ''),
  numbers: (element.dataset['n'] ?? '').split(',').map(Number),
  words: undefined,
}));
const rowById = new Map(rows.map((row) => [row.element.id, row]));
const statusOrder = Array.from(tools.querySelectorAll<HTMLInputElement>('input[name=status]'), ({ value }) => value);
const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

let sorted = rows;
let found = rows;
/** The rows that are laid out, of those that were found: from the first place up to, and not including, the second one. */
let from = 0;
let to = step;
let sortedBy: { readonly heading: HTMLTableCellElement; readonly direction: Direction } | undefined;

/** Lays out the rows that are to be seen. */
function show(): void {
  const shown = found.slice(from, to);
  body.replaceChildren(...shown.map(({ element }) => element));
  before.hidden = from === 0;
  after.hidden = to >= found.length;
  showAll.hidden = found.length > ALL_MAX;
  const all = numberText(rows.length);
  const count = found.length === rows.length ? `${all} tasks` : `${numberText(found.length)} of ${all} tasks`;
  const part =
    from === 0
      ? `the first ${numberText(shown.length)}`
      : `${numberText(from + 1)} to ${numberText(from + shown.length)}`;
  told.textContent = shown.length < found.length ? `${count}, ${part} are shown` : count;
}

function numberText(number: number): string {
  return number.toLocaleString('en');
}

function filter(): void {
  const words = search.value.trim().toLowerCase();
  const { value } = tools.querySelector<HTMLInputElement>('input[name=status]:checked')!;
  found = sorted.filter(
    (row) => (value === '' || row.status === value) && (words === '' || wordsOf(row).includes(words)),
  );
  from = 0;
  to = step;
  show();
}

function wordsOf(row: Row): string {
  const { cells } = row.element;
  row.words ??= `${cells[0]!.textContent}\n${cells[cells.length - 1]!.textContent}`.toLowerCase();
  return row.words;
}

/** The first time by the smallest, then by the largest, then as declared. */
function sortBy(heading: HTMLTableCellElement): void {
  const before = sortedBy?.heading === heading ? sortedBy.direction : undefined;
  sortedBy?.heading.removeAttribute('aria-sort');
  const direction: Direction | undefined =
    before === undefined ? 'ascending' : before === 'ascending' ? 'descending' : undefined;
  sortedBy = direction && { heading, direction };
  if (direction === undefined) sorted = rows;
  else {
    heading.setAttribute('aria-sort', direction);
    const compare = comparison(heading.cellIndex);
    const sign = direction === 'ascending' ? 1 : -1;
    sorted = [...rows].sort((a, b) => sign * compare(a, b) || a.place - b.place);
    // What has nothing in this column stands last in either direction.
    if (heading.cellIndex > 1) {
      const isEmpty = ({ element }: Row) => element.cells[heading.cellIndex]!.textContent === '';
      sorted = [...sorted.filter((row) => !isEmpty(row)), ...sorted.filter(isEmpty)];
    }
  }
  filter();
}

function comparison(column: number): (a: Row, b: Row) => number {
  const textOf = ({ element }: Row) => element.cells[column]!.textContent ?? '';
  switch (column) {
    case 1:
      return (a, b) => statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status);
    case 2:
      return (a, b) => a.numbers[0]! - b.numbers[0]!;
    case 4:
    case 5:
    case 6:
      return (a, b) => (a.numbers[column - 3] ?? 0) - (b.numbers[column - 3] ?? 0);
    default: {
      const texts = new Map(rows.map((row) => [row, textOf(row)]));
      return (a, b) => names.compare(texts.get(a)!, texts.get(b)!);
    }
  }
}

/** Lays out the row that the address names, if it is not, and opens what it names. */
function goToFragment(): void {
  const id = decodeURIComponent(location.hash.slice(1));
  const row = rowById.get(id);
  if (row !== undefined && !row.element.isConnected) {
    if (!found.includes(row)) {
      search.value = '';
      tools.querySelector<HTMLInputElement>('input[name=status]')!.checked = true;
      filter();
    }
    from = Math.floor(found.indexOf(row) / step) * step;
    to = from + step;
    show();
  }
  const target = document.getElementById(id);
  if (target instanceof HTMLDetailsElement) target.open = true;
  if (row !== undefined || target instanceof HTMLDetailsElement) target?.scrollIntoView({ block: 'center' });
}

for (const heading of table.querySelectorAll<HTMLTableCellElement>('th[data-sort]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = heading.textContent;
  button.addEventListener('click', () => sortBy(heading));
  heading.replaceChildren(button);
}
tools.addEventListener('submit', (event) => event.preventDefault());
tools.addEventListener('input', filter);
search.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || search.value === '') return;
  event.preventDefault();
  search.value = '';
  filter();
});
for (const button of document.querySelectorAll<HTMLButtonElement>('.more button')) {
  button.addEventListener('click', () => {
    const count = to - from;
    const { more } = button.dataset;
    if (more === 'before') from = Math.max(from - step, 0);
    else if (more === 'after') to += step;
    else [from, to] = [0, found.length];
    show();
    // Who came by the keyboard goes on at the first row that is new, since the button may be gone.
    const next = body.rows[more === 'after' ? count : 0]?.querySelector('th');
    next?.setAttribute('tabindex', '-1');
    next?.focus({ preventScroll: more === 'after' });
  });
}
for (const button of document.querySelectorAll<HTMLButtonElement>('button.zoom')) {
  const picture = button.closest('figure')!.querySelector<HTMLElement>('.scroll')!;
  button.addEventListener('click', () => {
    const isFit = picture.classList.toggle('fit');
    button.setAttribute('aria-pressed', String(isFit));
  });
  button.hidden = picture.scrollWidth <= picture.clientWidth;
}
for (const time of document.querySelectorAll('time')) time.title = new Date(time.dateTime).toLocaleString();
addEventListener('hashchange', goToFragment);
// On paper, all of what was found.
addEventListener('beforeprint', () => {
  [from, to] = [0, found.length];
  show();
});

for (const rest of table.querySelectorAll('tbody.rest')) rest.remove();
tools.hidden = false;
show();
if (location.hash !== '') goToFragment();

export {};
