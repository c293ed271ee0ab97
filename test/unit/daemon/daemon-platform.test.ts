import { checkDaemonPlatform } from '../../../host/src/daemon/daemon-platform';

test('where there are no sockets for one user alone a daemon is refused, with what to do instead', () => {
  expect(() => checkDaemonPlatform('win32')).toThrow(
    expect.objectContaining({
      code: 'PLATFORM_UNSUPPORTED',
      facts: { platform: 'win32', platforms: ['linux', 'darwin'] },
    }),
  );
  expect(() => checkDaemonPlatform('win32')).toThrow('createHost');
  for (const platform of ['linux', 'darwin'] as const)
    expect(() => checkDaemonPlatform(platform)).not.toThrow();
});
