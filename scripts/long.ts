/**
 * `npm run long [-- SUITE]`: the tests that take long, by suite. The code verifier: 10^7 mutants.
 * Volumes: 50,000 crash states, 100,000 hostile cases, 10^6 operations against the model,
 * 150,000 against file systems of the machine, 200 kills under SQLite. Stress: 2,000 live processes,
 * 500 threads, a fork bomb, 10^6 futex operations in each of three interleavings. Parallel: guests on
 * several processors, 30 times the rounds. Differential: 10^6 random instruction sequences.
 * `fuzz-parsers --hours N`: fuzzing of parsers that is guided by coverage; only when it is named.
 * `soak --hours N`: redis, nginx and a shell loop in one instance; only when it is named.
 * `fuzz-attest`: an hour of damaged evidence for every parser of `src/attest`; only when it is named.
 */
import { spawnSync } from 'node:child_process';

const VOLUME = [
  'test/sealed/sealed.test.ts',
  'test/sealed/kill.test.ts',
  'test/sealed/native-model.test.ts',
];

const SUITES: Readonly<Record<string, readonly { files: readonly string[]; factor: number }[]>> = {
  'verifier-mutants': [{ files: ['test/isolation/mutants.test.ts'], factor: 100 }],
  stress: [{ files: ['test/stress/stress.test.ts'], factor: 50 }],
  parallel: [{ files: ['test/parallel/parallel.test.ts'], factor: 30 }],
  volume: [
    { files: VOLUME, factor: 50 },
    { files: ['test/sealed/model.test.ts'], factor: 250 },
    { files: ['test/sealed/sqlite-kill.test.ts'], factor: 50 },
  ],
  differential: [{ files: ['test/cpu/differential.test.ts'], factor: 20 }],
  servers: [{ files: ['test/compat/servers.test.ts', 'test/guests/languages.test.ts'], factor: 2 }],
};

const wanted = process.argv[2];
if (wanted === 'fuzz-attest') {
  const hour = ['scripts/fuzz.ts', 'attest-parsers', '--seconds', '3600', '--log'];
  process.exit(spawnSync('node_modules/.bin/node', hour, { stdio: 'inherit' }).status ?? 1);
}
if (wanted === 'fuzz-parsers') {
  await import('../test/fuzz/run.ts');
  process.exit();
}
if (wanted === 'soak') {
  await import('../test/stress/soak.ts');
  process.exit();
}
for (const [suite, steps] of Object.entries(SUITES)) {
  if (wanted !== undefined && wanted !== suite) continue;
  for (const { files, factor } of steps) {
    console.log(`== ${suite}: ${files.join(' ')}, factor ${factor}`);
    const args = ['--disable-warning=ExperimentalWarning', '--test', '--test-timeout=14400000'];
    const run = spawnSync('node_modules/.bin/node', [...args, ...files], {
      stdio: 'inherit',
      env: { ...process.env, CLOISTER_LONG: String(factor) },
    });
    if (run.status !== 0) process.exit(run.status ?? 1);
  }
}
