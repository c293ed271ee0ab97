import type { ChannelInterface } from '@grpc/grpc-js';

// grpc-js exports the interface of a channel, but of what hangs on it only what can be derived.

/** A grpc-js channel, as clients take it. */
export type Channel = ChannelInterface;

/** What a channel makes for each call. */
export type Call = ReturnType<Channel['createCall']>;

/** What a call reports to. */
export type CallListener = Parameters<Call['start']>[1];

export type StatusObject = Parameters<CallListener['onReceiveStatus']>[0];
export type MessageContext = Parameters<Call['sendMessageWithContext']>[0];
export type CallDeadline = Parameters<Channel['createCall']>[1];
export type ParentCall = Parameters<Channel['createCall']>[3];
export type ChannelzRef = ReturnType<Channel['getChannelzRef']>;
