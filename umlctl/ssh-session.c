/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh-session.c - finds SSH_CONNECTION, even behind sudo. */

#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "umlctl/ssh-session.h"

#define VARIABLE        "SSH_CONNECTION="
#define ENVIRONMENT_MAX (256 * 1024)
#define ANCESTORS_MAX   64

static char *in_environment_of(pid_t pid) {
        _cleanup_free_ char *path = strfmt("/proc/%d/environ", (int) pid), *text = NULL;
        ssize_t n = path ? read_file(path, ENVIRONMENT_MAX, &text) : -1;

        if (n <= 0)
                return NULL;
        for (const char *p = text; p < text + n; p += strlen(p) + 1) {
                const char *value = startswith(p, VARIABLE);

                if (value)
                        return strdup(value);
        }
        return NULL;
}

/* Returns 0 if it cannot be determined. */
static pid_t parent_of(pid_t pid) {
        _cleanup_free_ char *path = strfmt("/proc/%d/stat", (int) pid), *line = NULL;
        const char *behind_name;
        int parent = 0;

        if (!path || read_first_line(path, &line) < 0)
                return 0;
        behind_name = strrchr(line, ')'); /* the name may contain anything, even a parenthesis */
        if (!behind_name || sscanf(behind_name + 1, " %*c %d", &parent) != 1)
                return 0;
        return parent;
}

char *ssh_session_find(void) {
        const char *own = getenv("SSH_CONNECTION");
        pid_t pid = getppid();

        if (own)
                return *own ? strdup(own) : NULL;
        for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++, pid = parent_of(pid)) {
                char *found = in_environment_of(pid);

                if (found)
                        return found;
        }
        return NULL;
}
