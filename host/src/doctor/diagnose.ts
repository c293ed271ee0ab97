import { basename, dirname, join, resolve } from 'node:path';
import { valid } from 'semver';
import type { DaemonConfig } from '../config/config';
import { adminSocket, type DaemonPlaces, daemonPlaces } from '../config/places';
import { findConfig } from '../config/read-config';
import { manifestName } from '../manifest/manifest';
import { nearWord } from '../manifest/near-word';
import { examineArtifact } from './examine-artifact';
import { examineConfig } from './examine-config';
import { type DaemonAnswer, environmentOf, examineDaemon, placesOf } from './examine-daemon';
import { examineExecutable, type LoneHandshake } from './examine-executable';
import { examineMachine } from './examine-machine';
import { chosenOf, examinePlugins } from './examine-plugins';
import { type Finding, Findings } from './finding';
import type { DoctorSurroundings } from './surroundings';
import { holdsVersions, isCommandOf, kindOf, looksLikePath, mentions, namesIn } from './target';

export interface DiagnoseOptions
  extends Pick<DoctorSurroundings, 'env' | 'cwd' | 'start' | 'startTimeoutMs' | 'signal' | 'temporary'> {
  /** Of this command. */
  readonly version: string;
  /** What `--config` and `--socket` say. */
  readonly config?: string | undefined;
  readonly socket?: string | undefined;
  /** For an executable without a manifest. */
  readonly handshake?: LoneHandshake;
}

/**
 * Looks for what is wrong: without a target, with the machine, the config, the daemon and its plugins; with the name of a plugin or a
 * path of an artifact, a directory of plugins or an executable, with that.
 */
export async function diagnose(
  target: string | undefined,
  options: DiagnoseOptions,
): Promise<readonly Finding[]> {
  let visit: Visit;
  try {
    visit = await Visit.begin(options);
  } catch (error) {
    // Where somebody else sits in this user's place nothing can be found, and nobody is to be asked.
    const findings = new Findings('machine');
    findings.error('run directory', error);
    return findings.list;
  }
  if (target === undefined) return visit.everything();
  return looksLikePath(target) ? visit.path(resolve(options.cwd, target)) : visit.plugin(target);
}

/** One visit of the doctor: what was asked first, and is needed for all else. */
class Visit {
  readonly #options: DiagnoseOptions;
  readonly #configFindings: readonly Finding[];
  readonly #daemonFindings: readonly Finding[];
  readonly #answer: DaemonAnswer | undefined;
  readonly #surroundings: DoctorSurroundings;

  private constructor(
    options: DiagnoseOptions,
    parts: {
      readonly config: DaemonConfig | undefined;
      readonly places: DaemonPlaces;
      readonly configFindings: readonly Finding[];
      readonly daemonFindings: readonly Finding[];
      readonly answer: DaemonAnswer | undefined;
    },
  ) {
    const { config, places, configFindings, daemonFindings, answer } = parts;
    this.#options = options;
    this.#configFindings = configFindings;
    this.#daemonFindings = daemonFindings;
    this.#answer = answer;
    const inherited = answer === undefined ? undefined : environmentOf(answer);
    this.#surroundings = {
      ...options,
      config,
      places,
      // A service often has another PATH than the shell of whoever looks for why it fails.
      ...(inherited === undefined ? {} : { env: inherited, foreignEnv: true }),
    };
  }

  static async begin(options: DiagnoseOptions): Promise<Visit> {
    const { env, cwd, socket, version } = options;
    let file = await findConfig({ given: options.config, env, cwd });
    let { config, findings: configFindings } = await examineConfig(file);
    const own = { env, cwd, socket, config, configFile: file };
    const { answer, findings: daemonFindings } = await examineDaemon(
      adminSocket(own),
      version,
      configFindings.every(({ verdict }) => verdict !== 'fail'),
    );
    // The daemon that answers may have been started with another one.
    const inForce = answer?.daemon.configFile ?? '';
    if (inForce !== '' && inForce !== file && options.config === undefined) {
      file = inForce;
      ({ config, findings: configFindings } = await examineConfig(file));
    }
    const places = daemonPlaces({ ...own, config, configFile: file });
    return new Visit(options, {
      config,
      places: answer === undefined ? places : placesOf(answer, places),
      configFindings,
      daemonFindings,
      answer,
    });
  }

  async everything(): Promise<readonly Finding[]> {
    const { places, config } = this.#surroundings;
    const { env } = this.#options;
    const machine = await examineMachine({ ...this.#surroundings, env }, this.#answer !== undefined);
    const plugins =
      places.pluginsDir === undefined ? [] : (await examinePlugins(places.pluginsDir, config)).findings;
    return [...machine, ...this.#configFindings, ...plugins, ...this.#daemonFindings];
  }

  async plugin(name: string): Promise<readonly Finding[]> {
    const { pluginsDir } = this.#surroundings.places;
    if (pluginsDir === undefined) {
      const findings = new Findings(name);
      findings.fail(
        'directory',
        'No directory of plugins is watched.',
        'Give the path of the plugin instead.',
      );
      return findings.list;
    }
    return this.#pluginIn(pluginsDir, name);
  }

  async #pluginIn(directory: string, name: string): Promise<readonly Finding[]> {
    const { config } = this.#surroundings;
    const { artifacts, findings: all } = await examinePlugins(directory, config);
    if (artifacts === undefined) return all;
    const plugin = artifacts.plugins.find((one) => one.name === name);
    if (plugin === undefined) return [this.#noSuchPlugin(directory, name, artifacts.plugins)];
    const row = this.#answer?.plugins.find((one) => one.name === name);
    const chosen = chosenOf(plugin, config);
    const version = row?.pinnedVersion || chosen?.version || plugin.versions[0]?.version;
    const found = plugin.versions.find((one) => one.version === version);
    const runs = row !== undefined && row.runningVersion !== '' && row.runningVersion === version;
    const examined =
      found === undefined
        ? []
        : await examineArtifact(found.directory, {
            ...this.#surroundings,
            // A second one beside it could not have what it holds for itself alone.
            start: this.#surroundings.start && !runs,
          });
    const others = all.filter(
      ({ subject, seen, check }) =>
        (subject.startsWith(`${name} `) && subject !== `${name} ${version}`) ||
        ((check === 'requires' || check === 'settings') && mentions(seen, name)),
    );
    return [...examined, ...others, ...this.#daemonsWord(name)];
  }

  #noSuchPlugin(directory: string, name: string, plugins: readonly { readonly name: string }[]): Finding {
    const findings = new Findings(name);
    const near = nearWord(
      name,
      plugins.map((one) => one.name),
    );
    const others = plugins.map((one) => one.name).join(', ');
    findings.fail(
      'directory',
      `There is no plugin ${name} in ${directory}.`,
      near === undefined
        ? `Put it there as ${join(name, '<version>')}, or give a path. There is ${others || 'none'}.`
        : `Did you mean ${near}?`,
    );
    const [found] = findings.list;
    if (found === undefined) throw new Error('a finding is lost');
    return found;
  }

  /** What the daemon says of it, which may know more than a look from outside. */
  #daemonsWord(name: string): readonly Finding[] {
    const row = this.#answer?.plugins.find((one) => one.name === name);
    if (row === undefined) return this.#daemonFindings.filter(({ verdict }) => verdict !== 'ok');
    const findings = new Findings('daemon');
    if (row.problem !== '')
      findings.fail(
        'plugin',
        `Plugin ${name} is ${row.state}: ${row.problem}`,
        `plugd logs ${name} has its last words; plugd events ${name} what was done.`,
      );
    else if (row.runningVersion === '')
      findings.warn('plugin', `Plugin ${name} is ${row.state}.`, `plugd start ${name} starts it.`);
    else findings.ok('plugin', `The daemon runs ${name} ${row.runningVersion}: it is ${row.state}.`);
    return findings.list;
  }

  async path(path: string): Promise<readonly Finding[]> {
    const kind = kindOf(path);
    if (kind === 'directory') {
      const names = namesIn(path);
      if (!names.includes(manifestName) && valid(basename(path)) === null) {
        if (holdsVersions(path, names)) return this.#pluginIn(dirname(path), basename(path));
        if (names.some((name) => holdsVersions(join(path, name)))) {
          return (await examinePlugins(path, this.#surroundings.config)).findings;
        }
      }
      return examineArtifact(path, this.#surroundings);
    }
    if (kind === 'file' && (await isCommandOf(dirname(path), path)))
      return examineArtifact(dirname(path), this.#surroundings);
    return examineExecutable(path, this.#options.handshake ?? { protocolVersions: [1] }, this.#surroundings);
  }
}
