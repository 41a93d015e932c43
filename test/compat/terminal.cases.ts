/** Sessions at a terminal: what is typed when the screen shows what. */

import type { TerminalCase } from './terminal-script.ts';

/** The cursor behind an empty prompt. */
const PROMPT = /\$\n\[\d+,2\]$/;
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `line ${i + 1} of the text`).join('\n');

const BASH = ['/usr/bin/bash', '--norc', '--noprofile'];

export const TERMINAL_CASES: readonly (TerminalCase & {
  readonly program: string;
  /** Where it comes from when this machine does not have it. */
  readonly package?: string;
})[] = [
  {
    name: 'bash: line editing and history',
    program: 'bash',
    argv: BASH,
    steps: [
      { shows: PROMPT, types: 'echo onne\x02\x02\x04\x05 two\r' },
      {
        shows: /^one two\n\$\n/m,
        types: '\x1b[A\x01\x1b[C\x1b[C\x1b[C\x1b[C\x0b\x19 word\x17more\r',
      },
      { shows: /more\n\$\n/m, types: `echo "long lines wrap: ${'abcdefghij'.repeat(8)}` },
      { shows: /abcdefghij\n\[/, types: '"\x01\x05\r' },
      { shows: /abcdefghij\n\$\n/, types: 'printf "%s\\n" /et\t\r' },
      { shows: /^\/etc\/\n\$\n/m, types: '\x12lines\r' },
      { shows: /abcdefghij\n\$\n/, types: 'exit 7\r' },
    ],
  },
  {
    name: 'bash: jobs',
    program: 'bash',
    argv: BASH,
    files: {
      // Says when it is in the foreground: keys before that go to the shell.
      wait: '#!/bin/bash\necho "$1"; exec sleep 1000\n',
      job: '#!/bin/bash\necho "$1"; shift; exec "$@"\n',
    },
    steps: [
      { shows: PROMPT, types: './wait first\r' },
      { shows: /^first\n\[/m, types: '\x03' },
      { shows: /\^C\n\$\n/, types: 'echo $?; ./wait second\r' },
      { shows: /^second\n\[/m, types: '\x1a' },
      {
        shows: /Stopped +\.\/wait second\n\$\n/,
        types: './wait third > /dev/null &\r',
        differs: true,
      },
      { shows: /^\[2\] \d+\n\$\n/m, types: 'clear; jobs; bg %1; jobs\r', differs: true },
      { shows: /\[1\]- {2}Running +\.\/wait second &\n.*\n\$\n/, types: 'fg %1\r' },
      { shows: /fg %1\n\.\/wait second\n\[/, types: '\x03' },
      { shows: /\^C\n\$\n/, types: 'kill %2; wait; echo waited\r', differs: true },
      { shows: /^waited\n\$\n/m, types: 'clear\r', differs: true },
      // A background job that reads the terminal stops (SIGTTIN), and goes on in the foreground.
      { shows: /^\$\n\[0,2\]$/, types: 'cat &\r', differs: true },
      {
        // It may have stopped already, and bash says so before it asks.
        shows: /\[1\] \d+\n.*\$\n/s,
        types: 'until jobs | grep Stopped; do sleep 0.05; done\r',
        differs: true,
      },
      { shows: /Stopped +cat\n.*\$\n/s, types: 'clear; fg\r', differs: true },
      { shows: /^cat\n\[/, types: 'a line\r' },
      { shows: /^a line\na line\n\[/m, types: '\x04' },
      // With tostop, one that writes stops (SIGTTOU), unless it ignores that.
      { shows: PROMPT, types: 'clear; stty tostop; ./job out echo background &\r', differs: true },
      {
        // It may have stopped already, and bash says so before it asks.
        shows: /\[1\] \d+\n.*\$\n/s,
        types: 'until jobs > j; grep Stopped j; do sleep 0.05; done\r',
        differs: true,
      },
      { shows: /Stopped +\.\/job.*\$\n/s, types: 'clear; fg; stty -tostop\r', differs: true },
      {
        shows: /^\.\/job out.*\nout\nbackground\n\$\n/,
        types: 'clear; stty tostop; trap "" TTOU; echo deaf &\r',
        differs: true,
      },
      { shows: /deaf\n/, types: 'trap - TTOU; stty -tostop; exit 3\r', differs: true },
    ],
  },
  {
    name: 'bash: window size',
    program: 'bash',
    argv: BASH,
    steps: [
      { shows: PROMPT, types: "trap 'echo resized $(stty size)' WINCH; stty size\r" },
      { shows: /^24 80\n\$\n/m, resizes: [30, 100], types: '' },
      { shows: /\$/, types: '\r' },
      { shows: /resized 30 100/, types: 'echo $LINES $COLUMNS; stty rows 10 cols 40; stty size\r' },
      { shows: /^10 40/m, types: 'exit\r', differs: true },
    ],
  },
  {
    name: 'busybox vi: edit, save, resize, quit',
    program: 'busybox',
    package: 'busybox-static',
    argv: ['/usr/bin/busybox', 'vi', 'text'],
    files: { text: `${lines(60)}\n` },
    steps: [
      { shows: /line 1 of/, types: 'ddjjiinserted \x1b' },
      { shows: /inserted line/, types: 'Gothe last line\x1b' },
      { shows: /the last line/, types: '/of the\r' },
      { shows: /line 1? ?/, types: ':%s/text/TEXT/g\r' },
      { shows: /TEXT/, resizes: [15, 60] },
      { shows: /TEXT/, types: '1G', differs: true },
      { shows: /line 2 of the TEXT/, types: 'xu3yyPZ', differs: true },
      { shows: /line 2 of the TEXT/, types: 'Z', differs: true },
    ],
  },
  {
    name: 'vim: edit, save, resize, quit',
    program: 'vim',
    argv: ['/usr/bin/vim', '-u', 'NONE', '-i', 'NONE', '-n', 'text'],
    files: { text: `${lines(60)}\n` },
    steps: [
      { shows: /line 1 of/, types: 'ddjjiinserted \x1b' },
      { shows: /inserted line/, types: ':%s/text/TEXT/g | 1\r' },
      { shows: /TEXT/, resizes: [15, 60] },
      { shows: /TEXT/, types: 'V5jd:!echo from the shell\r' },
      { shows: /from the shell/, types: '\r' },
      { shows: /line 8 of the TEXT/, types: ':wq\r' },
    ],
  },
  {
    name: 'python3: lines, blocks, interrupts, end of file',
    program: 'python3',
    argv: ['/usr/bin/python3', '-q'],
    env: { PYTHON_HISTORY: '/dev/null', PYTHON_BASIC_REPL: '1' },
    steps: [
      { shows: /^>>>\n/m, types: 'for i in range(3):\r  print(i * 7)\r\r' },
      { shows: /^14\n>>>\n/m, types: 'for i in range(10**12): _ = i or print("go")\r\r' },
      { shows: /^go\n\[\d+,0\]/m, types: '\x03' },
      { shows: /KeyboardInterrupt\n>>>\n/, types: 'input("name? ")\r' },
      { shows: /^name\?\n\[/m, types: 'me\x7f\x7fyou\r' },
      { shows: /^'you'\n>>>\n/m, types: 'import time; print("zzz"); time.sleep(1000)\r' },
      { shows: /^zzz\n\[\d+,0\]/m, types: '\x03' },
      { shows: /KeyboardInterrupt\n>>>\n\[/, types: '\x04' },
    ],
  },
  {
    name: 'less: page, search, resize, quit',
    program: 'less',
    argv: ['/usr/bin/less', 'text'],
    files: { text: `${lines(200)}\n` },
    steps: [
      { shows: /line 1 of/, types: ' ' },
      { shows: /line 24 of/, types: '/line 150\r' },
      { shows: /^line 150/m, types: 'G' },
      { shows: /line 200 of/, types: 'g' },
      { shows: /line 1 of/, resizes: [12, 50] },
      { shows: /line 1 of/, types: '\x0c', differs: true },
      { shows: /line 11 of/, types: 'q', differs: true },
    ],
  },
  {
    name: 'top: refresh, resize, quit',
    program: 'top',
    argv: ['/usr/bin/top', '-d', '1'],
    steps: [
      { shows: /PID USER.*\n *\d+ \S+ /, resizes: [10, 60], differs: true },
      { shows: /PID USER/, types: 'q', differs: true },
    ],
  },
  {
    name: 'busybox top: quit',
    program: 'busybox',
    package: 'busybox-static',
    argv: ['/usr/bin/busybox', 'top'],
    steps: [{ shows: /PID +PPID USER.*\n *\d+ +\d+ \w+ /, types: 'q', differs: true }],
  },
  {
    name: 'script: a terminal in a terminal, kept as a file',
    program: 'script',
    argv: ['/usr/bin/script', '-q', '-c', 'PS1="$ " exec bash --norc --noprofile', 'log'],
    env: { SHELL: '/bin/bash' },
    steps: [
      { shows: PROMPT, types: 'stty size; tty > name; [ -t 0 ] && echo yes\r' },
      { shows: /^yes\n\$\n/m, resizes: [30, 90], types: 'rm name; sleep 0.3; stty size\r' },
      { shows: /^30 90\n\$\n/m, types: 'cat\r' },
      { shows: /\$ cat\n\[/, types: 'typed\r' },
      { shows: /^typed\ntyped\n\[/m, types: '\x03' },
      { shows: /\^C\n\$\n/, types: 'rm log; exit 5\r' },
    ],
  },
  {
    name: 'tmux: two windows, detach',
    program: 'tmux',
    argv: ['/usr/bin/tmux', '-f', '/dev/null', '-L', 'cloister-test', 'new', ...BASH],
    steps: [
      { shows: /\$\n(.*\n)*\[0\]/, types: 'echo first window\r', differs: true },
      { shows: /^first window\n/m, types: '\x02c', differs: true },
      { shows: /1:bash\*/, types: 'stty size; exit\r', differs: true },
      { shows: /^first window\n(.*\n)*.*0:bash\*/m, resizes: [30, 90], differs: true },
      { shows: /^first window\n(.*\n)*.*0:bash\*/m, types: 'clear; stty size\r', differs: true },
      { shows: /^29 90\n/m, types: 'exit\r', differs: true },
    ],
  },
];
