/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console-fix.c - lets a UML kernel print to a pipe and still notice when its terminal is resized.
 *
 * Printing to a pipe costs a fraction of printing to a pty, and a pipe holds more. But of the two
 * descriptors of a console, con0=fd:IN,fd:OUT, the kernel watches the size of the one that it
 * prints to (chan_enable_winch() of arch/um/drivers/line.c), if that is a terminal. Preloaded into
 * the kernel, these functions redirect such queries about standard output, to which umld lets it
 * print, to the terminal that it reads from.
 *
 * They run inside the kernel: on small stacks, in threads without a TLS of their own. */

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "host/init-protocol.h"
#include "preload/not-dumpable.h"

static int (*next_tcgetattr)(int fd, struct termios *ret);
static int (*next_tcsetattr)(int fd, int when, const struct termios *t);

__attribute__((constructor)) static void find_next(void) {
        next_tcgetattr = (int (*)(int, struct termios *)) dlsym(RTLD_NEXT, "tcgetattr");
        next_tcsetattr = (int (*)(int, int, const struct termios *)) dlsym(RTLD_NEXT, "tcsetattr");
}

static int terminal_of(int fd) {
        return fd == STDOUT_FILENO ? GUEST_FD_TERMINAL : fd;
}

static long terminal_call(int fd, unsigned long request, void *argument) {
        return syscall(SYS_ioctl, terminal_of(fd), request, argument);
}

int ioctl(int fd, unsigned long request, ...) {
        void *argument;
        va_list ap;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        if (request == TIOCSCTTY || request == TIOCGWINSZ)
                return (int) terminal_call(fd, request, argument);
        return (int) syscall(SYS_ioctl, fd, request, argument);
}

int isatty(int fd) {
        struct winsize size;

        return terminal_call(fd, TIOCGWINSZ, &size) == 0;
}

pid_t tcgetpgrp(int fd) {
        pid_t group;

        return terminal_call(fd, TIOCGPGRP, &group) < 0 ? -1 : group;
}

int tcsetpgrp(int fd, pid_t group) {
        return (int) terminal_call(fd, TIOCSPGRP, &group);
}

int tcgetattr(int fd, struct termios *ret) {
        return next_tcgetattr(terminal_of(fd), ret);
}

int tcsetattr(int fd, int when, const struct termios *t) {
        return next_tcsetattr(terminal_of(fd), when, t);
}
