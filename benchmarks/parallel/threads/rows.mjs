/** What is done with rows of a table, part by part. */

const COUNTRIES = ['de', 'fr', 'it', 'es', 'pl', 'nl', 'se', 'pt'];

/**
 * @param {number} part
 * @param {number} count
 * @returns {string} so many lines of a CSV file
 */
export function textOf(part, count) {
  const lines = [];
  for (let index = 0; index < count; index++) {
    const id = part * count + index;
    lines.push(`${id},customer ${id % 997},${COUNTRIES[id % 8]},${(id * 7919) % 10_000},2026-0${1 + (id % 9)}-11`);
  }
  return lines.join('\n');
}

/**
 * @param {number} part
 * @param {number} count
 */
export function parse(part, count) {
  return textOf(part, count)
    .split('\n')
    .map((line) => {
      const [id, customer, country, cents, day] = line.split(',');
      return { id: Number(id), customer, country, cents: Number(cents), day };
    });
}

/** @param {ReturnType<typeof parse>} rows */
export function join(rows) {
  const rates = new Map(COUNTRIES.map((country, index) => [country, 15 + index]));
  return rows.map((row) => ({ ...row, tax: (row.cents * (rates.get(row.country) ?? 0)) / 100 }));
}
