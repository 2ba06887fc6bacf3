# bash completion for mayfly(1): the command itself says what may stand next.
# Needs the package bash-completion. In a running shell: source <(mayfly completion bash)

_mayfly() {
  local cur words cword word glued
  _get_comp_words_by_ref -n := cur words cword || return
  # readline replaces only what follows the last : or = of the word.
  glued=${cur%"${cur##*[:=]}"}
  while IFS=$'\t' read -r word _; do
    case $word in
      :file) [[ $cur == --*=* ]] && cur=${cur#*=}; _filedir ;;
      :directory) [[ $cur == --*=* ]] && cur=${cur#*=}; _filedir -d ;;
      *) COMPREPLY+=("${word#"$glued"}") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null)
}
complete -F _mayfly mayfly
