// What stands above is for applications and plugins; what stands below is for libraries that speak the wire
// themselves. Code whose start-up time matters imports the files by sub-path; so does whoever wants `gen` or `rpc`.
export {
  type Certificate,
  type CertificateCurve,
  type CertificateOptions,
  createCertificate,
  createCertificateInPool,
} from './certificate';
export { decodeCertificateField, derToPem, encodeCertificateField, pemToDer } from './certificate-encoding';
export {
  DEFAULT_MAX_PORT,
  DEFAULT_MIN_PORT,
  PLUGD_TOKEN,
  PLUGIN_CLIENT_CERT,
  PLUGIN_MAX_PORT,
  PLUGIN_MIN_PORT,
  PLUGIN_MULTIPLEX_GRPC,
  PLUGIN_PROTOCOL_VERSIONS,
  PLUGIN_UNIX_SOCKET_DIR,
  PLUGIN_UNIX_SOCKET_GROUP,
  type PluginEnvironment,
  pluginEnvironment,
  scrubEnvironment,
} from './environment';
export { type ErrorCode, type ErrorCodeEntry, errorCodes, type Fault } from './error-codes';
export { grpcTarget, isLoopback, type Network, parseTcpAddress, type TcpAddress } from './grpc-address';
export {
  CORE_PROTOCOL_VERSION,
  formatHandshakeLine,
  HANDSHAKE_LINE_LIMIT,
  type HandshakeExpectation,
  type HandshakeLine,
  parseHandshakeLine,
} from './handshake-line';
export { LineSplitter, type LineSplitterOptions } from './line-splitter';
export type { LogLevel, LogRecord } from './log-record';
export { formatLogRecord, LOG_LINE_LIMIT, LogLineParser } from './log-record';
export { type Facts, PluginError, type PluginErrorOptions } from './plugin-error';
export { printable } from './printable';
export { formatVersionList, negotiateVersion, parseVersionList, type VersionList } from './versions';
