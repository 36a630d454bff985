/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-guest.c - plays a UML kernel: takes its command line, speaks its protocols, and lives and
 * dies as told.
 *
 * The word fake=STEP,STEP… on the command line (Append= in a guest's configuration) is its script;
 * see the table of steps. A step may have an argument, STEP:ARGUMENT; in a TEXT each _ stands for a
 * blank, which no argument of a kernel can hold. At its end it serves its management console for
 * ever. Without a script: boot,ready. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "exec-time.h"
#include "fake-protocol.h"
#include "uml-marks.h"

#include "basic/macro.h"

#define RELEASE "7.2.0-fake"

enum {
        MEBIBYTE = 1 << 20,
};

typedef struct Guest {
        struct timespec started;
        const char *umid, *uml_dir, *notify, *disk, *script;
        char tap[IFNAMSIZ];
        bool tap_header;
        int console; /* descriptor */
        int mconsole;
        char directory[96], pid_file[104], socket_file[108];
        bool ignore_cad, ignore_sysrq, mute;
        bool reset_key; /* nobody in it handles ctrl-alt-del */
} Guest;

static Guest guest = {
        .umid = "fake", .console = STDOUT_FILENO, .mconsole = -1, .script = "boot,ready"
};

static _noreturn_ void complain(const char *what) {
        fprintf(stderr, "fake-guest: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* ---- what it says ---- */

static void say(const char *text) {
        dprintf(guest.console, "%s\r\n", text);
}

static void notify(enum NotifyType type, const char *text) {
        Notification n = { .magic = MAGIC, .version = VERSION, .type = type };
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

/* ---- its ends; a crash leaves the umid directory behind ---- */

static void remove_directory(void) {
        (void) !unlink(guest.socket_file);
        (void) !unlink(guest.pid_file);
        (void) !rmdir(guest.directory);
}

static void step_exit(const char *status) {
        remove_directory();
        _exit(atoi(status));
}

static void step_poweroff(const char *arg) {
        (void) arg;
        say("reboot: Power down");
        step_exit("0");
}

static void step_reboot(const char *arg) {
        (void) arg;
        say("reboot: Restarting system");
        step_exit("0");
}

static void step_kill(const char *number) {
        (void) signal(atoi(number), SIG_DFL);
        (void) raise(atoi(number));
}

static void step_panic(const char *text) {
        notify(NOTIFY_PANIC, text);
        dprintf(guest.console, "Kernel panic - not syncing: %s\r\n", text);
        step_kill("6");
}

static void on_term(int sig) {
        (void) sig;
        step_exit("1");
}

/* ---- the management console ---- */

typedef struct Caller {
        struct sockaddr_un address;
        socklen_t len;
} Caller;

static void reply(const Caller *to, uint32_t error, bool more, const char *text) {
        Reply r = { .error = error, .more = more };

        r.len = (uint32_t) snprintf(r.data, sizeof(r.data), "%s", text) + 1;
        (void) !sendto(guest.mconsole, &r, 12 + r.len, MSG_DONTWAIT,
                       (const struct sockaddr *) &to->address, to->len);
}

static void sysrq(const Caller *from, const char *key) {
        reply(from, 0, false, "");
        if (guest.ignore_sysrq)
                return;
        if (*key == 'u')
                say("Emergency Remount complete");
        if (*key == 'o')
                step_poweroff("");
        if (*key == 'b')
                step_reboot("");
        if (*key == 'c')
                step_panic("sysrq triggered crash");
}

static void tell_cad(const Caller *from, const char *arg) {
        (void) arg;
        reply(from, 0, true, "\n"); /* as a kernel does */
        reply(from, 0, false, guest.reset_key ? "1\n" : "0\n");
}

static void press_cad(const Caller *from, const char *arg) {
        (void) arg;
        reply(from, 0, false, "");
        if (guest.reset_key)
                step_reboot("");
        if (!guest.ignore_cad)
                step_poweroff("");
}

static void tell_version(const Caller *from, const char *arg) {
        (void) arg;
        reply(from, 0, false, "Linux fake " RELEASE " #1 x86_64");
}

/* They are only told: a fake guest does nothing while it serves. */
static void stop_running(const Caller *from, const char *arg) {
        (void) arg;
        say("stopped");
        reply(from, 0, false, "stopped");
}

static void go_on(const Caller *from, const char *arg) {
        (void) arg;
        say("goes on");
        reply(from, 0, false, "");
}

static void run_step(char *step);

/* No kernel has it: a step of the script, now. */
static void do_step(const Caller *from, const char *step) {
        char copy[DATA_MAX + 1];

        reply(from, 0, false, "");
        snprintf(copy, sizeof(copy), "%s", step);
        run_step(copy);
}

static const struct {
        const char *command; /* its beginning */
        void (*run)(const Caller *from, const char *rest);
} commands[] = {
        { "version", tell_version }, { "proc sys/kernel/ctrl-alt-del", tell_cad },
        { "cad", press_cad },        { "sysrq ", sysrq },
        { "stop", stop_running },    { "go", go_on },
        { "do ", do_step },
};

static void obey(void) {
        Caller from = { .len = sizeof(from.address) };
        Request q = {};

        if (recvfrom(guest.mconsole, &q, sizeof(q) - 1, 0, (struct sockaddr *) &from.address,
                     &from.len) < 0 ||
            q.magic != MAGIC || guest.mute)
                return;
        FOREACH_ELEMENT (c, commands) {
                const char *rest = startswith(q.data, c->command);

                if (rest) {
                        c->run(&from, rest);
                        return;
                }
        }
        reply(&from, 1, false, "Unknown command");
}

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Serves the management console for that many milliseconds, -1 = for ever. */
static void serve(int64_t ms) {
        int64_t end = now_ms() + ms;

        while (ms < 0 || now_ms() < end) {
                struct pollfd p = { .fd = guest.mconsole, .events = POLLIN };

                if (poll(&p, 1, ms < 0 ? -1 : (int) (end - now_ms())) > 0)
                        obey();
        }
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

        (void) arg;
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
        (void) arg;
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

        (void) arg;
        if (fd >= 0 && fcntl(fd, F_SETLK, &lock) >= 0)
                return;
        dprintf(guest.console, "Failed to lock '%s', err = %d\r\n", guest.disk, errno);
        step_panic("VFS: Unable to mount root fs");
}

static void step_tap(const char *arg) {
        struct ifreq ifr = {};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        (void) arg;
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
        (void) arg;
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
};

/* ---- start ---- */

static void run_step(char *step) {
        char *argument = strchr(step, ':');
        size_t i = 0;

        if (argument)
                *argument++ = '\0';
        while (i < ARRAY_SIZE(steps) && !streq(steps[i].name, step))
                i++;
        if (i == ARRAY_SIZE(steps)) {
                fprintf(stderr, "fake-guest: unknown step '%s'\n", step);
                exit(1);
        }
        for (char *p = argument; p && steps[i].text && (p = strchr(p, '_'));)
                *p = ' ';
        steps[i].run(argument ?: "");
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
