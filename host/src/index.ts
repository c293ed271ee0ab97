// What stands above the second comment is for applications.
export type { ErrorCode, Fault } from '@plugd/protocol/error-codes';
export type { LogLevel } from '@plugd/protocol/log-record';
export { type Facts, PluginError } from '@plugd/protocol/plugin-error';
export type { CallOptions } from '@plugd/protocol/rpc/call-options';
export type { PromiseClient } from '@plugd/protocol/rpc/client';
export { RpcError } from '@plugd/protocol/rpc/rpc-error';
export type { Judgement, MetricJudgement } from './analysis/judgement';
export type { AnalysisRule, MetricName, MetricRule } from './analysis/rule';
export type { ChannelSecurity } from './connection/channel';
export type { PluginBroker } from './connection/scoped-broker';
export type { Contract } from './contract/contract';
export type { ChangeKind, ContractChange } from './contract/contract-change';
export type { ContractOption, ContractSource, DescriptorSet } from './contract/given-contract';
export type { Idempotency, MethodContract, ServiceContract } from './contract/method-contract';
export type { ResumeFields } from './contract/resume-fields';
export type { ResumableOption, StreamOptions } from './contract/stream-options';
export { createHost } from './create-host';
export type { EventCounters, HostEventListener } from './events/event-log';
export type {
  ArtifactEvent,
  Cause,
  HostEvent,
  InstanceEvent,
  InstanceState,
  OperationEvent,
  OutlierEvent,
  PluginEvent,
  PluginState,
  RestartEvent,
} from './events/host-event';
export { type Logger, stderrLogger } from './events/logger';
export { Host } from './host';
export type { HostOptions } from './host-options';
export type { AttachOptions } from './instance/attach-options';
export type { ExpectOptions, TimedStep } from './instance/expect-options';
export type { HealthOptions } from './instance/health-options';
export type { LimitOptions } from './instance/limit-options';
export type { HandshakeOptions, LoadOptions } from './instance/load-options';
export type { MemoryOptions } from './instance/memory-options';
export type { RestartOptions, RestartPolicy, RestartStrategy } from './instance/restart-options';
// What stands below is for libraries that build on the host's parts.
export type { InstanceRecord, KeyedCertificate } from './launch/instance-record';
export {
  type ArtifactNote,
  type ArtifactOnDisk,
  type ArtifactsOnDisk,
  type PluginOnDisk,
  type ReadableArtifact,
  readArtifacts,
  type UnreadableArtifact,
} from './manifest/artifacts';
export { type ArtifactCopy, copyArtifact } from './manifest/copy-artifact';
export { type ArtifactOptions, loadOptionsOf } from './manifest/load-options-of';
export type { Manifest, ManifestState, ResourceKindName, SmokeCall } from './manifest/manifest';
export { parseManifest } from './manifest/parse-manifest';
export { type PlatformName, platformName } from './manifest/platform-name';
export type { SourceProblem } from './manifest/problem';
export { type ChosenVersion, checkRequires } from './manifest/requires';
export type { OperationListener } from './operation-listeners';
export type { HandedOver, HostedPlugin, PinnedScope, Plugin, PluginCalls } from './plugin';
export type { PluginHost } from './plugin-host';
export type { HostSnapshot, PluginSnapshot, PluginStatistics } from './plugin-snapshot';
export type { InstanceStatus, PluginStatus } from './plugin-status';
export { type ReconnectOptions, reconnecting, type StreamAttempt } from './reconnecting';
export { type ConnectHostOptions, connectHost } from './remote/connect-host';
export { RemoteHost } from './remote/remote-host';
export type { Lease } from './resources/lease';
export { type LeaseOptions, LeasePool, type LeasePoolOptions } from './resources/lease-pool';
export type { CallMeter, CallMeters, HostCallMeter } from './routing/call-meter';
export type { CallObserver, CallStatistics } from './routing/endpoint';
export type { RetryRule } from './routing/replay';
export type { StreamRule } from './routing/stream-rule';
export type { StubConstructor, StubOptions } from './routing/stub';
export {
  type HoldStatistics,
  SwapChannel,
  type SwapChannelOptions,
  type SwapTarget,
} from './routing/swap-channel';
export type { CallTap, TappedCall } from './routing/tap';
export type { AnswerDifference, DifferenceKind } from './shadow/difference';
export type { ShadowOptions } from './shadow/shadow-options';
export type {
  ShadowDisagreement,
  ShadowMethod,
  ShadowReport,
  ShadowSkip,
  ShadowTimes,
} from './shadow/shadow-report';
export { type ShadowStrategy, shadowStrategy } from './shadow/shadow-strategy';
export type { SnapshotLimits } from './state/snapshot-store-options';
export type { BlueGreenOptions } from './strategies/blue-green';
export type { CanaryOptions, CanaryStep } from './strategies/canary';
export type { RawAnswer, RawCall } from './strategies/raw-call';
export type { RollingOptions } from './strategies/rolling';
export type {
  ShiftProgress,
  SplitOptions,
  Traffic,
  TrafficSide,
  UpgradeStrategy,
} from './strategies/traffic';
export type { RestartReason, RestartStatistics } from './supervision/restart-counters';
export type { StallFigures } from './supervision/stall-meter';
export type { ContractJudgement, ContractPolicy } from './upgrade/contract-policy';
export type { InstanceCalls } from './upgrade/instance-calls';
export type { BegunOperation, OperationHandle, OperationProgress } from './upgrade/operation-handle';
export {
  formatReport,
  formatReportTable,
  type OperationName,
  type OperationStep,
  type SideReport,
  type StepReport,
  type UpgradeReport,
} from './upgrade/report';
export type { StepName, StrategyName, UndoName } from './upgrade/step-table';
export type { Candidate, RollbackOptions, RollbackPlan, UpgradeOptions } from './upgrade/upgrade-options';
export type { Verdict, VerdictLine, VerdictName, VerdictUnit } from './upgrade/verdict';
export type { PlannedChange } from './watch/planned-change';
export type { PluginOverrides } from './watch/plugin-overrides';
export type { PluginsDirOptions } from './watch/watch-options';
export type { WatchedPluginStatus, WatchedVersion } from './watch/watched-versions';
export type { UpgradeTarget, UpgradeToOptions } from './watched-upgrade';
