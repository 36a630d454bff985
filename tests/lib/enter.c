/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a command in a part of a world (tests/world), with variables as env(1) sets them. Tests run
 * thousands of commands, and a shell, nsenter and env before each of them cost more than most of
 * these. Linked statically: what is preloaded into the command by one of the variables is none of
 * this program's. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what) {
        fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void enter_group(const char *group) {
        char path[4096];
        int fd;

        snprintf(path, sizeof path, "%s/cgroup.procs", group);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0\n", 2) != 2)
                fail(path);
        close(fd);
}

static void enter_namespace(const char *keeper, const char *name, int type) {
        char path[64];
        int fd;

        snprintf(path, sizeof path, "/proc/%s/ns/%s", keeper, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, type) < 0)
                fail(path);
        close(fd);
}

int main(int argc, char **argv) {
        char directory[4096];
        int i;

        if (argc < 5 || (strcmp(argv[2], "host") != 0 && strcmp(argv[2], "inet") != 0)) {
                fprintf(stderr, "usage: enter KEEPER host|inet GROUP [NAME=VALUE…] COMMAND…\n"
                                "KEEPER is a pid, GROUP a directory, or - for none.\n");
                return 2;
        }
        if (strcmp(argv[3], "-") != 0)
                enter_group(argv[3]);
        if (!getcwd(directory, sizeof directory))
                fail("the working directory");
        enter_namespace(argv[1], "net", CLONE_NEWNET);
        if (strcmp(argv[2], "host") == 0) {
                enter_namespace(argv[1], "mnt", CLONE_NEWNS);
                if (chdir(directory) < 0) /* it was that of the other namespace */
                        fail(directory);
        }
        for (i = 4; argv[i] && strchr(argv[i], '='); i++)
                putenv(argv[i]);
        if (!argv[i]) {
                fprintf(stderr, "enter: no command\n");
                return 2;
        }
        execvp(argv[i], argv + i);
        fprintf(stderr, "enter: %s: %s\n", argv[i], strerror(errno));
        return 127;
}
