/** Rendering of result rows: one table for people, one JSON document for machines. */

export interface ResultRow {
  readonly row: string;
  readonly nativeS: number | undefined;
  readonly cloister: number | undefined;
  readonly qemu: number | undefined;
  /** Ratio of Cloister to native without start-up, where it was measured. */
  readonly steady?: number;
  readonly bar: number | undefined;
  readonly goal: number | undefined;
  readonly note?: string;
}

const cell = (value: number | undefined, digits = 2): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);

/** Rows as aligned text: native seconds, ratios, bar and far goal. */
export function renderTable(rows: readonly ResultRow[]): string {
  const header = ['row', 'native s', 'cloister÷', 'steady÷', 'qemu÷', 'bar', 'goal', ''];
  const body = rows.map((row) => [
    row.row,
    row.nativeS !== undefined && row.nativeS < 0.01
      ? `${(row.nativeS * 1e6).toFixed(3)} µ`
      : cell(row.nativeS, 3),
    cell(row.cloister),
    cell(row.steady),
    cell(row.qemu),
    cell(row.bar),
    cell(row.goal),
    row.note ??
      (row.bar !== undefined && row.cloister !== undefined && row.cloister > row.bar
        ? 'above the bar'
        : ''),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...body.map((cells) => (cells[column] as string).length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] as number) : text.padStart(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return [line(header), ...body.map(line)].join('\n');
}
