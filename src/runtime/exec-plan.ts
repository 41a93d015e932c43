/**
 * What a further process of a running instance is to be. The host asks for it, and is not trusted:
 * on a measured image it gets what the image would also permit to a run, and nothing else.
 */

import type { ImageConfig } from '../image/config-schema.ts';
import { PlanError, planImage, type RunPlan } from './plan.ts';

export type ProcessPlan = Pick<RunPlan, 'argv' | 'environment' | 'workingDir' | 'uid' | 'gid'>;

export interface ExecWish {
  readonly command: readonly string[];
  readonly environment: readonly (readonly [string, string])[];
  readonly workingDir?: string | undefined;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * A process beside those of `running`, with its environment, folder and user where nothing else is
 * asked for. `config`: of a measured image. Throws {@link PlanError} naming the key that would permit
 * more.
 */
export function planExec(
  running: RunPlan,
  config: ImageConfig | undefined,
  wish: ExecWish,
): ProcessPlan {
  if (wish.command.length === 0) throw new PlanError('no program given: cloister exec NAME -- …');
  if (config !== undefined) refuseUnpermitted(running, config, wish);
  const environment = new Map(running.environment.map(splitVariable));
  for (const [name, value] of wish.environment) environment.set(name, value);
  return {
    argv: wish.command,
    environment: [...environment].map(([name, value]) => `${name}=${value}`),
    workingDir: wish.workingDir ?? running.workingDir,
    uid: wish.user?.uid ?? running.uid,
    gid: wish.user?.gid ?? running.gid,
  };
}

/** Asks what a run would ask: one rule for both. */
function refuseUnpermitted(running: RunPlan, config: ImageConfig, wish: ExecWish): void {
  const { command, environment, workingDir, user } = wish;
  planImage(
    config,
    {
      ...{ command, environment, workingDir, user },
      ...{ binds: [], sealed: [], tmpfs: [], isRootReadOnly: false },
      ...{ hostName: undefined, memoryBytes: undefined, network: undefined, published: [] },
      // The way to the broker was settled when the instance started.
      brokerUrl: running.broker?.url,
    },
    () => undefined,
  );
}

function splitVariable(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
