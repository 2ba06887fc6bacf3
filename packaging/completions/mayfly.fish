# fish completion for mayfly(1): the command itself says what may stand next.
# In a running shell: mayfly completion fish | source

function __mayfly_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline --current-token --cut-at-cursor)
    for line in ($program __complete $words "$current" 2>/dev/null)
        switch $line
            case ':file*'
                __fish_complete_path (string replace --regex '^--[^=]*=' '' -- "$current")
            case ':directory*'
                __fish_complete_directories (string replace --regex '^--[^=]*=' '' -- "$current")
            case '*'
                echo $line
        end
    end
end

complete --command mayfly --no-files --arguments '(__mayfly_complete)'
