import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { Contract } from '../../contract/contract';
import type { MethodContract, ServiceContract } from '../../contract/method-contract';
import { nearWord } from '../../manifest/near-word';

/** Names of services by how they are reached. Of others, which only descriptors tell of, that is not known. */
export interface Reach {
  readonly open?: readonly string[];
  /** Their methods can't be called, and are not proposed. */
  readonly closed?: readonly string[];
}

/**
 * The method that was typed: `pkg.Service/Method`, with a dot in place of the slash if that is liked better, or as much of its end
 * as one method alone has.
 *
 * @throws PluginError METHOD_NOT_FOUND with names that are near
 */
export function findMethod(
  plugin: string,
  contract: Contract,
  typed: string,
  { open = [], closed = [] }: Reach = {},
): MethodContract {
  const services = contract.services.filter(({ methods }) => methods.length > 0);
  const all = services.flatMap(({ methods }) => methods);
  const name = typed.replace(/^\//, '');
  const exact = all.find(({ path }) => path === `/${name}` || path.replaceAll('/', '.') === `.${name}`);
  if (exact !== undefined) return exact;
  const ends = name.replaceAll('.', '/');
  const everywhere = all.filter(({ path }) => path.replaceAll('.', '/').endsWith(`/${ends}`));
  // Who types the end of a name does not mean a method that can't be called from here.
  const callable = everywhere.filter((method) => open.includes(serviceOf(method)));
  const ending = callable.length === 0 ? everywhere : callable;
  const [only, another] = ending;
  if (only !== undefined && another === undefined) return only;
  const shown = services.filter((service) => !closed.includes(service.name));
  if (shown.length === 0 && services.length > 0) throw allPrivate(plugin, name);
  throw notFound(plugin, shown, name, ending);
}

/** The name of a method's service. */
export function serviceOf({ path }: MethodContract): string {
  return path.split('/')[1] ?? '';
}

/** As people write a method. */
export function methodName({ path }: MethodContract): string {
  return path.slice(1);
}

function allPrivate(plugin: string, method: string): PluginError {
  return new PluginError('METHOD_NOT_FOUND', `Plugin ${plugin} has no method ${printable(method)}.`, {
    facts: { plugin, method },
    hint: 'None of its services is public: `services` of its manifest makes them so.',
  });
}

function notFound(
  plugin: string,
  services: readonly ServiceContract[],
  typed: string,
  ending: readonly MethodContract[],
): PluginError {
  const facts = {
    plugin,
    method: typed,
    methods: services.flatMap(({ methods }) => methods.map(methodName)),
  };
  const shown = printable(typed);
  if (services.length === 0) {
    return new PluginError('METHOD_NOT_FOUND', `Nothing is known of the methods of plugin ${plugin}.`, {
      facts,
      hint: 'Let it answer reflection, name its contract in its manifest, or give --descriptors.',
    });
  }
  if (ending.length > 1) {
    const which = ending.map(methodName).join(' or ');
    return new PluginError('METHOD_NOT_FOUND', `Plugin ${plugin} has several methods ${shown}.`, {
      facts,
      hint: `Say which: ${which}.`,
    });
  }
  const [service = '', method] = typed.split('/');
  const known = services.find(({ name }) => name === service);
  const near =
    known === undefined
      ? nearService(services, service, method)
      : joined(
          known,
          nearWord(
            method ?? '',
            known.methods.map(({ name }) => name),
          ),
        );
  const has =
    known === undefined
      ? `It has ${services.map(({ name }) => name).join(', ')}.`
      : `It has ${known.methods.map(({ name }) => name).join(', ')}.`;
  const summary =
    known === undefined
      ? `Plugin ${plugin} has no method ${shown}.`
      : `The service ${known.name} of plugin ${plugin} has no method ${printable(method ?? '')}.`;
  return new PluginError('METHOD_NOT_FOUND', summary, {
    facts,
    hint: near === undefined ? has : `Did you mean ${near}? ${has}`,
  });
}

function nearService(
  services: readonly ServiceContract[],
  service: string,
  method: string | undefined,
): string | undefined {
  const near = nearWord(
    service,
    services.map(({ name }) => name),
  );
  const found = services.find(({ name }) => name === near);
  if (found !== undefined) {
    const same = found.methods.find(({ name }) => name === method)?.name;
    return (
      joined(
        found,
        same ??
          nearWord(
            method ?? '',
            found.methods.map(({ name }) => name),
          ),
      ) ?? found.name
    );
  }
  // Only the method's name was typed, or another package's service.
  const word = method ?? service;
  const all = services.flatMap((one) => one.methods.map(({ name }) => ({ one, name })));
  const best =
    nearWord(
      word,
      all.map(({ name }) => name),
    ) ?? word;
  const place = all.find(({ name }) => name === best);
  return place === undefined ? undefined : joined(place.one, place.name);
}

function joined({ name }: ServiceContract, method: string | undefined): string | undefined {
  return method === undefined ? undefined : `${name}/${method}`;
}
