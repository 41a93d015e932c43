/** Metrics in the Prometheus text exposition format, version 0.0.4. */

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

export function expositionText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ labels, value }) => `${name}{${labelsText(labels)}} ${value}`),
      ].join('\n'),
    )
    .join('\n');
}

/** Values may come from guests: backslash, quote and line break are escaped, as the format has it. */
function labelsText(labels: Readonly<Record<string, string>>): string {
  const quoted = (value: string): string =>
    value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${quoted(value)}"`)
    .join(',');
}
