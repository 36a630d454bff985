/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-steps.c - the steps of a fake guest's script, and their table. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-guest.h"
#include "fake-protocol.h"
#include "uml-marks.h"

enum {
        MEBIBYTE = 1 << 20,
};

/* ---- its ends; a crash leaves the umid directory behind ---- */

static void remove_directory(void) {
        (void) !unlink(guest.socket_file);
        (void) !unlink(guest.pid_file);
        (void) !rmdir(guest.directory);
}

void step_exit(const char *status) {
        remove_directory();
        _exit(atoi(status));
}

void step_poweroff(const char *arg) {
        say("reboot: Power down");
        step_exit("0");
}

void step_reboot(const char *arg) {
        say("reboot: Restarting system");
        step_exit("0");
}

void step_kill(const char *number) {
        (void) signal(atoi(number), SIG_DFL);
        (void) raise(atoi(number));
}

void step_panic(const char *text) {
        notify(NOTIFY_PANIC, text);
        dprintf(guest.console, "Kernel panic - not syncing: %s\r\n", text);
        step_kill("6");
}

/* ---- the other steps ---- */

static void write_pid(void) {
        FILE *f = fopen(guest.pid_file, "we");

        if (!f)
                complain(guest.pid_file);
        fprintf(f, "%d\n", getpid());
        fclose(f);
}

static void step_boot(const char *arg) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };

        snprintf(guest.directory, sizeof(guest.directory), "%s/%s", guest.uml_dir ?: "/tmp",
                 guest.umid);
        snprintf(guest.pid_file, sizeof(guest.pid_file), "%s/pid", guest.directory);
        snprintf(guest.socket_file, sizeof(guest.socket_file), "%s/mconsole", guest.directory);
        remove_directory();
        if (mkdir(guest.directory, 0755) < 0)
                complain(guest.directory);
        write_pid();
        guest.mconsole = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s", guest.socket_file);
        if (bind(guest.mconsole, (struct sockaddr *) &at, sizeof(at)) < 0)
                complain(guest.socket_file);
        say("mconsole (version 2) initialized");
        notify(NOTIFY_SOCKET, guest.socket_file);
        say("Run /sbin/init as init process");
}

static void step_ready(const char *arg) {
        notify(NOTIFY_USER, "READY=1\n");
}

static void step_user(const char *text) {
        notify(NOTIFY_USER, text);
}

static void step_print(const char *mebibytes) {
        static char line[1024];

        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\n';
        for (long i = 0; i < atol(mebibytes) * 1024; i++)
                for (size_t done = 0; done < sizeof(line);) {
                        ssize_t n = write(guest.console, line + done, sizeof(line) - done);

                        if (n < 0 && errno != EINTR)
                                return;
                        done += n > 0 ? (size_t) n : 0;
                }
}

/* Appends when this boot began, its exec: CLOCK_MONOTONIC in nanoseconds. */
static void step_stamp(const char *file) {
        int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

        if (fd < 0)
                complain(file);
        dprintf(fd, "%lld\n",
                (long long) guest.started.tv_sec * 1000000000 + guest.started.tv_nsec);
        close(fd);
}

/* COUNT:FILE - the steps behind it are for the first COUNT boots only, later ones get ready and
 * stay; FILE keeps count. */
static void step_first(const char *arg) {
        const char *file = strchr(arg, ':');
        struct stat st;
        int fd;

        if (!file)
                return;
        fd = open(file + 1, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, "x", 1) < 0 || fstat(fd, &st) < 0)
                complain(file + 1);
        close(fd);
        if (st.st_size <= atoi(arg))
                return;
        step_boot("");
        step_ready("");
        serve(-1);
}

static void step_ignore(const char *what) {
        bool all = streq(what, "all");

        guest.ignore_cad |= all || streq(what, "cad");
        guest.ignore_sysrq |= all || streq(what, "sysrq");
        guest.mute |= all || streq(what, "mconsole");
        if (all || streq(what, "term"))
                (void) signal(SIGTERM, SIG_IGN);
}

static void step_cad(const char *value) {
        guest.reset_key = atoi(value) != 0;
}

/* Locks the first disk as a kernel does. */
static void step_lock(const char *arg) {
        struct flock lock = { .l_type = F_WRLCK };
        int fd = guest.disk ? open(guest.disk, O_RDWR | O_CLOEXEC) : -1;

        if (fd >= 0 && fcntl(fd, F_SETLK, &lock) >= 0)
                return;
        dprintf(guest.console, "Failed to lock '%s', err = %d\r\n", guest.disk, errno);
        step_panic("VFS: Unable to mount root fs");
}

static void step_tap(const char *arg) {
        struct ifreq ifr = {};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        memcpy(ifr.ifr_name, guest.tap, IFNAMSIZ);
        ifr.ifr_flags = (short) (IFF_TAP | IFF_NO_PI | (guest.tap_header ? IFF_VNET_HDR : 0));
        if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
                dprintf(guest.console, "TUNSETIFF failed, errno = %d\r\n", errno);
}

/* Touches that much of a memory file. */
static void step_memory(const char *mebibytes) {
        static char block[MEBIBYTE];
        const char *dir = getenv("TMPDIR") ?: "/dev/shm";
        int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (fd < 0)
                complain(dir);
        for (int i = 0; i < atoi(mebibytes); i++)
                if (write(fd, block, sizeof(block)) != (ssize_t) sizeof(block))
                        step_kill("7"); /* SIGBUS */
}

/* Processes that outlive it and hold all it has open, as those of kernels up to 6.12 do. */
static void step_helpers(const char *count) {
        for (int i = 0; i < atoi(count); i++)
                if (syscall(SYS_clone, (unsigned long) CLONE_FILES | SIGCHLD, NULL, NULL, NULL,
                            0UL) == 0) {
                        (void) setsid();
                        (void) signal(SIGTERM, SIG_IGN);
                        for (;;)
                                (void) pause();
                }
}

static void step_wait(const char *ms) {
        serve(atoi(ms));
}

static void step_sleep(const char *ms) {
        (void) usleep((useconds_t) atoi(ms) * 1000);
}

static void step_spin(const char *arg) {
        for (;;)
                __asm__ volatile("");
}

static const struct {
        const char *name;
        void (*run)(const char *argument);
        bool text;
} steps[] = {
        { "boot", step_boot },   /* its umid directory, management console and notification */
        { "ready", step_ready }, /* as a guest that writes READY=1 to /proc/mconsole */
        { "user", step_user, .text = true }, /* the user that TEXT names */
        { "say", say, .text = true },        /* TEXT on the console */
        { "print", step_print },             /* that many MiB on the console */
        { "stamp", step_stamp },             /* appends the time of its start to FILE */
        { "first", step_first },     /* N:FILE: what follows is for the first N boots, see there */
        { "ignore", step_ignore },   /* cad, sysrq, term, mconsole (answers nothing), all */
        { "cad", step_cad },         /* 1: ctrl-alt-del is a reset; 0: init's business */
        { "lock", step_lock },       /* the first disk */
        { "tap", step_tap },         /* attaches to its tap */
        { "memory", step_memory },   /* touches that many MiB of a memory file */
        { "helpers", step_helpers }, /* leaves that many processes behind */
        { "wait", step_wait },       /* that many milliseconds */
        { "sleep", step_sleep },     /* so long, too, and answers nothing meanwhile */
        { "spin", step_spin },       /* is busy for ever, deaf to its management console */
        { "exit", step_exit },       /* with that status */
        { "poweroff", step_poweroff },
        { "reboot", step_reboot },
        { "panic", step_panic, .text = true }, /* with that TEXT */
        { "kill", step_kill },                 /* dies by that signal */
        { "breakout", step_breakout },         /* tries what it must not be able to do */
};

void run_step(char *step) {
        char *argument = strchr(step, ':');
        size_t i = 0;

        if (argument)
                *argument++ = '\0';
        while (i < ARRAY_SIZE(steps) && !streq(steps[i].name, step))
                i++;
        if (i == ARRAY_SIZE(steps) || !steps[i].run) {
                fprintf(stderr, "fake-guest: unknown step '%s'\n", step);
                exit(1);
        }
        for (char *p = argument; p && steps[i].text && (p = strchr(p, '_'));)
                *p = ' ';
        steps[i].run(argument ?: "");
}
