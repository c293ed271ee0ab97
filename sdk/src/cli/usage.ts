export const USAGE = `Usage: plugd-sdk build <entry> [options]

Bundles a plugin into one executable file that Node runs.

  -o, --out <file>         where to write it; default: dist/<name of the package>
      --define <KEY=TEXT>  replaces the identifier KEY by TEXT, as a string; may be given again
      --minify             makes it smaller; names stay as they are
      --code-cache         writes <file>.codecache beside it, for faster starts. It runs the plugin's
                           modules once, as if started by hand. The file works without it
      --node <path>        the Node to run it with, as an absolute path; default: the first in PATH
      --no-guard           leaves out the guard, which keeps prints of imported modules from the handshake
      --windows-launcher   writes <file>.cmd beside it; default on Windows
      --binary             writes a program for this platform that needs no Node
  -h, --help               prints this
      --version            prints the version

What was written is printed with its size and SHA-256. Exit codes: 0, 1 (it failed), 2 (wrong usage).
`;
