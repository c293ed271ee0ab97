import type { InstanceFactory } from './instance/instance-factory';
import type { PluginSpec } from './instance/plugin-spec';
import type { InstanceRecord, KeyedCertificate } from './launch/instance-record';
import type { ReattachLine } from './launch/reattach-line';
import type { KeptState } from './supervision/begin-life';
import type { Supervisor } from './supervision/supervisor';
import { type InstanceCheck, runCheck } from './upgrade/verify';

/** What it takes to make the first generation of a plugin; later ones are made by operations. */
export interface FirstGenerationTools {
  readonly factory: InstanceFactory;
  /** Gives it up. */
  readonly signal: AbortSignal;
  supervise(spec: PluginSpec, generation: number): Supervisor;
}

/** Starts it, with the state that is kept. On any failure nothing of it is left. Throws the codes of a start, HANDOFF_FAILED, and what the check throws. */
export async function startFirst(
  { signal, supervise }: FirstGenerationTools,
  spec: PluginSpec,
  number: number,
  kept: KeptState,
  check?: InstanceCheck,
): Promise<Supervisor> {
  const first = supervise(spec, number);
  await first.start({ signal, runStep: (_step, work) => work() });
  try {
    await first.begin(kept);
    const { instance } = first.first ?? {};
    if (check !== undefined && instance !== undefined)
      await runCheck(instance, check, spec.startTimeoutMs, signal);
    return first;
  } catch (error) {
    await first.kill({ reason: 'start-failed' });
    throw error;
  }
}

/** Takes the processes of records. Throws what {@link InstanceFactory.attach} throws. */
export async function attachFirst(
  { factory, signal, supervise }: FirstGenerationTools,
  spec: PluginSpec,
  number: number,
  records: readonly InstanceRecord[],
): Promise<Supervisor> {
  const first = supervise(spec, number);
  const { sharedContract: contract, sharedResources: resources } = first;
  const about = { contract, resources, signal };
  const taken = await Promise.allSettled(records.map((record) => factory.attach(spec, record, about)));
  const instances = taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = taken.find((one) => one.status === 'rejected');
  if (failed) {
    // They were there before this host: what can't be had whole is left as it was.
    for (const instance of instances) instance.release();
    await resources.abandon();
    throw failed.reason;
  }
  for (const instance of instances) first.adopt(instance);
  return first;
}

/** Takes a process that was started by hand. Throws what {@link InstanceFactory.attachByLine} throws. */
export async function attachFirstByLine(
  { factory, signal, supervise }: FirstGenerationTools,
  spec: PluginSpec,
  generation: number,
  {
    line,
    hostCertificate,
  }: { readonly line: ReattachLine; readonly hostCertificate: KeyedCertificate | null },
): Promise<Supervisor> {
  // Whoever started it by hand restarts it by hand.
  const first = supervise({ ...spec, restart: { ...spec.restart, policy: 'never' } }, generation);
  const about = { generation, contract: first.sharedContract, hostCertificate, signal };
  first.adopt(await factory.attachByLine(spec, line, about));
  return first;
}
