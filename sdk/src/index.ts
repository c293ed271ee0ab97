import './guard';

// For plugin authors.
export { PluginError } from '@plugd/protocol/plugin-error';
export { RpcError } from '@plugd/protocol/rpc/rpc-error';
export type { ServiceImplementation } from '@plugd/protocol/rpc/service';
export type { ServiceCall } from '@plugd/protocol/rpc/service-call';
export type { BrokeredServiceOptions, ContextBroker } from './broker/context-broker';
export type { PluginContext } from './context';
export type { ShutdownHook } from './departure';
export type { LogFields, Logger } from './logger';
export type { TlsOptions } from './net/serving-credentials';
export { definePlugin, type Plugin, type PluginDefinition } from './plugin';
export { serve } from './serve';
export type { ServeOptions } from './serve-options';
export type { ServingStatus } from './services/health';
export type {
  ActivateHook,
  PauseHook,
  PauseLimits,
  ReleaseHook,
  ResumeHook,
  ResumeLimits,
} from './state/hooks';
export type { HookLimits } from './state/limits';
export type { ResourceKind, Resources } from './state/resources';
export type { Migration, Migrations, StateDefinition } from './state/state-definition';
export type { StateHandle } from './state/state-part';
