/** Statistics of instances as Prometheus metrics: names, units and labels. */

import type { ProcessRow, Statistics } from '../runtime/control/messages.ts';
import type { Metric } from '../tools/prometheus.ts';

export interface InstanceStatistics extends Statistics {
  readonly name: string;
  readonly processRows: readonly ProcessRow[];
}

type Labels = Readonly<Record<string, string>>;
type Read = (row: InstanceStatistics) => readonly (readonly [Labels, number])[];
type ReadProcess = (row: ProcessRow) => number;

const NS = 1e9;
const one =
  (value: (row: InstanceStatistics) => number): Read =>
  (row) => [[{}, value(row)]];
const each =
  (label: string, values: (row: InstanceStatistics) => Readonly<Record<string, number>>): Read =>
  (row) =>
    Object.entries(values(row)).map(([name, value]) => [{ [label]: name }, value]);
const process =
  (value: ReadProcess): Read =>
  ({ processRows }) =>
    processRows.map((row) => [{ pid: String(row.pid) }, value(row)]);

/** Name behind `cloister_`, type, help, values. */
const METRICS: readonly (readonly [string, Metric['type'], string, Read])[] = [
  ['uptime_seconds', 'gauge', 'Time since the instance began.', one((s) => s.uptimeNs / NS)],
  ['cpu_seconds_total', 'counter', 'Processor time of the host process.', one((s) => s.cpuNs / NS)],
  ['resident_bytes', 'gauge', 'Memory of the host process.', one((s) => s.residentBytes)],
  ['guest_bytes', 'gauge', 'Pages of guests.', one((s) => s.guestBytes)],
  ['guest_limit_bytes', 'gauge', 'What guests may have.', one((s) => s.guestLimitBytes)],
  ['processes', 'gauge', 'Guest processes.', one((s) => s.processes)],
  ['threads', 'gauge', 'Guest threads.', one((s) => s.threads)],
  ['host_read_bytes_total', 'counter', 'Bytes read from the host.', one((s) => s.readBytes)],
  ['host_written_bytes_total', 'counter', 'Bytes written to the host.', one((s) => s.writtenBytes)],
  [
    'system_calls_total',
    'counter',
    'System calls of guests.',
    each('call', (s) => s.counters.calls),
  ],
  [
    'exits_total',
    'counter',
    'Times that translated code was left.',
    each('cause', (s) => s.counters.exits),
  ],
  [
    'interpreted_total',
    'counter',
    'Instructions that were interpreted.',
    each('mnemonic', (s) => s.counters.interpreted),
  ],
  [
    'translation_units_total',
    'counter',
    'Units of translated code published.',
    one((s) => s.counters.translations.units),
  ],
  [
    'translation_guest_bytes_total',
    'counter',
    'Guest code in them.',
    one((s) => s.counters.translations.guestBytes),
  ],
  [
    'translation_host_bytes_total',
    'counter',
    'Translated code in them.',
    one((s) => s.counters.translations.hostBytes),
  ],
  [
    'translation_drops_total',
    'counter',
    'Units dropped: their code changed.',
    one((s) => s.counters.translations.dropped),
  ],
  [
    'parallel_turns_total',
    'counter',
    'Turns on further processors.',
    one((s) => s.counters.beside.turns),
  ],
  [
    'process_cpu_seconds_total',
    'counter',
    'Processor time of a guest process.',
    process((row) => row.cpuNs / NS),
  ],
  [
    'process_resident_bytes',
    'gauge',
    'Memory of a guest process.',
    process((row) => row.residentBytes),
  ],
  [
    'process_system_calls_total',
    'counter',
    'System calls of a guest process.',
    process((row) => row.calls),
  ],
  [
    'process_read_bytes_total',
    'counter',
    'Bytes that a guest process read.',
    process((row) => row.readBytes),
  ],
  [
    'process_written_bytes_total',
    'counter',
    'Bytes that a guest process wrote.',
    process((row) => row.writtenBytes),
  ],
];

export function metricsOf(rows: readonly InstanceStatistics[]): Metric[] {
  return METRICS.map(([name, type, help, read]) => ({
    ...{ name: `cloister_${name}`, type, help },
    samples: rows.flatMap((row) =>
      read(row).map(([labels, value]) => ({ labels: { instance: row.name, ...labels }, value })),
    ),
  }));
}
