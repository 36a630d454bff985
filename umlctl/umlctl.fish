# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for umlctl: it is umlctl that says what can come next.

function __umlctl_offers
        set -l words (commandline -opc)
        set -l current (commandline -ct)
        set -l option (string match -r -- '^--[a-z0-9-]+=' $current)
        set -l offers (umlctl --complete $words[2..-1] "$current" 2>/dev/null)

        switch "$offers[1]"
                case :files
                        string replace -r '^' -- "$option" (__fish_complete_path (string replace -- "$option" '' $current))
                case :hosts
                        string replace -r '^' -- "$option" (__fish_print_hostnames)
                case '*'
                        string join -- \n $offers
        end
end

complete -c umlctl -f -a '(__umlctl_offers)'
