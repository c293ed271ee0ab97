import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runScenario, type Scenario } from './harness';
import { calls } from './scenarios/calls';
import { serveEcho } from './scenarios/echo-server';
import { frontDoor, serveFrontDoor } from './scenarios/front-door';
import { handoff } from './scenarios/handoff';
import { metrics } from './scenarios/metrics';
import { recover } from './scenarios/recover';
import { routing } from './scenarios/routing';
import { scale } from './scenarios/scale';
import { serveScale } from './scenarios/scale-host';
import { shadow } from './scenarios/shadow';
import { start } from './scenarios/start';
import { swap } from './scenarios/swap';

const scenarios: readonly Scenario[] = [
  routing,
  calls,
  swap,
  handoff,
  start,
  recover,
  scale,
  shadow,
  frontDoor,
  metrics,
];

// The bundle lies in bench/dist.
const RESULTS = join(__dirname, '..', 'results');

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = scenarios.map(({ name, about }) => `  ${name}  ${about}`).join('\n');
    throw new Error(`There is no scenario ${unknown.join(', ')}. There are:\n${known}`);
  }
  const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
  const [only, ...others] = chosen;
  if (only !== undefined && others.length === 0) await runScenario(only, RESULTS);
  else for (const { name } of chosen) await runAlone(name);
}

/** In a process of its own: what one scenario leaves in the heap would cost the next one memory, and each fork time. */
async function runAlone(name: string): Promise<void> {
  const child = fork(process.argv[1] ?? '', [name], { execArgv: [] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`Scenario ${name} failed`);
}

const [command, ...rest] = process.argv.slice(2);
// The other process of a scenario is this program again, so that one bundle is all there is to build.
const run = (): Promise<void> => {
  if (command === '--echo-server') return serveEcho(rest[0] ?? '');
  if (command === '--scale-host') return serveScale();
  if (command === '--front-door') return serveFrontDoor(rest[0] ?? '');
  return main(process.argv.slice(2));
};
run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
