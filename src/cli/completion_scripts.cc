#include "cli/completion.h"

namespace hvis::cli {
namespace {

// Each script only carries words to "hvis __complete WORD…" and candidates back: what can come
// next is known to the tree of verbs alone.

constexpr std::string_view kBash =
    R"script(# bash completion for hvis: source <(hvis completion bash)
_hvis() {
    local words=() word line i
    # bash takes "--pool=external" and "kvp=4.0" for three words: put them together again.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#words[@]} -gt 0 && ($word == "=" || ${words[-1]} == *=) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    local current=${words[-1]-} cut=
    [[ $current == *=* ]] && cut=${current%%=*}=
    COMPREPLY=()
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        case $word in
        :files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${current#"$cut"}"); compopt -o filenames ;;
        :directories) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${current#"$cut"}"); compopt -o filenames ;;
        *) COMPREPLY+=("$(printf '%q' "${word#"$cut"}")") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _hvis hvis
)script";

constexpr std::string_view kZsh = R"script(#compdef hvis
# zsh completion for hvis: source <(hvis completion zsh), or as a file _hvis in $fpath
_hvis() {
    local line word description ret=1
    local -a candidates
    # hvis gets the words without the quotes that they are typed with.
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        description=${line#*$'\t'}
        case $word in
        :files | :directories)
            [[ $PREFIX == --*=* ]] && compset -P 1 '*='
            if [[ $word == :files ]]; then _files; else _files -/; fi && ret=0
            ;;
        *)
            word=${word//\\/\\\\}
            candidates+=("${word//:/\\:}${description:+:$description}")
            ;;
        esac
    done < <("${words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    (( ${#candidates} )) && _describe hvis candidates && ret=0
    return ret
}
if [[ ${funcstack[1]} == _hvis ]]; then
    _hvis "$@" # loaded from a file, at its first use
else
    compdef _hvis hvis
fi
)script";

constexpr std::string_view kFish =
    R"script(# fish completion for hvis: hvis completion fish | source
function __hvis_complete
    set -l words (commandline -opc)
    # As it will be read, without the quotes; nothing is left of a lone backslash.
    set -l current (commandline -ct | string unescape)
    set -q current[1]; or set current ''
    # "--kernel=/boot/v": the file begins behind the "=".
    set -l option (string match -r -- '^--[^=]*=' $current)
    set -l path (string replace -r -- '^--[^=]*=' '' $current)
    for line in ($words[1] __complete $words[2..-1] $current 2>/dev/null)
        switch $line
            case ':files*'
                string join -- \n "$option"(__fish_complete_path "$path")
            case ':directories*'
                string join -- \n "$option"(__fish_complete_directories "$path")
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c hvis -f -a '(__hvis_complete)'
)script";

}  // namespace

std::string completion_script(std::string_view shell) {
    if (shell == "bash") {
        return std::string(kBash);
    }
    if (shell == "zsh") {
        return std::string(kZsh);
    }
    return shell == "fish" ? std::string(kFish) : std::string();
}

}  // namespace hvis::cli
