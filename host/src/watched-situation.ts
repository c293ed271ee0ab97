import type { Situation } from './watch/choices';
import type { Failures } from './watch/failures';
import type { Pins } from './watch/pins';
import { overridesStamp, type PluginOverrides, runningStamp } from './watch/plugin-overrides';
import type { Look } from './watch/shelf-of-versions';
import type { WatchedLanes } from './watched-lanes';
import type { WatchedWork } from './watched-work';

export type SettingsOf = (name: string) => PluginOverrides | undefined;

interface Sources {
  readonly pins: Pins;
  readonly lanes: WatchedLanes;
  readonly work: WatchedWork;
  readonly failures: Failures;
}

/** What a plan depends on, as it is at the moment. */
export class WatchedSituation {
  readonly #sources: Sources;
  /** Of the last look; with those that are left as they are. */
  onDisk: Look['onDisk'] = new Map();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  now(settings: SettingsOf): Situation {
    const { lanes, work, failures } = this.#sources;
    const busy = new Map([...work.underWay].map(([name, { requires }]) => [name, requires]));
    const running = lanes.look(this.onDisk, busy);
    const disabled = this.disabled(settings);
    const { left } = lanes;
    const names = new Set([...this.onDisk.keys(), ...running.keys()]);
    const stamps = new Map([...names].map((name) => [name, runningStamp(settings(name))]));
    return {
      onDisk: new Map([...this.onDisk].filter(([name]) => !left.has(name) && !disabled.has(name))),
      running,
      pins: this.pins(settings),
      settings: stamps,
      hasFailed: (name, version, digest) =>
        failures.of({ name, version, digest, settings: overridesStamp(settings(name)) }) !== undefined,
      busy,
    };
  }

  /** Nothing of these is to be run. */
  disabled(settings: SettingsOf): ReadonlySet<string> {
    return new Set(this.#names.filter((name) => settings(name)?.enabled === false));
  }

  /** What the host was told counts more than settings: it was told later. */
  pins(settings: SettingsOf): ReadonlyMap<string, string> {
    const given = this.#names.flatMap((name): [string, string][] => {
      const pin = settings(name)?.pin;
      return pin === undefined ? [] : [[name, pin]];
    });
    return new Map([...given, ...this.#sources.pins.versions]);
  }

  get #names(): string[] {
    return [...new Set([...this.onDisk.keys(), ...this.#sources.lanes.names])];
  }
}
