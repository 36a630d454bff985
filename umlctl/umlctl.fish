# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for umlctl. tests/lint/check-umlctl-doc compares it with umlctl's own tables.

function __umlctl_guests
    set -l directory /etc/umld
    set -q UMLD_CONFIG_DIR; and set directory $UMLD_CONFIG_DIR
    for file in $directory/*.conf
        string replace -r '.*/(.*)\.conf$' '$1' -- $file
    end
end

# The words that are neither options nor their values, without umlctl itself.
function __umlctl_words
    set -l skip no
    set -l verb
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word --boot --confirm --copy --count --firstboot --for --forward --from --grow --host --hostname --interval --kernel --lines --memory --mirror --modules --name --output --recipe --set --sha256 --shrink --since --size --sort --ssh-key --swap --textfile --timeout
            set skip yes
        else if contains -- $word -H -S -b -c -g -i -o -s -t
            set skip yes
        else if contains -- "$verb $word" 'wait -f' 'log -n'
            set skip yes
        else if not string match -q -- '-*' $word
            set -q verb[1]; or set verb $word
            echo $word
        end
    end
end

function __umlctl_needs_verb
    test -z (__umlctl_words)[1]
end

function __umlctl_verb_is
    contains -- (__umlctl_words)[1] $argv
end

# For verbs of one guest, which is not there yet.
function __umlctl_needs_guest
    __umlctl_verb_is $argv; and test (count (__umlctl_words)) = 1
end

complete -c umlctl -f

# What every verb takes
complete -c umlctl -s h -l help -d 'Show the help'
complete -c umlctl -s V -l version -d 'Show the version'
complete -c umlctl -s q -l quiet -d 'Print errors only'
complete -c umlctl -s H -l host -x -a '(__fish_print_hostnames)' -d 'Run umlctl on that host'
complete -c umlctl -l no-pager -d 'Do not show long output in a pager'

# Verbs
complete -c umlctl -n __umlctl_needs_verb -a is-active -d 'Is a guest running? For scripts'
complete -c umlctl -n __umlctl_needs_verb -a is-enabled -d 'Is a guest started at boot? For scripts'
complete -c umlctl -n __umlctl_needs_verb -a create -d 'Make a guest, its image and its configuration'
complete -c umlctl -n __umlctl_needs_verb -a list -d 'List guests in a table'
complete -c umlctl -n __umlctl_needs_verb -a metrics -d 'Print metrics of guests for a monitoring system'
complete -c umlctl -n __umlctl_needs_verb -a top -d 'Show live what guests use'
complete -c umlctl -n __umlctl_needs_verb -a status -d 'Show the status of a guest'
complete -c umlctl -n __umlctl_needs_verb -a start -d 'Start a guest and wait until it is ready'
complete -c umlctl -n __umlctl_needs_verb -a stop -d 'Shut a guest down cleanly'
complete -c umlctl -n __umlctl_needs_verb -a restart -d 'Shut a guest down cleanly and start it again'
complete -c umlctl -n __umlctl_needs_verb -a reload -d 'Apply configuration changes to the running guest'
complete -c umlctl -n __umlctl_needs_verb -a confirm -d 'Keep the changes made by reload --confirm'
complete -c umlctl -n __umlctl_needs_verb -a reexec -d 'Replace the umld of a running guest with the installed one'
complete -c umlctl -n __umlctl_needs_verb -a kill -d 'Kill a guest immediately, without a clean shutdown'
complete -c umlctl -n __umlctl_needs_verb -a check -d 'Show what starting a guest would do'
complete -c umlctl -n __umlctl_needs_verb -a doctor -d 'Check whether the host can run a guest, and how well'
complete -c umlctl -n __umlctl_needs_verb -a wait -d 'Wait until a guest is running or stopped'
complete -c umlctl -n __umlctl_needs_verb -a enable -d 'Start a guest at boot'
complete -c umlctl -n __umlctl_needs_verb -a disable -d 'Do not start a guest at boot'
complete -c umlctl -n __umlctl_needs_verb -a cat -d 'Show the configuration of a guest, with its defaults'
complete -c umlctl -n __umlctl_needs_verb -a edit -d 'Edit the configuration of a guest, and check it'
complete -c umlctl -n __umlctl_needs_verb -a set -d 'Change settings in the configuration of a guest'
complete -c umlctl -n __umlctl_needs_verb -a remove -d 'Delete a guest with its image and its logs'
complete -c umlctl -n __umlctl_needs_verb -a modules -d 'Put the modules that the kernel needs into the image'
complete -c umlctl -n __umlctl_needs_verb -a resize -d 'Make the image of a guest larger'
complete -c umlctl -n __umlctl_needs_verb -a disk -d 'Keep, commit or throw away changes on copy-on-write disks'
complete -c umlctl -n __umlctl_needs_verb -a export -d 'Write a guest to standard output'
complete -c umlctl -n __umlctl_needs_verb -a import -d 'Make a guest from an export'
complete -c umlctl -n __umlctl_needs_verb -a crashes -d 'List the crashes of a guest'
complete -c umlctl -n __umlctl_needs_verb -a memory -d 'Show the memory usage of a guest, or move memory'
complete -c umlctl -n __umlctl_needs_verb -a history -d 'Show what a guest used in the last hour'
complete -c umlctl -n __umlctl_needs_verb -a port -d 'Check whether a port reaches the guest, and if not, why'
complete -c umlctl -n __umlctl_needs_verb -a console -d 'Attach to the console of a guest'
complete -c umlctl -n __umlctl_needs_verb -a log -d 'Show what a guest printed on its console'
complete -c umlctl -n __umlctl_needs_verb -a ssh -d 'Log in to a guest by SSH, or run a command there'
complete -c umlctl -n __umlctl_needs_verb -a events -d 'Show what happens to guests'
complete -c umlctl -n __umlctl_needs_verb -a mconsole -d 'Send a command to the management console of a guest'
complete -c umlctl -n __umlctl_needs_verb -a help -d 'Show the help, or that of a verb'
complete -c umlctl -n '__umlctl_verb_is help' -a 'create list top metrics status start stop restart reload confirm reexec kill check doctor wait enable disable is-active is-enabled cat edit set remove modules resize disk export import crashes memory history port console log ssh events mconsole help'

# Guests
complete -c umlctl -n '__umlctl_verb_is list top metrics status start stop restart reload confirm reexec kill check wait enable disable is-active is-enabled cat remove crashes memory history port log events' -a '(__umlctl_guests)'
complete -c umlctl -n '__umlctl_needs_guest doctor edit set modules resize disk export console ssh mconsole' -a '(__umlctl_guests)'
complete -c umlctl -n '__umlctl_verb_is disk; and not __umlctl_needs_guest disk' -a 'list reset commit snapshot'
complete -c umlctl -n '__umlctl_verb_is import' -F

# What some verbs take
complete -c umlctl -n '__umlctl_verb_is list top metrics status start stop restart reload confirm reexec kill check wait enable disable is-active is-enabled cat remove crashes memory history port log events' -s a -l all -d 'For all guests'
complete -c umlctl -n '__umlctl_verb_is list top status check doctor cat disk crashes memory history port log events' -s j -l json -d 'Print JSON'
complete -c umlctl -n '__umlctl_verb_is list' -s o -l output -x -a 'name state since uptime restarts memory cpu load tcp address address6 tap sent received health kernel pid enabled forwards last-exit status' -d 'Columns to show'
complete -c umlctl -n '__umlctl_verb_is list top' -l no-headings -d 'Print no line with the names of the columns'
complete -c umlctl -n '__umlctl_verb_is top' -s s -l sort -x -a 'cpu memory traffic start name' -d 'What comes first'
complete -c umlctl -n '__umlctl_verb_is top' -s i -l interval -x -d 'Time between updates'
complete -c umlctl -n '__umlctl_verb_is top' -s c -l count -x -d 'Number of updates'
complete -c umlctl -n '__umlctl_verb_is metrics' -l textfile -rF -d 'File to replace'
complete -c umlctl -n '__umlctl_verb_is wait' -s f -l for -x -a 'running stopped' -d 'State to wait for'
complete -c umlctl -n '__umlctl_verb_is start stop restart kill wait' -s t -l timeout -x -d 'Time to wait at most'
complete -c umlctl -n '__umlctl_verb_is reload' -s c -l confirm -x -d 'Revert the reload after this time unless confirmed'
complete -c umlctl -n '__umlctl_verb_is start stop restart kill' -s n -l no-wait -d 'Do not wait until the operation has finished'
complete -c umlctl -n '__umlctl_verb_is start' -l enable -d 'Start it at boot, too'
complete -c umlctl -n '__umlctl_verb_is enable disable' -l now -d 'Also start or stop it now'
complete -c umlctl -n '__umlctl_verb_is memory' -s s -l shrink -x -d 'Take free memory from the guest'
complete -c umlctl -n '__umlctl_verb_is memory' -s g -l grow -x -d 'Give memory back to the guest'
complete -c umlctl -n '__umlctl_verb_is log events' -s f -l follow -d 'Keep printing new lines'
complete -c umlctl -n '__umlctl_verb_is log' -s n -l lines -x -d 'Number of most recent lines to show'
complete -c umlctl -n '__umlctl_verb_is log' -s S -l since -x -d 'Show lines since this time'
complete -c umlctl -n '__umlctl_verb_is log' -s b -l boot -x -d 'Show only this boot'
complete -c umlctl -n '__umlctl_verb_is console' -s r -l read-only -d 'Watch only'
complete -c umlctl -n '__umlctl_verb_is create remove disk doctor console mconsole' -s F -l force -d 'Do not ask, take over the console, replace a guest, or kill the kernel'
complete -c umlctl -n '__umlctl_verb_is doctor' -l fix -d 'Repair what umld itself can repair, after asking'
complete -c umlctl -n '__umlctl_verb_is disk export' -l live -d 'Export a guest, or make a snapshot of it, while it is running'
complete -c umlctl -n '__umlctl_verb_is export' -l with-kernel -d 'Export its kernel as well'
complete -c umlctl -n '__umlctl_verb_is import' -l name -x -d 'Name of the guest made by import'
complete -c umlctl -n '__umlctl_verb_is create' -l from -rF -d 'Where its files come from: an archive, a directory, an image, - …'
complete -c umlctl -n '__umlctl_verb_is create' -l size -x -d 'Size of its image (1G)'
complete -c umlctl -n '__umlctl_verb_is create' -l memory -x -d 'Its memory (128M)'
complete -c umlctl -n '__umlctl_verb_is create' -l swap -x -d 'Give it swap space of this size'
complete -c umlctl -n '__umlctl_verb_is create' -l kernel -rF -d 'The kernel it runs'
complete -c umlctl -n '__umlctl_verb_is create modules' -l modules -rF -d 'Where the modules of its kernel are'
complete -c umlctl -n '__umlctl_verb_is create' -l hostname -x -d 'Its host name'
complete -c umlctl -n '__umlctl_verb_is create' -l forward -x -d 'Forward ports to it (tcp/8080:80); repeatable'
complete -c umlctl -n '__umlctl_verb_is create' -l copy -rF -d 'Copy a file into its image; repeatable'
complete -c umlctl -n '__umlctl_verb_is create' -l ssh-key -rF -d 'Public keys with which root can log in by SSH'
complete -c umlctl -n '__umlctl_verb_is create' -l password-stdin -d 'Read root\'s password from standard input'
complete -c umlctl -n '__umlctl_verb_is create' -l firstboot -rF -d 'Run a script in it when it boots for the first time'
complete -c umlctl -n '__umlctl_verb_is create' -l recipe -x -d 'The recipe that prepares its files: a name, auto or none'
complete -c umlctl -n '__umlctl_verb_is create' -l set -x -d 'Write a setting to its configuration; repeatable'
complete -c umlctl -n '__umlctl_verb_is create' -l mirror -x -d 'Mirror from which to download debian, alpine or arch'
complete -c umlctl -n '__umlctl_verb_is create' -l sha256 -x -d 'SHA-256 checksum that the source must have'
