/**
 * The folders of long-lived instances below the state folder: `instances/NAME`, mode 0700, with the
 * record of the instance, its control socket and its log. A folder appears whole, record included;
 * whether its instance still lives is told by the process that the record names — number, start time
 * and boot, since numbers are used again.
 */

import { randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { makeStateFolder, stateHome } from './state-home.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const natural = v.pipe(v.number(), v.integer(), v.minValue(0));

const recordSchema = v.strictObject({
  version: v.literal(1),
  pid: v.pipe(natural, v.minValue(2)),
  /** Start of that process, in clock ticks since boot, and which boot. */
  startTicks: natural,
  bootId: v.string(),
  /** RFC 3339. */
  startedAt: v.string(),
  command: v.array(v.string()),
  /** Measurement of the image; null: not measured. */
  image: v.nullable(v.string()),
  /** Set at the end; an instance that died on its own (or was killed) has none. */
  exitStatus: v.nullable(v.pipe(natural, v.maxValue(255))),
  endedAt: v.nullable(v.string()),
});

export type InstanceRecord = v.InferOutput<typeof recordSchema>;

export interface InstanceFolder {
  readonly name: string;
  readonly path: string;
  /** Undefined: it cannot be read, or is none. */
  readonly record: InstanceRecord | undefined;
  readonly isAlive: boolean;
}

/** An instance is not there, or in the way. */
export class InstanceError extends Error {
  readonly code = 'CLOISTER_INSTANCE';
}

const folderOf = (name: string): string => join(stateHome(), 'instances', name);

export const isInstanceName = (name: string): boolean => NAME.test(name);

function checkName(name: string): void {
  if (!isInstanceName(name))
    throw new InstanceError(
      `"${name.slice(0, 80)}" is no name of an instance: up to 63 letters, digits, _ . -, the first ` +
        'a letter or a digit',
    );
}

/** Who this process is, for a record. */
export function ownProcess(): Pick<InstanceRecord, 'pid' | 'startTicks' | 'bootId'> {
  const { pid } = process;
  const startTicks = startTicksOf(pid);
  if (startTicks === undefined) throw new InstanceError('/proc does not show this process');
  return { pid, startTicks, bootId: bootId() };
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); undefined for a process that is not, or a zombie. */
function startTicksOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before may hold blanks and parentheses.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[19]);
    return fields[0] === 'Z' || fields[0] === 'X' || !Number.isSafeInteger(ticks)
      ? undefined
      : ticks;
  } catch {
    return undefined;
  }
}

/** Makes the folder of a new instance. Throws {@link InstanceError} when the name is taken. */
export function claimInstance(name: string | undefined, record: InstanceRecord): InstanceFolder {
  const chosen = name ?? randomBytes(5).toString('hex');
  checkName(chosen);
  const path = folderOf(chosen);
  const parent = join(stateHome(), 'instances');
  makeStateFolder(parent);
  const building = join(parent, `.${chosen}.${randomBytes(6).toString('hex')}`);
  mkdirSync(building, 0o700);
  try {
    writeFileSync(join(building, RECORD), JSON.stringify(record), { mode: 0o600 });
    // Fails where a folder is that has something in it: of several starts one gets the name.
    renameSync(building, path);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    const isAlive = readInstance(chosen)?.isAlive === true;
    throw new InstanceError(
      isAlive
        ? `an instance ${chosen} runs already: choose another --name, or cloister stop ${chosen}`
        : `an instance ${chosen} has ended and is kept: cloister rm ${chosen} makes room for a new one`,
    );
  }
  return { name: chosen, path, record, isAlive: true };
}

const RECORD = 'instance.json';

/** Replaces the record, whole or not at all. */
export function writeRecord(path: string, record: InstanceRecord): void {
  const building = join(path, `${RECORD}.new`);
  writeFileSync(building, JSON.stringify(record), { mode: 0o600 });
  renameSync(building, join(path, RECORD));
}

function readRecord(path: string): InstanceRecord | undefined {
  try {
    const parsed = v.safeParse(recordSchema, JSON.parse(readFileSync(join(path, RECORD), 'utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startTicks, bootId: boot }: InstanceRecord): boolean {
  return boot === bootId() && startTicksOf(pid) === startTicks;
}

/** The instance `name`, living or not; undefined when there is none. */
export function readInstance(name: string): InstanceFolder | undefined {
  checkName(name);
  const isThere = lstatSync(folderOf(name), { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? instanceNamed(name) : undefined;
}

function instanceNamed(name: string): InstanceFolder {
  const path = folderOf(name);
  const record = readRecord(path);
  return { name, path, record, isAlive: record !== undefined && isAlive(record) };
}

/** As {@link readInstance}, but it has to be there. */
export function findInstance(name: string): InstanceFolder {
  const found = readInstance(name);
  if (found !== undefined) return found;
  throw new InstanceError(`there is no instance ${name}: cloister ps -a lists them`);
}

/** Every instance, by name. */
export function listInstances(): InstanceFolder[] {
  const names = entriesOf(join(stateHome(), 'instances')).filter(isInstanceName);
  return names.sort().map(instanceNamed);
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Removes what an instance that has ended left behind. */
export function removeInstance(instance: InstanceFolder): void {
  rmSync(instance.path, { recursive: true, force: true });
}

/** SIGKILL for the process of a living instance: what remains when it does not answer. */
export function killInstance({ record }: InstanceFolder): void {
  if (record !== undefined && isAlive(record)) process.kill(record.pid, 'SIGKILL');
}
