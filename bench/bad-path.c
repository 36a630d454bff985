/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bad-path.c - a path with delay, loss, limited rate and a queue between two network namespaces,
 * for hosts whose kernel has no netem.
 *
 *   bad-path NETNS:IFNAME NETNS:IFNAME DELAY LOSS RATE QUEUE
 *
 * It creates a tun device in each of two namespaces of ip-netns(8); the caller gives them addresses
 * and a sufficient txqueuelen. What is sent into one device comes out of the other after DELAY
 * (such as 50ms), except for random losses with probability LOSS (such as 0.01) and for what does
 * not fit into a queue of QUEUE bytes in front of a line of RATE bits/s. The two directions are
 * alike and independent of each other. It prints "ready", runs until the end of its standard input,
 * and then prints statistics. A line on standard input is a seed: from then on the same packets, by
 * number, are lost for the same seed. */

#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

enum {
        PACKET_MAX = 2048,
        UNDER_WAY_MAX = 1 << 14, /* packets; a power of two */
        PER_TURN = 64,           /* then it is the other direction's turn */
};

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_USEC UINT64_C(1000)

typedef uint64_t nsec_t;

typedef struct Packet {
        nsec_t due; /* when it arrives */
        uint32_t size;
        uint8_t data[PACKET_MAX];
} Packet;

typedef struct Path {
        nsec_t delay;
        double loss;
        uint64_t rate; /* bits/s */
        uint64_t queue;
} Path;

typedef struct Direction {
        const Path *path;
        int from, to;
        uint64_t random;
        nsec_t line_free; /* when the line has sent all packets so far */
        Packet *packets;  /* under way: a ring, in order */
        uint64_t first, behind;
        struct {
                uint64_t packets, lost, dropped, refused;
                nsec_t latest; /* the most that a packet was delivered too late */
        } count;
} Direction;

static nsec_t now_nsec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (nsec_t) t.tv_sec * NSEC_PER_SEC + (nsec_t) t.tv_nsec;
}

/* splitmix64; 0 to below 1. */
static double draw(uint64_t *state) {
        uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return (double) ((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Bytes that wait in front of the line. */
static uint64_t backlog(const Direction *d, nsec_t now) {
        nsec_t wait = d->line_free > now ? d->line_free - now : 0;

        return (uint64_t) ((double) wait * (double) d->path->rate / 8 / NSEC_PER_SEC);
}

/* Puts the packet just read, in the ring's next slot, on its way, unless it is lost. */
static void enter(Direction *d, Packet *p, nsec_t now) {
        d->count.packets++;
        if (draw(&d->random) < d->path->loss) {
                d->count.lost++;
                return;
        }
        if (backlog(d, now) + p->size > d->path->queue ||
            d->behind - d->first == UNDER_WAY_MAX - 1) {
                d->count.dropped++;
                return;
        }
        d->line_free = MAX(d->line_free, now) + p->size * 8 * NSEC_PER_SEC / d->path->rate;
        p->due = d->line_free + d->path->delay;
        d->behind++;
}

static int take(Direction *d) {
        for (unsigned i = 0; i < PER_TURN; i++) {
                Packet *p = &d->packets[d->behind % UNDER_WAY_MAX];
                ssize_t n = read(d->from, p->data, sizeof(p->data));

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                p->size = (uint32_t) n;
                enter(d, p, now_nsec());
        }
        return 0;
}

/* Delivers what is due. A device that is down refuses packets. */
static void give(Direction *d) {
        nsec_t now = now_nsec();

        while (d->first < d->behind) {
                Packet *p = &d->packets[d->first % UNDER_WAY_MAX];

                if (p->due > now)
                        return;
                d->count.latest = MAX(d->count.latest, now - p->due);
                if (write(d->to, p->data, p->size) < 0)
                        d->count.refused++;
                d->first++;
        }
}

static nsec_t next_due(const Direction *d) {
        return d->first < d->behind ? d->packets[d->first % UNDER_WAY_MAX].due : UINT64_MAX;
}

/* 1 = there was one; 0 = no more will come. */
static int take_seed(Direction d[static 2]) {
        char line[64];
        ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
        uint64_t seed;

        if (n <= 0)
                return n < 0 ? -errno : 0;
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (parse_unsigned(line, 0, UINT64_MAX, &seed) < 0)
                return -EINVAL;
        d[0].random = seed;
        d[1].random = ~seed;
        return 1;
}

/* Until a packet comes in or is due; 1, or 0 where that is the end. */
static int wait_for_packets(Direction d[static 2]) {
        struct pollfd fds[] = { { .fd = d[0].from, .events = POLLIN },
                                { .fd = d[1].from, .events = POLLIN },
                                { .fd = STDIN_FILENO, .events = POLLIN } };
        nsec_t due = MIN(next_due(&d[0]), next_due(&d[1])), now = now_nsec(),
               left = due > now ? due - now : 0;
        const struct timespec wait = { .tv_sec = (time_t) (left / NSEC_PER_SEC),
                                       .tv_nsec = (long) (left % NSEC_PER_SEC) };

        if (ppoll(fds, ARRAY_SIZE(fds), due == UINT64_MAX ? NULL : &wait, NULL) < 0 &&
            errno != EINTR)
                return -errno;
        return fds[2].revents ? take_seed(d) : 1;
}

static int relay(Direction d[static 2]) {
        int r = 1;

        while (r > 0) {
                for (unsigned i = 0; i < 2; i++) {
                        give(&d[i]);
                        r = take(&d[i]);
                        if (r < 0)
                                return r;
                }
                r = wait_for_packets(d);
        }
        return r;
}

/* A tun device belongs to the network namespace in which /dev/net/tun was opened. */
static int open_end(const char *end) {
        struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
        const char *colon = strrchr(end, ':');
        _cleanup_free_ char *ns = NULL;
        _cleanup_close_ int ns_fd = -EBADF, fd = -EBADF;

        if (!colon || !ifname_valid(colon + 1))
                return -EINVAL;
        ns = strfmt("/run/netns/%.*s", (int) (colon - end), end);
        if (!ns)
                return -ENOMEM;
        strncpy(request.ifr_name, colon + 1, IFNAMSIZ - 1);
        ns_fd = open(ns, O_RDONLY | O_CLOEXEC);
        if (ns_fd < 0 || setns(ns_fd, CLONE_NEWNET) < 0)
                return -errno;
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int open_both(const char *a, const char *b, Direction d[static 2]) {
        int fds[] = { open_end(a), open_end(b) };

        for (unsigned i = 0; i < 2; i++) {
                if (fds[i] < 0)
                        return fds[i];
                d[i].from = fds[i];
                d[i].to = fds[!i];
                d[i].packets = calloc(UNDER_WAY_MAX, sizeof(Packet));
                if (!d[i].packets)
                        return -ENOMEM;
        }
        return 0;
}

static int parse_path(char **words, Path *ret) {
        char *end;
        usec_t delay;

        if (parse_timespan(words[0], &delay) < 0 ||
            parse_unsigned(words[2], 1000, UINT64_C(100000000000), &ret->rate) < 0 ||
            parse_size(words[3], &ret->queue) < 0)
                return -EINVAL;
        ret->loss = strtod(words[1], &end);
        if (*end || end == words[1] || !(ret->loss >= 0 && ret->loss < 1))
                return -EINVAL;
        ret->delay = delay * NSEC_PER_USEC;
        return 0;
}

static void tell(const Direction *d, const char *from) {
        printf("from %s: %" PRIu64 " packets, %" PRIu64 " lost, %" PRIu64
               " too many for the queue, %" PRIu64 " refused, at most %" PRIu64 " us late\n",
               from, d->count.packets, d->count.lost, d->count.dropped, d->count.refused,
               d->count.latest / NSEC_PER_USEC);
}

int main(int argc, char **argv) {
        const struct sched_param first = { .sched_priority = 1 };
        Direction d[2] = {};
        Path path = {};
        int r;

        if (argc != 7 || parse_path(argv + 3, &path) < 0) {
                fprintf(stderr,
                        "usage: bad-path NETNS:IFNAME NETNS:IFNAME DELAY LOSS RATE QUEUE\n");
                return 2;
        }
        d[0].path = d[1].path = &path;
        r = open_both(argv[1], argv[2], d);
        if (r < 0) {
                fprintf(stderr, "bad-path: %s\n", strerror(-r));
                return 1;
        }
        /* It shares the CPUs with what is measured. */
        (void) sched_setscheduler(0, SCHED_FIFO, &first);
        (void) prctl(PR_SET_TIMERSLACK, 1);
        puts("ready");
        (void) fflush(stdout);
        r = relay(d);
        if (r < 0)
                fprintf(stderr, "bad-path: %s\n", strerror(-r));
        tell(&d[0], argv[1]);
        tell(&d[1], argv[2]);
        return r < 0;
}
