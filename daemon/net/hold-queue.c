/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-queue.c - chooses the netfilter queue of a guest.
 *
 * Queues are numbers that any program may use, so umld takes an unusual one, and chooses
 * another one if a program is bound to it. RUNTIME/NAME/queue tells other umlds which one it is. */

#include "daemon/net/hold-queue.h"
#include <dirent.h>

#include "basic/file-util.h"
#include "basic/hash.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/net/hold.h"

enum {
        QUEUE_FIRST = 32768,
        QUEUES = 16384,
        ATTEMPTS = 64,
        NUMBER_MAX = 16, /* bytes of a number */
};

static bool is_wanted(const Net *net) {
        const Config *c = net->host->config;

        return net->hold && c->hold_connections && c->n_forwards > 0 &&
               !net->lacking[NET_LACKS_HOLD];
}

static char *claim_path(const Net *net, const char *guest) {
        return strfmt("%s/%s/queue", net->host->runtime, guest);
}

/* 0 = none. */
static uint16_t claim_of(const Net *net, const char *guest) {
        _cleanup_free_ char *path = claim_path(net, guest), *text = NULL;
        uint64_t number;

        if (!path || read_file(path, NUMBER_MAX, &text) < 0 ||
            parse_unsigned(strstrip(text), 1, UINT16_MAX, &number) < 0 ||
            !host_guest_alive(guest, net->host->runtime))
                return 0;
        return (uint16_t) number;
}

static bool is_claimed(const Net *net, uint16_t number) {
        _cleanup_closedir_ DIR *d = opendir(net->host->runtime);
        bool claimed = false;
        struct dirent *de;

        while (d && !claimed && (de = readdir(d)))
                claimed = de->d_name[0] != '.' && !streq(de->d_name, net->host->config->name) &&
                          claim_of(net, de->d_name) == number;
        return claimed;
}

static int claim(const Net *net, uint16_t number) {
        _cleanup_free_ char *path = claim_path(net, net->host->config->name),
                            *text = strfmt("%u\n", number);

        return path && text ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;
}

/* The number, or an error: -EBUSY, all are taken. */
static int find_free(const Net *net) {
        const char *name = net->host->config->name;
        uint64_t hash = hash_bytes(HASH_BASIS, name, strlen(name));
        int r = -EBUSY;

        for (unsigned i = 0; r == -EBUSY && i < ATTEMPTS; i++) {
                uint16_t number = (uint16_t) (QUEUE_FIRST + (hash + i) % QUEUES);

                if (is_claimed(net, number) || number == net->hold_queue)
                        continue;
                r = hold_probe(net->hold, number);
                if (r >= 0)
                        return number;
        }
        return r;
}

void net_queue_lacking(Net *net, const char *what, int error) {
        if (net->lacking[NET_LACKS_HOLD])
                return;
        net->hold_queue = 0;
        net->lacking[NET_LACKS_HOLD] = strfmt("%s (%s): new connections do not wait while the "
                                              "guest is not ready",
                                              what, strerror(-error));
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
        if (net->hold_queue > 0 && !hold_lost_queue(net->hold))
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
        net->hold_queue = (uint16_t) r;
        hold_follow_queue(net->hold);
}

void net_queue_release(Net *net) {
        _cleanup_free_ char *path = claim_path(net, net->host->config->name);

        if (net->hold)
                hold_set_phase(net->hold, HOLD_OFF);
        net->hold_queue = 0;
        if (path)
                (void) unlink_quiet(path);
}

bool net_queue_lost(const Net *net) {
        return net->hold && net->hold_queue > 0 && hold_lost_queue(net->hold);
}
