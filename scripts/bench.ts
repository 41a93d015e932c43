/** `npm run bench -- cpu|os|parallel|paper|net|storage|attest [ROW …]`: printed measurements, never pass or fail. */

const SUITES: Readonly<Record<string, () => Promise<(rows: readonly string[]) => unknown>>> = {
  cpu: async () => (await import('../bench/cpu.ts')).benchCpu,
  os: async () => {
    const { benchOs } = await import('../bench/os.ts');
    const { benchNet } = await import('../bench/net.ts');
    return async (rows) => {
      benchOs(rows);
      await benchNet(rows);
    };
  },
  storage: async () => (await import('../bench/storage.ts')).benchStorage,
  parallel: async () => (await import('../bench/parallel.ts')).benchParallel,
  paper: async () => (await import('../bench/paper.ts')).benchPaper,
  net: async () => (await import('../bench/net.ts')).benchNet,
  attest: async () => (await import('../bench/attest.ts')).benchAttest,
};

const [name, ...rows] = process.argv.slice(2);
const wanted = name === undefined ? Object.keys(SUITES) : [name];
for (const suite of wanted) {
  const load = SUITES[suite];
  if (!load) {
    console.error(`bench: no suite ${suite}; there are: ${Object.keys(SUITES).join(', ')}`);
    process.exit(2);
  }
  console.log(`== ${suite}`);
  await (await load())(rows);
}
