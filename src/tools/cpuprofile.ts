/**
 * A profile as Chrome DevTools, VS Code and speedscope read it (`Profiler.Profile` of the Chrome DevTools
 * Protocol): a tree of call frames, samples as node numbers, microseconds between them.
 */

import type { ProfileNode, Profiler } from './profiler.ts';

interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly hitCount: number;
    readonly children: readonly number[];
  }[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export function cpuProfile({ root, samples }: Pick<Profiler, 'root' | 'samples'>): CpuProfile {
  const nodes: CpuProfile['nodes'][number][] = [];
  const scripts = new Map<string, string>();
  const work: ProfileNode[] = [root];
  for (let node = work.pop(); node; node = work.pop()) {
    const { id, name, path, hits } = node;
    const children = [...node.children.values()];
    let scriptId = scripts.get(path);
    if (scriptId === undefined) {
      scriptId = String(scripts.size);
      scripts.set(path, scriptId);
    }
    nodes.push({
      id,
      callFrame: { functionName: name, scriptId, url: path, lineNumber: -1, columnNumber: -1 },
      hitCount: hits,
      children: children.map((child) => child.id),
    });
    work.push(...children);
  }
  // A sample is shown from its own time on: what is measured up to it belongs to the one before.
  const deltas = samples.map(({ ns }) => Math.round(ns / 1000));
  return {
    nodes,
    startTime: 0,
    endTime: deltas.reduce((sum, delta) => sum + delta, 0),
    samples: samples.map(({ node }) => node.id),
    timeDeltas: [0, ...deltas.slice(0, -1)],
  };
}
