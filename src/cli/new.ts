/** `cloister new NAME`: a project that builds and runs at once. */

import type { Command } from 'commander';
import { printLine, reporting } from './report.ts';

export function register(program: Command): void {
  program
    .command('new')
    .description('make a new project folder with cloister.yaml and a program')
    .argument('<name>', 'name of the image and of the folder')
    .addHelpText(
      'after',
      '\nExample:\n  cloister new bank && cd bank && cloister build && cloister run\n',
    )
    .action(reporting(makeProject));
}

async function makeProject(path: string): Promise<void> {
  const { existsSync, mkdirSync, writeFileSync } = await import('node:fs');
  const { basename, join, resolve } = await import('node:path');
  const { ImageError } = await import('../image/host-files.ts');
  const { parseConfig } = await import('../image/config-parse.ts');
  const name = basename(resolve(path));
  const yaml = CLOISTER_YAML.replaceAll('NAME', name);
  // The name must be one that `build` accepts: find out before anything is written.
  parseConfig(yaml, 'cloister.yaml');
  if (existsSync(path))
    throw new ImageError('CLOISTER_USAGE', `${path} exists already: choose another name`);
  mkdirSync(join(path, 'app'), { recursive: true });
  writeFileSync(join(path, 'cloister.yaml'), yaml);
  writeFileSync(join(path, 'app', 'main.py'), MAIN_PY.replaceAll('NAME', name));
  writeFileSync(join(path, '.gitignore'), 'image/\n');
  printLine(`made ${path}: cloister.yaml, app/main.py`);
  printLine(`next: cd ${path} && cloister build && cloister run`);
}

const CLOISTER_YAML = `# yaml-language-server: $schema=node_modules/cloister/schema/cloister.schema.json
name: NAME
command: [/usr/bin/python3, /app/main.py]

files:
  packages: [python3]
  copy:
    - { from: app, to: /app }

environment:
  fixed: { PATH: "/usr/bin:/bin", LANG: C.UTF-8, PYTHONDONTWRITEBYTECODE: "1" }

limits:
  memory: 1GiB
  processes: 64

network: none

# What a run may change; everything else is refused.
overrides:
  arguments: true
`;

const MAIN_PY = `import platform
import sys

print("Hello from NAME:", sys.argv[1:] or "no arguments")
print("Python", platform.python_version(), "on", platform.machine())
`;
