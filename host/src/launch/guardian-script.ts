/**
 * The guardian: a POSIX shell that outlives a killed host for a moment and takes its processes and directories
 * along. It reads lines `add KEY KIND VALUE` and `del KEY` from a pipe whose other end only the host holds; `quit`
 * ends it, the end of the pipe means that the host is gone.
 *
 * Kinds: `group` (VALUE is its number, a blank, and when its leader started, `-` if unknown), `token`, `directory`,
 * `socket` (one that lies outside of the directories).
 * Keys are numbers made by the host: nothing that a plugin or an operator chose goes through `eval`.
 */
export const guardianScript = `
trap '' HUP INT QUIT TERM
keys=
while IFS=' ' read -r verb key kind value; do
  case $verb in
    add)
      eval "kind_$key=\\$kind value_$key=\\$value"
      case " $keys " in *" $key "*) ;; *) keys="$keys $key" ;; esac ;;
    del)
      left=
      for other in $keys; do [ "$other" = "$key" ] || left="$left $other"; done
      keys=$left
      unset "kind_$key" "value_$key" ;;
    quit) exit 0 ;;
  esac
done

# What a process was started at, as the host wrote it; empty if there is no such process.
started() {
  if [ -d /proc/self ]; then
    stat=
    { while IFS= read -r part || [ -n "$part" ]; do stat="$stat $part"; done <"/proc/$1/stat"; } 2>/dev/null
    set -- \${stat##*) }
    echo "\${20}"
  else
    set -- $(ps -o lstart= -p "$1" 2>/dev/null)
    echo "$*"
  fi
}

# A leader that is gone may have left its group behind; a number that belongs to another process by now is not ours.
end_group() {
  now=
  [ "$2" = - ] || now=$(started "$1")
  if [ -z "$now" ] || [ "$now" = "$2" ]; then kill -KILL "-$1" 2>/dev/null; fi
}

# Finds what left its group, and what was started so late that the host could not tell of it any more.
sweep() {
  set --
  for key in $keys; do
    eval "kind=\\$kind_$key value=\\$value_$key"
    [ "$kind" = token ] && set -- "$@" -e "$value"
  done
  [ $# -gt 0 ] && [ -d /proc/self ] || return 0
  for file in $(grep -l -F "$@" /proc/[0-9]*/environ 2>/dev/null); do
    pid=\${file#/proc/}
    pid=\${pid%/environ}
    [ "$pid" = "$$" ] || kill -KILL "$pid" 2>/dev/null
  done
}

# Directories that nobody may write to, such as copies of a configuration. It follows no links.
force_away() {
  find "$1" -type d -exec chmod u+rwx {} ';' 2>/dev/null
  rm -rf -- "$1" 2>/dev/null
}

each() {
  for key in $keys; do
    eval "kind=\\$kind_$key value=\\$value_$key"
    [ "$kind" = "$1" ] || continue
    case $kind in
      group) end_group "\${value%% *}" "\${value#* }" ;;
      directory) case $value in /*) rm -rf -- "$value" 2>/dev/null || force_away "$value" ;; esac ;;
      socket) [ -S "$value" ] && [ ! -L "$value" ] && [ -O "$value" ] && rm -f -- "$value" 2>/dev/null ;;
    esac
  done
}

each group
sweep
each directory
each socket
# Again, for a plugin that was between fork and exec.
for pause in 0.05 0.1 0.3; do
  sleep $pause 2>/dev/null || sleep 1
  sweep
  each directory
done
`;
