import { Redactor } from '../../../host/src/config/redactor';
import { AuditLog } from '../../../host/src/daemon/audit-log';
import { RecordingLogger } from '../../support/recording-logger';

// Writes more records than there is room for.

const log = new AuditLog({
  directory: process.argv[2] ?? '',
  logger: new RecordingLogger(),
  redactor: new Redactor(),
});
for (let i = 0; i < 40; i++) {
  log.write({ client: 'signal', verb: 'reconcile', plugin: undefined, parameters: {}, outcome: `n${i}` });
}
log.close();
