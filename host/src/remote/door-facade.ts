import { connectivityState } from '@grpc/grpc-js';
import type { Call, CallDeadline, Channel, ChannelzRef, ParentCall } from '../routing/grpc-call';
import { type Refusal, refusalStatus } from '../routing/refusal';
import { NamedCall } from './named-call';
import { RefusedCall } from './refused-call';

/** Where the calls of a plugin go. */
export interface DoorRoute {
  /** The plugin's name. */
  readonly plugin: string;
  /** To the front door as it is found now. */
  readonly door: Channel;
  /** Its calls, as long as they run. */
  readonly running: Set<NamedCall>;
  /** Why no call can be made any more; undefined: calls can. */
  readonly refusal: Refusal | undefined;
}

const closedByItsOwner: Refusal = {
  code: 'CLIENT_CLOSED',
  details: 'Channel closed before call started',
};

/** A grpc-js channel to a plugin of a daemon, for one owner: closing it closes it alone. Calls that run go on. */
export class DoorFacade implements Channel {
  private closed = false;

  constructor(private readonly route: DoorRoute) {}

  createCall(
    method: string,
    deadline: CallDeadline,
    host: string | null | undefined,
    parentCall: ParentCall,
    propagateFlags: number | null | undefined,
  ): Call {
    const { refusal, door, plugin, running } = this.route;
    const refused = this.closed ? closedByItsOwner : refusal;
    if (refused !== undefined) return new RefusedCall(refusalStatus(refused));
    return new NamedCall(
      door.createCall(method, deadline, host, parentCall, propagateFlags),
      plugin,
      running,
    );
  }

  close(): void {
    this.closed = true;
  }

  getTarget(): string {
    return this.route.door.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    if (this.closed || this.route.refusal !== undefined) return connectivityState.SHUTDOWN;
    return this.route.door.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(
    currentState: connectivityState,
    deadline: Date | number,
    callback: (error?: Error) => void,
  ): void {
    if (this.getConnectivityState(false) === connectivityState.SHUTDOWN)
      throw new Error('Channel has been shut down');
    this.route.door.watchConnectivityState(currentState, deadline, callback);
  }

  getChannelzRef(): ChannelzRef {
    return this.route.door.getChannelzRef();
  }
}
