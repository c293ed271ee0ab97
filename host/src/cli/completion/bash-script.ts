/**
 * What bash has to know: it asks the command itself, so that the script never grows old. Plain enough for the bash 3.2 of macOS, which has
 * no `compopt`. The first line of an answer says whether files fit too.
 */
export const bashScript = `# Completion of plugd for bash. In ~/.bashrc: source <(plugd completion bash)
_plugd() {
  local line kind=''
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $kind == files ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _plugd plugd
`;
