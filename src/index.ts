/**
 * `cloister`: running programs from one's own code. An {@link Instance} is one kernel with its file
 * systems; its parts come from this machine (`createNativeHost`, `NodeHost`, the roots) or from the
 * embedder. `src/cli/run-command.ts` shows them put together.
 */

export { folderRoot, imageRoot, machineRoot, mountAll } from './cli/run-roots.ts';
export { sealedMounts } from './cli/run-volumes.ts';
export { nodeCrypto, nodeEntropy } from './host/crypto.ts';
export { NodeImageSource } from './host/image-files.ts';
export { createNativeHost, type NativeHost } from './host/native/native-host.ts';
export { NodeHost } from './host/node-host.ts';
export { inheritedStream } from './host/stdio.ts';
export { type Image, openImage } from './image/open.ts';
export { SpawnError } from './kernel/exec/errors.ts';
export {
  Instance,
  type InstanceParts,
  type MountContext,
  type RootContext,
} from './runtime/instance.ts';
export {
  PlanError,
  planImage,
  planUnmeasured,
  type RunPlan,
  type RunRequest,
} from './runtime/plan.ts';
