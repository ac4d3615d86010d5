// The shells' halves of completion. Each hands the words typed so far to `hoy __complete`.

#include "cli/ui/complete.h"

namespace hoy::cli {
namespace {

// Bash splits words at ':' and '=' too (COMP_WORDBREAKS): pieces without a blank between them are
// put together again, and the part before the last break is cut from the replies, because bash
// replaces only what is behind it. Only file names are quoted: a '=' in other names stays. What
// ends in one of them goes on without a blank, in zsh as well; fish knows that by itself.
constexpr std::string_view kBash = R"script(# bash completion for hoy
_hoy() {
  local rest=$COMP_LINE piece line current i fallback
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    if ((i > 0)) && [[ -n $piece && $rest == "$piece"* ]]; then
      words[${#words[@]} - 1]+=$piece
    else
      words+=("$piece")
    fi
    [[ -n $piece ]] && rest=${rest#*"$piece"}
  done
  current=${words[${#words[@]} - 1]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) fallback=${line#:} ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  local typed=$current before=
  case $typed in --*=*) before=${typed%%=*}= typed=${typed#*=} ;; esac
  if [[ $fallback == files || $fallback == directories ]]; then
    local kind=-f names=${#COMPREPLY[@]}
    [[ $fallback == directories ]] && kind=-d
    while IFS= read -r line; do COMPREPLY+=("$before$line"); done < <(compgen $kind -- "$typed")
    ((${#COMPREPLY[@]} > names)) && compopt -o filenames 2>/dev/null
  fi
  before=
  case $current in
    *[:=]*) before=${current%"${current##*[:=]}"} ;;
  esac
  [[ -n $before ]] && COMPREPLY=("${COMPREPLY[@]#"$before"}")
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _hoy hoy
)script";

constexpr std::string_view kZsh = R"script(#compdef hoy
# zsh completion for hoy
_hoy() {
  local line fallback text view
  local -a texts shown open open_shown
  for line in "${(@f)$(${words[1]} __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :*) fallback=${line#:} ;;
      ?*)
        text=${line%%$'\t'*}
        view=$text
        [[ $line == *$'\t'* ]] && view="$text  -- ${line#*$'\t'}"
        if [[ $text == *[:=] ]]; then
          open+=("$text")
          open_shown+=("$view")
        else
          texts+=("$text")
          shown+=("$view")
        fi
        ;;
    esac
  done
  (( ${#texts} )) && compadd -l -d shown -a texts
  (( ${#open} )) && compadd -l -S '' -d open_shown -a open
  case $fallback in
    files) compset -P '--*='; _files ;;
    directories) compset -P '--*='; _files -/ ;;
  esac
  return 0
}
if [[ $funcstack[1] == _hoy ]]; then
  _hoy "$@"
elif (( $+functions[compdef] )); then
  compdef _hoy hoy
fi
)script";

constexpr std::string_view kFish = R"script(# fish completion for hoy
function __hoy_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$typed")
            case ':directories'
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$typed")
            case ':*'
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c hoy -f -a '(__hoy_complete)'
)script";

}  // namespace

std::string_view CompletionScript(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace hoy::cli
