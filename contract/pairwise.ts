/** Pairwise combinations: every pair of levels of two factors occurs in at least one row. */

/** Levels by factor. */
export type Factors = Readonly<Record<string, readonly unknown[]>>;

/** Index of the level of each factor, in the order of the factors. */
type Row = (number | undefined)[];

/**
 * Few rows in which every pair occurs, by a greedy choice; the same factors give the same rows.
 * @returns for each row the level of each factor
 */
export function pairwise(factors: Factors): Readonly<Record<string, unknown>>[] {
  const names = Object.keys(factors);
  const sizes = names.map((name) => factors[name]?.length ?? 0);
  const key = (a: number, i: number, b: number, j: number) => (a < b ? `${a}.${i}-${b}.${j}` : `${b}.${j}-${a}.${i}`);
  const open = new Set<string>();
  for (let a = 0; a < names.length; a++) {
    for (let b = a + 1; b < names.length; b++) {
      for (let i = 0; i < (sizes[a] ?? 0); i++) for (let j = 0; j < (sizes[b] ?? 0); j++) open.add(key(a, i, b, j));
    }
  }
  /** Pairs that a level would newly cover, given what a row has so far. */
  const gain = (row: Row, factor: number, level: number) =>
    row.filter((other, index) => other !== undefined && index !== factor && open.has(key(factor, level, index, other)))
      .length;

  const rows: Row[] = [];
  while (open.size > 0) {
    const [first = ""] = open;
    const row: Row = names.map(() => undefined);
    for (const part of first.split("-")) {
      const [factor = 0, level = 0] = part.split(".").map(Number);
      row[factor] = level;
    }
    for (let factor = 0; factor < names.length; factor++) {
      if (row[factor] !== undefined) continue;
      const levels = Array.from({ length: sizes[factor] ?? 0 }, (_, level) => level);
      // Of equal gains another level each time, so that single levels spread over the rows.
      const turned = levels.map((level) => (level + rows.length) % levels.length);
      row[factor] = turned.reduce((best, level) => (gain(row, factor, level) > gain(row, factor, best) ? level : best));
    }
    row.forEach((i = 0, a) => {
      row.forEach((j = 0, b) => {
        if (a < b) open.delete(key(a, i, b, j));
      });
    });
    rows.push(row);
  }
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, factors[name]?.[row[index] ?? 0]])));
}
