import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HandshakeLine } from '@plugd/protocol/handshake-line';
import { isBadAnswer } from './bad-answers';
import type { Behaviour, CallKind } from './behaviour';
import type { BrokerDeed, BrokerMessage } from './broker';
import {
  block,
  bomb,
  bombAtWork,
  crash,
  flood,
  floodAtOnce,
  floodBlock,
  grandchild,
  sleep,
  stay,
  write,
} from './mischief';
import { cutConnections, writeGarbage } from './tampering';

type Mode = (behaviour: Behaviour, argument: string) => void;

/** Prints something on stdout in the place of the handshake line, then does nothing. */
const prints =
  (text: (argument: string) => string | Buffer): Mode =>
  (behaviour, argument) => {
    behaviour.instead = () => {
      write(1, text(argument));
      stay();
    };
  };

/** Announces a line that is wrong in one field, and serves all the same. */
const announces =
  (change: (line: HandshakeLine, argument: string) => Partial<Record<keyof HandshakeLine, unknown>>): Mode =>
  (behaviour, argument) => {
    behaviour.line = (_, line) => {
      const { coreVersion, appVersion, network, address, protocol, certificate } = {
        ...line,
        ...change(line, argument),
      };
      return `${[coreVersion, appVersion, network, address, protocol, certificate].join('|')}\n`;
    };
  };

/** Does something in calls of one kind, in streams after the first message: `crash-in-call:watch`. */
const inCall =
  (call: Behaviour['call']): Mode =>
  (behaviour, kind) => {
    if (!isCallKind(kind)) throw new Error(`there are no calls of the kind ${kind}`);
    behaviour.call = call;
    behaviour.callKind = kind;
  };

const COOKIE_MESSAGE = `This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically
`;

export function refuseCookie(): never {
  write(2, COOKIE_MESSAGE);
  process.exit(1);
}

/** The rubbish that makes a Go host panic or lose lines. */
const WRONG_JSON = [
  '{"@level":3,"@message":"level is a number"}',
  '{"@level":"info","@message":{"an":"object"}}',
  '{"@level":"info","@message":"wrong time","@timestamp":17}',
  '{"@level":"info","@message":null}',
  '[1,2,3]',
  'null',
  '{"@level":"info","@message":"cut off',
];

const isDeed = (text: string): text is BrokerDeed => /^(crashes|ends|fails|hangs|admits)$/.test(text);
const isCallKind = (text: string): text is CallKind => /^(get|put|watch|load|chat)$/.test(text);
const isMessage = (text: string): text is BrokerMessage => /^(offer|knock|answer)$/.test(text);

/** What `CHAOS` can ask for: names, each with an argument behind a colon if it takes one; several with `;` between. */
export const modes: Record<string, Mode> = {
  // Before the handshake.
  exit: (behaviour, code) => {
    behaviour.instead = () => process.exit(Number(code || 1));
  },
  signal: (behaviour, name) => {
    behaviour.instead = () => {
      process.kill(process.pid, (name || 'SIGSEGV') as NodeJS.Signals);
      stay();
    };
  },
  stderr: (behaviour, text) => behaviour.before.push(() => write(2, `${text}\n`)),
  silent: prints(() => ''),
  line: prints((raw) => `${raw}\n`),
  'half-line': prints(() => '1|1|unix|/tmp/plu'),
  'half-line-exit': (behaviour) => {
    behaviour.instead = () => {
      write(1, '1|1|unix|/tmp/plu');
      process.exit(4);
    };
  },
  'long-line': prints(() => Buffer.alloc(70_000, 'x')),
  'non-utf8': prints(() => Buffer.from([0x31, 0x7c, 0xff, 0xfe, 0x80, 0x0a])),
  'close-stdout': (behaviour) => {
    behaviour.instead = () => {
      process.stdout.end();
      process.stdout.destroy();
      stay();
    };
  },
  'wrong-cookie': (behaviour) => {
    behaviour.instead = refuseCookie;
  },
  'slow-start': (behaviour, ms) =>
    behaviour.before.push(() => new Promise((resolve) => setTimeout(resolve, Number(ms || 1000)))),

  // The line.
  banner: (behaviour, text) => {
    behaviour.line = (right) => `${text || 'Chaos 1.0 is starting ...'}\n${right}`;
  },
  // The line in two parts, with a pause between them.
  'split-line': (behaviour, ms) => {
    behaviour.line = (right) => {
      write(1, right.slice(0, 20));
      sleep(Number(ms || 100));
      return right.slice(20);
    };
  },
  netrpc: announces(() => ({ protocol: 'netrpc' })),
  'core-version': announces((_, version) => ({ coreVersion: version || '2' })),
  'app-version': announces((_, version) => ({ appVersion: version || '77' })),
  'tcp-nonloopback': announces(() => ({ network: 'tcp', address: '192.0.2.1:1234' })),
  'lying-socket': announces((_, path) => ({ network: 'unix', address: path })),
  'garbled-cert': announces(() => ({ certificate: '*garbled*'.repeat(20) })),
  'rubbish-cert': announces(() => ({ certificate: Buffer.alloc(120, 'rubbish').toString('base64') })),
  'line-and-exit': (behaviour, code) => behaviour.after.push(() => process.exit(Number(code || 5))),
  'crash-after-line': (behaviour) => behaviour.after.push(crash),
  'block-after-line': (behaviour) => behaviour.after.push(block),

  // Address and TLS.
  tcp: (behaviour) => {
    behaviour.network = 'tcp';
  },
  'temp-socket': (behaviour) => {
    behaviour.socket = 'temp dir';
  },
  'dead-socket': (behaviour) => {
    behaviour.server = 'nobody';
  },
  'silent-socket': (behaviour) => {
    behaviour.server = 'silence';
  },
  'rubbish-socket': (behaviour) => {
    behaviour.server = 'rubbish';
  },
  'hang-up-socket': (behaviour) => {
    behaviour.server = 'hangs up';
  },
  'delete-socket': (behaviour) => {
    behaviour.socketFile = 'deleted';
  },
  'no-cert': (behaviour) => {
    behaviour.certificate = 'none';
  },
  'foreign-cert': (behaviour) => {
    behaviour.certificate = 'foreign';
  },
  'no-tls': (behaviour) => {
    behaviour.tls = false;
  },
  'distrust-host': (behaviour) => {
    behaviour.trustsHost = false;
  },

  // At work.
  'hang-health': (behaviour) => {
    behaviour.health = 'hangs';
  },
  'not-serving': (behaviour) => {
    behaviour.health = 'not serving';
  },
  'block-in-health': (behaviour) => {
    behaviour.health = 'blocks';
  },
  'health-nonsense': (behaviour) => {
    behaviour.health = 'nonsense';
  },
  'crash-in-health': (behaviour) => {
    behaviour.health = 'crashes';
  },
  'fail-health': (behaviour) => {
    behaviour.health = 'fails';
  },
  'no-health': (behaviour) => {
    behaviour.health = 'missing';
  },
  'crash-on-call': (behaviour) => {
    behaviour.call = 'crashes';
  },
  'panic-on-call': (behaviour) => {
    behaviour.call = 'panics';
  },
  'hang-on-call': (behaviour) => {
    behaviour.call = 'hangs';
  },
  'crash-in-call': inCall('crashes'),
  'hang-in-call': inCall('hangs'),
  'block-in-call': inCall('blocks'),
  block: (behaviour) => behaviour.after.push(block),
  'crash-in-drain': (behaviour) => {
    behaviour.drain = 'crashes';
  },
  'hang-in-drain': (behaviour) => {
    behaviour.drain = 'hangs';
  },
  'block-in-drain': (behaviour) => {
    behaviour.drain = 'blocks';
  },
  'crash-in-shutdown': (behaviour) => {
    behaviour.shutdown = 'crashes';
  },
  'block-in-shutdown': (behaviour) => {
    behaviour.shutdown = 'blocks';
  },
  // `bad-answer:no-protobuf`: what is in bad-answers.ts.
  'bad-answer': (behaviour, kind) => {
    if (!isBadAnswer(kind)) throw new Error(`there is no bad answer called ${kind}`);
    behaviour.server = { badAnswer: kind };
  },
  // The two that follow need it from the start.
  'own-sockets': (behaviour) => {
    behaviour.tampers = true;
  },
  garbage: (behaviour, kind) => behaviour.after.push(() => writeGarbage(kind)),
  'cut-connections': (behaviour) => behaviour.after.push(cutConnections),
  'crash-after': (behaviour, ms) => behaviour.after.push(() => setTimeout(crash, Number(ms || 100))),
  'hang-shutdown': (behaviour) => {
    behaviour.shutdown = 'hangs';
    behaviour.before.push(() => void process.on('SIGTERM', () => {}));
  },
  'hang-shutdown-only': (behaviour) => {
    behaviour.shutdown = 'hangs';
  },
  'stay-after-shutdown': (behaviour) => {
    behaviour.shutdown = 'stays';
  },
  'no-controller': (behaviour) => {
    behaviour.shutdown = 'missing';
  },
  'ignore-sigterm': (behaviour) => behaviour.before.push(() => void process.on('SIGTERM', () => {})),

  multiplex: (behaviour) => {
    behaviour.multiplexed = true;
  },
  'silent-broker': (behaviour) => {
    behaviour.broker = 'silent';
  },
  // `lying-broker:tcp:192.0.2.1:80`
  'lying-broker': (behaviour, argument) => {
    const [network = '', ...address] = argument.split(':');
    behaviour.broker = { network, address: address.join(':') };
  },
  // `bad-broker:crashes:knock`
  'bad-broker': (behaviour, argument) => {
    const [deed = '', message = ''] = argument.split(':');
    if (!isDeed(deed) || !isMessage(message)) throw new Error(`bad-broker knows no ${argument}`);
    behaviour.broker = { deed, message };
  },
  'pretend-counter': (behaviour) => {
    behaviour.counter = 'pretends';
  },

  // What it prints; `flood-stderr:json:100` is 100 MiB of JSON lines.
  'flood-stdout': (behaviour, argument) =>
    behaviour.after.push(() => {
      const [kind = '', megabytes] = argument.split(':');
      flood(1, kind, Number(megabytes ?? Number.POSITIVE_INFINITY));
    }),
  'flood-stderr': (behaviour, argument) =>
    behaviour.before.push(() => {
      const [kind = '', megabytes] = argument.split(':');
      flood(2, kind, Number(megabytes ?? Number.POSITIVE_INFINITY));
    }),
  // Before the line, and whole before that.
  'flood-first': (behaviour, argument) => {
    const [kind = '', megabytes] = argument.split(':');
    behaviour.line = (right) => {
      floodAtOnce(1, kind, Number(megabytes ?? 1));
      return right;
    };
  },
  'flood-stdio': (behaviour, kind) => {
    behaviour.stdio = () => floodBlock(kind);
  },
  'json-wrong-types': (behaviour) => behaviour.before.push(() => write(2, `${WRONG_JSON.join('\n')}\n`)),

  // What it leaves.
  'children-first': (behaviour, count) => behaviour.before.push(() => bomb(Number(count || 1))),
  children: (behaviour, count) => behaviour.after.push(() => bombAtWork(Number(count || 1))),
  'grandchild-group': (behaviour) =>
    behaviour.before.push(() => grandchild({ keepsPipes: false, ownSession: false })),
  'grandchild-pipes': (behaviour) =>
    behaviour.before.push(() => grandchild({ keepsPipes: true, ownSession: true })),
  'grandchild-session': (behaviour) =>
    behaviour.before.push(() => grandchild({ keepsPipes: false, ownSession: true })),
};

/** The modes that a text asks for, applied to a behaviour. Throws for one that there isn't. */
export function applyModes(behaviour: Behaviour, text: string): void {
  for (const item of text.split(';')) {
    if (item === '') continue;
    const colon = item.indexOf(':');
    const name = colon === -1 ? item : item.slice(0, colon);
    const mode = modes[name];
    if (mode === undefined) throw new Error(`CHAOS knows no ${name}`);
    mode(behaviour, colon === -1 ? '' : item.slice(colon + 1));
  }
}

/** What a plugin at work is told by a call: from now on. Modes of the start have no effect any more. */
export async function applyLater(behaviour: Behaviour, text: string): Promise<void> {
  const [before, after] = [behaviour.before.length, behaviour.after.length];
  applyModes(behaviour, text);
  for (const act of behaviour.before.splice(before)) await act();
  for (const act of behaviour.after.splice(after)) act();
}

/** A path as go-plugin makes them. */
export function socketPath(place: Behaviour['socket']): string {
  const directory = process.env['PLUGIN_UNIX_SOCKET_DIR'];
  const digits = Math.floor(Math.random() * 1e10);
  return join(place === 'temp dir' || !directory ? tmpdir() : directory, `plugin${digits}`);
}
