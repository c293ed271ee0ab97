import { basename } from 'node:path';

/** A command file that runs the script beside it: Windows does not read the first lines of scripts. */
export function windowsLauncher(script: string, node: string | undefined): string {
  // Percent signs in a path would be taken for variables.
  const quoted = (text: string): string => `"${text.replaceAll('%', '%%')}"`;
  const program = node === undefined ? 'node' : quoted(node);
  return `@echo off\r\n${program} "%~dp0${basename(script).replaceAll('%', '%%')}" %*\r\nexit /b %ERRORLEVEL%\r\n`;
}
