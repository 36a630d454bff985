/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fork-loop.c - the least that a supervisor can do: forks, execs its arguments, waits, for ever. */

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
        if (argc < 2) {
                fputs("usage: fork-loop PROGRAM [ARGUMENT…]\n", stderr);
                return 2;
        }
        for (;;) {
                pid_t pid = fork();

                if (pid == 0) {
                        (void) setsid();
                        (void) execv(argv[1], argv + 1);
                        _exit(127);
                }
                if (pid < 0 || waitpid(pid, NULL, 0) < 0) {
                        perror("fork-loop");
                        return 1;
                }
        }
}
