/** Talking to a running instance. */

import { connectControl } from '../host/control-socket.ts';
import { findInstance, type InstanceFolder } from '../host/instance-folder.ts';
import { ask } from '../runtime/control/client.ts';
import type { ControlReply, ControlRequest, ExecRequest } from '../runtime/control/messages.ts';
import { CommandError } from './errors.ts';

/** The instance `name`, which has to run. */
export function runningInstance(name: string): InstanceFolder {
  const instance = findInstance(name);
  if (instance.isAlive) return instance;
  throw new CommandError(
    'CLOISTER_INSTANCE',
    `the instance ${name} does not run: it ${describeState(instance)}`,
  );
}

/** Connects; an instance that starts or ends just now has no socket. */
export async function connectTo(instance: InstanceFolder) {
  try {
    return await connectControl(instance.path);
  } catch (cause) {
    const why = (cause as Error).message;
    const message = `the instance ${instance.name} does not answer (it starts, or ends): ${why}`;
    throw new CommandError('CLOISTER_INSTANCE', message);
  }
}

export async function askInstance<K extends ControlReply['reply']>(
  instance: InstanceFolder,
  request: Exclude<ControlRequest, ExecRequest>,
  wanted: K,
): Promise<Extract<ControlReply, { reply: K }>> {
  return ask(await connectTo(instance), request, wanted);
}

/** `running`, `exited`, or `died`: it ended without leaving a status. */
export function stateOf({ record, isAlive }: InstanceFolder): 'running' | 'exited' | 'died' {
  if (isAlive) return 'running';
  return record === undefined || record.exitStatus === null ? 'died' : 'exited';
}

export function describeState(instance: InstanceFolder): string {
  const state = stateOf(instance);
  return state === 'exited' ? `exited (${instance.record?.exitStatus})` : state;
}
