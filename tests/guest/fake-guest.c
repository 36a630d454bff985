/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-guest.c - plays a UML kernel: takes its command line, speaks its protocols, and lives and
 * dies as told.
 *
 * The word fake=STEP,STEP… on the command line (Append= in a guest's configuration) is its script;
 * see the table of steps in fake-steps.c. A step may have an argument, STEP:ARGUMENT; in a TEXT
 * each _ stands for a blank, which no argument of a kernel can hold. At its end it serves its
 * management console for ever. Without a script: boot,ready. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "exec-time.h"
#include "fake-guest.h"
#include "fake-protocol.h"

Guest guest = { .umid = "fake", .console = STDOUT_FILENO, .mconsole = -1, .script = "boot,ready" };

void complain(const char *what) {
        fprintf(stderr, "fake-guest: %s: %s\n", what, strerror(errno));
        exit(1);
}

void say(const char *text) {
        dprintf(guest.console, "%s\r\n", text);
}

void notify(int type, const char *text) {
        Notification n = { .magic = MAGIC, .version = VERSION, .type = (uint32_t) type };
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (!guest.notify)
                return;
        n.len = (uint32_t) snprintf(n.data, sizeof(n.data), "%s", text) + 1;
        snprintf(to.sun_path, sizeof(to.sun_path), "%s", guest.notify);
        if (sendto(fd, &n, 16 + n.len, 0, (struct sockaddr *) &to, sizeof(to)) < 0)
                say("mconsole_notify - sendto failed"); /* a kernel goes on, too */
        close(fd);
}

static void on_term(int sig) {
        step_exit("1");
}

static void run_script(void) {
        char *script = strdup(guest.script), *step, *save = NULL;

        for (step = strtok_r(script, ",", &save); step; step = strtok_r(NULL, ",", &save))
                run_step(step);
        free(script);
}

static void read_tap(const char *name) {
        snprintf(guest.tap, sizeof(guest.tap), "%.*s", (int) strcspn(name, ","), name);
}

static void read_word(const char *word) {
        const char *v;

        if ((v = startswith(word, "umid=")))
                guest.umid = v;
        else if ((v = startswith(word, "uml_dir=")))
                guest.uml_dir = v;
        else if ((v = startswith(word, "mconsole=notify:")))
                guest.notify = v;
        else if (startswith(word, "con0=fd:") && (v = strstr(word, ",fd:"))) /* what it prints to */
                guest.console = atoi(v + strlen(",fd:"));
        else if ((v = startswith(word, "ubda=")))
                guest.disk = v;
        else if ((v = startswith(word, "eth0=tuntap,")))
                read_tap(v);
        else if (startswith(word, "vec0:") && (v = strstr(word, "ifname="))) {
                guest.tap_header = true;
                read_tap(v + strlen("ifname="));
        } else if ((v = startswith(word, "fake=")))
                guest.script = v;
}

/* For as long as there is a file PROGRAM.slow. */
static void be_slow(const char *program) {
        char path[256];

        snprintf(path, sizeof(path), "%s.slow", program);
        while (access(path, F_OK) == 0)
                usleep(10000);
}

/* The questions of a probe. */
static bool tell(const char *program, const char *word) {
        be_slow(program);
        if (streq(word, "--version"))
                puts(RELEASE);
        else if (streq(word, "--showconfig"))
                puts("CONFIG_UML=y\nCONFIG_UML_NET_VECTOR=y\n# CONFIG_RAID6_PQ is not set");
        else if (streq(word, "--help"))
                puts("mem=<Amount of desired ram>\n    How much memory.\n\n"
                     "umid=<name>\n    Its name.\n\nfake=<step>[,<step>]\n    Its script.\n");
        else
                return false;
        return true;
}

int main(int argc, char **argv) {
        guest.started = exec_time();
        for (int i = 1; i < argc; i++) {
                if (tell(argv[0], argv[i]))
                        return 0;
                read_word(argv[i]);
        }
        (void) signal(SIGTERM, on_term);
        (void) signal(SIGINT, on_term);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGIO, SIG_IGN); /* umld nudges a kernel that prints much */
        run_script();
        serve(-1);
}
