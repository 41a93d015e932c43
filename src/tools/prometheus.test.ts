import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expositionText } from './prometheus.ts';

test('expositionText() follows the text format, whatever a guest puts into a label', () => {
  const samples = [
    { labels: { instance: 'web', call: 'read' }, value: 3 },
    { labels: { instance: 'a"b\\c\nd' }, value: 0.5 },
  ];
  const text = expositionText([
    { name: 'cloister_x_total', type: 'counter', help: 'X.', samples },
    { name: 'cloister_none', type: 'gauge', help: 'None.', samples: [] },
  ]);
  assert.equal(
    text,
    '# HELP cloister_x_total X.\n# TYPE cloister_x_total counter\n' +
      'cloister_x_total{instance="web",call="read"} 3\n' +
      'cloister_x_total{instance="a\\"b\\\\c\\nd"} 0.5',
  );
});
