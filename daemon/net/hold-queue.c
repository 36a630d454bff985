/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-queue.c - chooses the netfilter queue of a guest.
 *
 * Queues are numbers that any program may use, so umld takes an unusual one, and chooses
 * another one if a program is bound to it. RUNTIME/NAME/queue tells other umlds which one it is. */

#include <dirent.h>

#include "basic/file-util.h"
#include "basic/hash.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/net/hold-parts.h"
#include "daemon/net/hold-queue.h"
#include "host/nfqueue.h"

enum {
        QUEUE_FIRST = 32768,
        QUEUES = 16384,
        CANDIDATES = 64,
        ATTEMPTS = 4,    /* of those that seem to be free */
        NUMBER_MAX = 16, /* bytes of a number */
};

#define RETRY_AFTER (5 * USEC_PER_SEC)

/* Can this host hold packets in that queue? -EBUSY: another program has it; -EPERM: refused, and
 * nobody is seen to have it; -EOPNOTSUPP: the kernel has no such queues. */
static int probe(Hold *h, uint16_t number) {
        int r = h->bound ? 0 : hold_open_queue(h);
        uint64_t lost;

        if (r < 0 || h->bound)
                return r;
        r = nfqueue_bind(h->queue, number, 1);
        if (r >= 0)
                return nfqueue_unbind(h->queue, &lost);
        return r == -EBUSY && !nfqueue_taken(h->queue, number) ? -EPERM : r;
}

/* Is another program bound to the queue that the rules name, or was it when it was needed? */
static bool lost_queue(const Hold *h) {
        return h->queue && !h->bound && (h->lost || nfqueue_taken(h->queue, h->net->hold_queue));
}

static bool is_wanted(const Net *net) {
        const Config *c = net->host->config;

        return net->hold && c->hold_connections && c->n_forwards > 0 &&
               !net->lacking[NET_LACKS_HOLD];
}

static char *claim_path(const Net *net, const char *guest) {
        return strfmt("%s/%s/queue", net->host->runtime, guest);
}

/* The candidates begin here; those behind the last one follow from QUEUE_FIRST on. */
static unsigned first_candidate(const Net *net) {
        const char *name = net->host->config->name;

        return (unsigned) (hash_bytes(HASH_BASIS, name, strlen(name)) % QUEUES);
}

static bool is_candidate(const Net *net, uint64_t number) {
        return number >= QUEUE_FIRST && number < QUEUE_FIRST + QUEUES &&
               (number - QUEUE_FIRST + QUEUES - first_candidate(net)) % QUEUES < CANDIDATES;
}

/* 0 = none that matters. */
static uint16_t claim_of(const Net *net, const char *guest) {
        _cleanup_free_ char *path = claim_path(net, guest), *text = NULL;
        uint64_t number;

        if (!path || read_small_file(path, NUMBER_MAX, &text) < 0 ||
            parse_unsigned(strstrip(text), 1, UINT16_MAX, &number) < 0 ||
            !is_candidate(net, number) || !host_guest_alive(guest, net->host->runtime))
                return 0;
        return (uint16_t) number;
}

/* Those that are not free, one bit each from QUEUE_FIRST on. */
typedef struct Taken {
        uint8_t bits[QUEUES / 8];
} Taken;

static void mark(uint16_t number, void *userdata) {
        const unsigned n = number - QUEUE_FIRST;
        Taken *t = userdata;

        if (number >= QUEUE_FIRST && n < QUEUES)
                t->bits[n / 8] |= (uint8_t) (1U << n % 8);
}

static bool is_taken(const Taken *t, uint16_t number) {
        const unsigned n = number - QUEUE_FIRST;

        return t->bits[n / 8] & 1U << n % 8;
}

static void mark_claimed(const Net *net, Taken *t) {
        _cleanup_closedir_ DIR *d = opendir(net->host->runtime);
        struct dirent *de;

        while (d && (de = readdir(d)))
                if (de->d_name[0] != '.' && !streq(de->d_name, net->host->config->name))
                        mark(claim_of(net, de->d_name), t);
}

static int claim(const Net *net, uint16_t number) {
        _cleanup_free_ char *path = claim_path(net, net->host->config->name),
                            *text = strfmt("%u\n", number);

        return path && text ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;
}

/* The number, or an error: -EBUSY, all are taken; -EPERM, nobody is seen to have them. Other
 * guests' files and the kernel's table are read once each. A number that is free there may still be
 * refused, for the table may not be visible, but few are tried. One whose log group is taken is the
 * last resort: what nothing held when the guest ended is lost then. */
static int find_free(const Net *net) {
        unsigned first = first_candidate(net), tried = 0;
        uint16_t without_log = 0;
        Taken taken = {};
        int r = -EBUSY;

        mark_claimed(net, &taken);
        nfqueue_list(mark, &taken);
        for (unsigned i = 0; i < CANDIDATES && tried < ATTEMPTS; i++) {
                uint16_t number = (uint16_t) (QUEUE_FIRST + (first + i) % QUEUES);

                if (is_taken(&taken, number) || number == net->hold_queue)
                        continue;
                tried++;
                r = probe(net->hold, number);
                if (r >= 0 && !hold_record_taken(number))
                        return number;
                if (r >= 0 && without_log == 0)
                        without_log = number;
                if (r < 0 && r != -EBUSY && r != -EPERM)
                        return r;
        }
        return without_log > 0 ? without_log : r;
}

/* May it work a little later? */
static bool is_passing(int error) {
        return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
               error == -EAGAIN || error == -EINTR || error == -EBUSY || error == -ENOSPC ||
               error == -EDQUOT || error == -EIO;
}

void net_queue_lacking(Net *net, const char *what, int error) {
        if (net->lacking[NET_LACKS_HOLD])
                return;
        net->hold_queue = 0;
        if (is_passing(error)) {
                if (net->hold_retry == 0)
                        log_notice_errno(error,
                                         "%s at present (%m): new connections do not wait while "
                                         "the guest is not ready; retrying",
                                         what);
                net->hold_retry = usec_add(now_usec(CLOCK_MONOTONIC), RETRY_AFTER);
                return;
        }
        net->lacking[NET_LACKS_HOLD] = strfmt("%s (%s): new connections do not wait while the "
                                              "guest is not ready",
                                              what, strerror(-error));
}

bool net_queue_due(const Net *net) {
        return net->hold_retry > 0 && is_wanted(net) &&
               now_usec(CLOCK_MONOTONIC) >= net->hold_retry;
}

void net_queue_say(Net *net) {
        if (!net->lacking[NET_LACKS_HOLD] || net->hold_said)
                return;
        log_notice("%s", net->lacking[NET_LACKS_HOLD]);
        net->hold_said = true;
}

void net_queue_choose(Net *net) {
        int r;

        if (!is_wanted(net)) {
                net_queue_release(net);
                return;
        }
        if (net->hold_queue > 0 && !lost_queue(net->hold))
                return;
        r = find_free(net);
        if (r > 0) {
                int failed = claim(net, (uint16_t) r);

                if (failed < 0)
                        r = failed;
        }
        if (r < 0) {
                net_queue_lacking(net, "the host has no netfilter queue for umld", r);
                return;
        }
        if (net->hold_queue > 0)
                log_notice("another program uses netfilter queue %u: connections wait in queue %d",
                           net->hold_queue, r);
        if (net->hold_retry > 0)
                log_notice("new connections wait while the guest is not ready: netfilter queue %d",
                           r);
        net->hold_retry = 0;
        net->hold_queue = (uint16_t) r;
        hold_record_probe(net);
        hold_follow_queue(net->hold);
}

void net_queue_release(Net *net) {
        _cleanup_free_ char *path = claim_path(net, net->host->config->name);

        if (net->hold)
                hold_set_phase(net->hold, HOLD_OFF);
        net->hold_queue = 0;
        net->hold_retry = 0;
        if (path)
                (void) unlink_quiet(path);
}

bool net_queue_lost(const Net *net) {
        return net->hold && net->hold_queue > 0 && lost_queue(net->hold);
}
