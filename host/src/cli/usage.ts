export const USAGE = `Usage: plugd conform <plugin> [args] --cookie NAME=VALUE [options] [-- args]

Checks a plugin, in whatever language it is written, against go-plugin's wire, rule by rule.

      --cookie <NAME=VALUE>  the cookie that the plugin was built with
      --versions <1,2>       all protocol versions that it speaks; default: 1
      --mode <mode>          plain, automtls, multiplexed or multiplexed-automtls; may be given again, or as a
                             list. The plugin then has to offer it; default: all that it offers
      --timeout <ms>         limit of each wait; default: 10000
      --json                 prints one JSON document instead of text
  -h, --help                 prints this
      --version              prints the version

Arguments that begin with - go behind --. Exit codes: 0 (every rule holds; warnings are allowed), 1 (one does not),
2 (wrong usage, or the plugin is no program that could be started).
`;
