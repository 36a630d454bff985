/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shift-clock.c - preloaded: other clocks than the machine's. The file SHIFT_CLOCK holds how far
 * they are ahead, an int64_t of microseconds for each of CLOCK_REALTIME, CLOCK_MONOTONIC and
 * CLOCK_BOOTTIME, and may be written to at any time. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
        FDS = 256, /* of timers */
        NSEC = 1000000000,
};

typedef int ClockGettime(clockid_t clock, struct timespec *ts);
typedef int TimerfdCreate(int clock, int flags);
typedef int TimerfdSettime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);

static const _Atomic int64_t *ahead;
static _Atomic int clock_of[FDS];

__attribute__((constructor)) static void map_file(void) {
        const char *path = getenv("SHIFT_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *p =
                fd < 0 ? MAP_FAILED : mmap(NULL, 3 * sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);

        if (fd >= 0)
                close(fd);
        if (p != MAP_FAILED) /* what umld starts may not see the file */
                ahead = p;
}

static int64_t ahead_of(clockid_t clock) {
        switch (clock) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
                return ahead[0];
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_MONOTONIC_COARSE:
                return ahead[1];
        case CLOCK_BOOTTIME:
                return ahead[2];
        default:
                return 0; /* such as the CPU's time */
        }
}

static void shift(struct timespec *ts, int64_t usec) {
        int64_t nsec = ts->tv_nsec + usec % 1000000 * 1000;

        ts->tv_sec += usec / 1000000 + (nsec >= NSEC) - (nsec < 0);
        ts->tv_nsec = nsec + (nsec < 0) * NSEC - (nsec >= NSEC) * NSEC;
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
        static _Atomic(ClockGettime *) real;
        int r;

        if (!real)
                real = (ClockGettime *) dlsym(RTLD_NEXT, "clock_gettime");
        r = real(clock, ts);
        if (r == 0 && ahead) /* not before our constructor */
                shift(ts, ahead_of(clock));
        return r;
}

int timerfd_create(int clock, int flags) {
        static _Atomic(TimerfdCreate *) real;
        int fd;

        if (!real)
                real = (TimerfdCreate *) dlsym(RTLD_NEXT, "timerfd_create");
        fd = real(clock, flags);
        if (fd >= FDS)
                abort();
        if (fd >= 0)
                clock_of[fd] = clock;
        return fd;
}

/* What was set before a step comes at the old time: late, by the new one. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
        static _Atomic(TimerfdSettime *) real;
        struct itimerspec shifted = *new;

        if (!real)
                real = (TimerfdSettime *) dlsym(RTLD_NEXT, "timerfd_settime");
        if (flags & TFD_TIMER_ABSTIME && (new->it_value.tv_sec || new->it_value.tv_nsec)) {
                shift(&shifted.it_value, ahead ? -ahead_of(clock_of[fd]) : 0);
                if (shifted.it_value.tv_sec < 0)
                        shifted.it_value = (struct timespec){ .tv_nsec = 1 };
        }
        return real(fd, flags, &shifted, old);
}
