/** Parsing of what `cloister run` takes: the spellings of Docker and Podman. Validates, does nothing. */

import { isAbsolute, resolve } from 'node:path';
import { MOST_PROCESSORS } from '../abi/processors.ts';
import { parsePublish } from '../net/access-rules.ts';
import type { PublishedPort } from '../net/host-access.ts';
import type { BindMountSpec, SealedMountSpec, TmpfsSpec } from '../runtime/plan.ts';
import { usageError as usage } from './errors.ts';

/** `HOST:GUEST[:ro|:rw]` of `-v`. */
export function parseVolume(text: string): BindMountSpec {
  const parts = text.split(':');
  const [host, guest, mode = 'rw'] = parts;
  if (parts.length < 2 || parts.length > 3 || !host || !guest)
    throw usage(`-v ${text}: expected HOST:GUEST or HOST:GUEST:ro`);
  if (mode !== 'ro' && mode !== 'rw')
    throw usage(`-v ${text}: the mode is ro or rw, not ${JSON.stringify(mode)}`);
  if (!isAbsolute(guest)) throw usage(`-v ${text}: the guest path must be absolute`);
  return { hostPath: resolve(host), guestPath: guest, readOnly: mode === 'ro' };
}

/** `type=sealed,source=VOL,target=/data,key-file=K[,anchor=broker|tpm:PLACE|FILE][,readonly]` of `--mount`. */
export function parseMount(text: string): SealedMountSpec {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const at = field.indexOf('=');
    fields.set(at < 0 ? field : field.slice(0, at), at < 0 ? '' : field.slice(at + 1));
  }
  const known = new Set([
    'type',
    'source',
    'src',
    'target',
    'dst',
    'key-file',
    'anchor',
    'readonly',
    'ro',
  ]);
  for (const name of fields.keys())
    if (!known.has(name)) throw usage(`--mount ${text}: unknown field ${JSON.stringify(name)}`);
  const type = fields.get('type');
  if (type !== 'sealed') throw usage(`--mount ${text}: type must be sealed (a plain folder is -v)`);
  const source = fields.get('source') ?? fields.get('src');
  const target = fields.get('target') ?? fields.get('dst');
  if (!source || !target || !isAbsolute(target))
    throw usage(`--mount ${text}: source and an absolute target are needed`);
  const readOnly = fields.has('readonly') || fields.has('ro');
  const anchor = fields.get('anchor');
  return {
    source: resolve(source),
    target,
    keyFile: fields.get('key-file'),
    readOnly,
    ...(anchor ? { anchor: anchor === 'broker' ? anchor : { place: anchor } } : {}),
  };
}

/** `[ADDRESS:]HOST:GUEST[/tcp|/udp]` of `-p`, with ranges. */
export function parsePort(text: string): PublishedPort[] {
  const ports = parsePublish(text);
  if (ports === undefined)
    throw usage(
      `-p ${text}: expected [ADDRESS:]HOST:GUEST, such as 8080:80 or 127.0.0.1:53:53/udp`,
    );
  return ports;
}

/** `NAME=VALUE`, or `NAME` taken from the host's environment (absent there: not set). */
export function parseEnv(
  text: string,
  hostEnv: Readonly<Record<string, string | undefined>>,
): readonly [string, string] | undefined {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (name === '' || name.includes('\0')) throw usage(`-e ${text}: expected NAME or NAME=VALUE`);
  if (at >= 0) return [name, text.slice(at + 1)];
  const value = hostEnv[name];
  return value === undefined ? undefined : [name, value];
}

/** Lines of `--env-file`: as `-e` takes them; `#` starts a comment line. */
export function parseEnvFile(
  text: string,
  file: string,
  hostEnv: Readonly<Record<string, string | undefined>>,
): (readonly [string, string] | undefined)[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trimStart().replace(/\r$/, '');
    if (line === '' || line.startsWith('#')) return [];
    if (line.startsWith('='))
      throw usage(`--env-file ${file}, line ${index + 1}: expected NAME or NAME=VALUE`);
    return [parseEnv(line, hostEnv)];
  });
}

/** `DIR[:size=64m,mode=1777]` of `--tmpfs`. */
export function parseTmpfs(text: string): TmpfsSpec {
  const at = text.indexOf(':');
  const target = at < 0 ? text : text.slice(0, at);
  if (!isAbsolute(target)) throw usage(`--tmpfs ${text}: the folder must be absolute`);
  let sizeBytes: number | undefined;
  let mode: number | undefined;
  for (const option of at < 0 ? [] : text.slice(at + 1).split(',')) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'size') sizeBytes = parseBytes(`--tmpfs ${text}: size`, value);
    else if (name === 'mode' && /^[0-7]{1,4}$/.test(value)) mode = Number.parseInt(value, 8);
    else throw usage(`--tmpfs ${text}: size=BYTES and mode=OCTAL are known, not ${option}`);
  }
  return {
    target,
    sizeBytes,
    ...(mode === undefined ? {} : { mode }),
  };
}

/** A name that hostname(7) allows. */
export function parseHostName(text: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(text))
    throw usage(`--hostname ${text}: letters, digits, hyphens and dots, at most 64`);
  return text;
}

/** `--workdir`: Docker's rule. */
export function parseWorkdir(text: string): string {
  if (!isAbsolute(text)) throw usage(`-w ${text}: the working directory must be absolute`);
  return text;
}

export function parseSeed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw usage(`--schedule-seed ${text}: expected a number`);
  return Number(text);
}

/** `UID[:GID]`; the group defaults to the same number as Docker does for numbers: 0. */
export function parseUser(text: string): { readonly uid: number; readonly gid: number } {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  const uid = Number(match?.[1]);
  const gid = Number(match?.[2] ?? 0);
  if (!match || uid > 0xfffffffe || gid > 0xfffffffe)
    throw usage(`-u ${text}: expected UID or UID:GID as numbers`);
  return { uid, gid };
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Bytes, with Docker's suffixes b, k, m, g. */
export function parseBytes(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgt]?)b?$/i.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()];
  if (!match || unit === undefined)
    throw usage(`${option} ${text}: expected a size such as 512m or 2g`);
  return Math.floor(Number(match[1]) * unit);
}

/** `--cpus N`. */
export function parseCpus(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MOST_PROCESSORS)
    throw usage(`--cpus ${text}: a whole number from 1 to ${MOST_PROCESSORS} is expected`);
  return count;
}

/** `--secret NAME=REPOSITORY/TYPE/TAG`. */
export function parseSecret(text: string): readonly [string, string] {
  const [name = '', id = ''] = text.split(/=(.*)/s);
  if (!/^[\w.-]{1,64}$/.test(name) || name.startsWith('.') || id === '')
    throw usage(`--secret ${text}: NAME=REPOSITORY/TYPE/TAG is expected`);
  return [name, id];
}
