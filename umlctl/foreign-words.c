/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign-words.c - what other programs call what umlctl has under another name. */

#include "umlctl/foreign-words.h"
#include "basic/string-util.h"

typedef struct Word {
        const char *theirs, *ours;
} Word;

static const Word verbs[] = {
        { "ps", "list" },
        { "ls", "list" },
        { "list-units", "list" },
        { "list-machines", "list" },
        { "images", "list" },
        { "rm", "remove" },
        { "delete", "remove" },
        { "undefine", "remove" },
        { "clone", "export and import --name" },
        { "rename", "export and import --name" },
        { "run", "create and start" },
        { "pull", "create --from oci:IMAGE" },
        { "up", "start" },
        { "boot", "start" },
        { "reset-failed", "start, which tries again" },
        { "down", "stop" },
        { "poweroff", "stop" },
        { "shutdown", "stop" },
        { "halt", "stop" },
        { "reboot", "restart" },
        { "destroy", "kill, or remove to delete the guest" },
        { "terminate", "kill" },
        { "try-restart", "restart" },
        { "daemon-reload", "reload to apply a changed configuration; umld needs no other" },
        { "exec", "ssh NAME COMMAND" },
        { "shell", "ssh or console" },
        { "login", "ssh or console" },
        { "attach", "console" },
        { "logs", "log" },
        { "journal", "log" },
        { "stats", "top" },
        { "show", "status --json, or cat for the configuration" },
        { "inspect", "status --json, or cat for the configuration" },
        { "info", "status" },
        { "dominfo", "status" },
        { "is-failed", "is-active, which says failed" },
        { "dumpxml", "cat" },
        { "snapshot", "disk NAME snapshot" },
        { "ports", "list -o name,forwards, or port NAME PORT" },
        { "version", "--version" },
};

static const Word options[] = {
        { "tail", "--lines" },       { "format", "--json" },           { "output-json", "--json" },
        { "yes", "--force" },        { "publish", "--forward" },       { "detach", "--no-wait" },
        { "no-block", "--no-wait" }, { "no-legend", "--no-headings" }, { "no-trunc", "--no-pager" },
        { "full", "--no-pager" },    { "machine", "--host" },          { "delay", "--interval" },
        { "iterations", "--count" },
};

static const Word columns[] = {
        { "json", "--json" },    { "ip", "address" },
        { "ports", "forwards" }, { "wide", "--no-pager, or the columns that you want" },
        { "names", "name" },
};

static const char *find(const Word *words, size_t n, const char *theirs) {
        for (size_t i = 0; i < n; i++)
                if (streq(words[i].theirs, theirs))
                        return words[i].ours;
        return NULL;
}

const char *foreign_verb(const char *word) {
        return find(verbs, ARRAY_SIZE(verbs), word);
}

const char *foreign_option(const char *word) {
        return find(options, ARRAY_SIZE(options), word);
}

const char *foreign_column(const char *word) {
        return find(columns, ARRAY_SIZE(columns), word);
}

char *foreign_guest(const char *word) {
        const char *start = startswith(word, "umld@") ?: word, *end = strrchr(start, '.');
        bool suffix = end && (streq(end, ".service") || streq(end, ".conf"));

        if (start == word && !suffix)
                return NULL;
        return suffix ? strndup(start, (size_t) (end - start)) : strdup(start);
}
