/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy-adopt.c - ports and the relays that are running, while umld is replaced by its successor.
 *
 * The guest's umld-init keeps the sockets, so that whoever connects meanwhile waits, and for each
 * relay our end of the socket to its umld-init. That one ends when nobody has this end any longer:
 * a relay lasts for as long as umld or the guest's umld-init does, and what it says of its end is
 * still there for the next umld. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/net/proxy-parts.h"

#define KEY "proxy."

static void put(Keeper *k, const char *what, uint16_t port, int fd) {
        char name[STORE_NAME_MAX];

        snprintf(name, sizeof(name), "%s-%u", what, port);
        keeper_put(k, name, fd);
}

static void save_port(const Proxy *p, const SavedText *t, Keeper *k) {
        const Launched *l = &p->launched;
        uint16_t port = p->port.host_first;
        char key[16];

        snprintf(key, sizeof(key), KEY "%u", port);
        saved_putf(t, key, "%u %d %" PRIu64 " %d %d %" PRIu64, p->port.guest_first, (int) l->init,
                   p->start, l->pid_namespace, (int) p->pid, p->started);
        put(k, "listen", port, p->fd);
        put(k, "relay", port, l->init > 0 ? l->status_fd : -EBADF);
}

void proxies_save(const Proxies *p, const SavedText *t, Keeper *k) {
        for (size_t i = 0; i < p->n; i++)
                save_port(p->ports[i], t, k);
}

/* ---- as the successor ---- */

/* Our predecessor may have died between leaving it to us and letting it start, and its clients
 * would wait for ever. One that has been let start does not read this. */
static void let_start(const Proxy *p) {
        if (p->pid <= 0)
                (void) launch_go(&p->launched, STDERR_FILENO, p->fd);
}

/* It may have ended meanwhile, and says so itself. */
static int take_relay(Proxy *p, int fd) {
        _cleanup_close_ int owned = fd;
        int r = fd < 0 || p->launched.init <= 0 ? -ENOENT : fd_nonblock(fd, true);

        if (r < 0) {
                p->launched = LAUNCHED_NONE;
                p->pid = 0;
                return r;
        }
        p->launched.status_fd = TAKE_FD(owned);
        p->foreign = !process_is_child(p->launched.init);
        let_start(p);
        r = sd_event_source_set_enabled(p->waiting, SD_EVENT_OFF);
        return r < 0 ? r : proxy_follow(p);
}

static int take_port(Proxies *all, Adoption *a, uint16_t host, const char *text) {
        _cleanup_(proxy_freep) Proxy *p = NULL;
        int init = 0, pid = 0, namespaced = 0, r;
        uint64_t start = 0, started = 0;
        Proxy **ports;
        unsigned guest;

        if (sscanf(text, "%u %d %" SCNu64 " %d %d %" SCNu64, &guest, &init, &start, &namespaced,
                   &pid, &started) != 6 ||
            guest == 0 || guest > UINT16_MAX)
                return -EBADMSG;
        r = proxy_open(all, &(const Forward){ FORWARD_TCP, host, host, (uint16_t) guest },
                       adoption_takef(a, "listen-%u", host), &p);
        if (r < 0)
                return r;
        p->launched.init = init;
        p->launched.pid_namespace = namespaced;
        p->start = start;
        p->pid = pid;
        p->started = started;
        r = take_relay(p, adoption_takef(a, "relay-%u", host));
        if (r < 0 && r != -ENOENT)
                return r;
        ports = reallocarray(all->ports, all->n + 1, sizeof(*ports));
        if (!ports)
                return -ENOMEM;
        all->ports = ports;
        all->ports[all->n++] = TAKE_PTR(p);
        return 0;
}

void proxies_adopt(Proxies *p, Adoption *a) {
        p->phase = PROXY_FINISH; /* until the guest's own phase is known */
        for (size_t i = 0; i < a->saved->keys.n; i++) {
                const char *key = a->saved->keys.v[i];
                uint64_t port;
                int r;

                if (strncmp(key, KEY, strlen(KEY)) != 0 ||
                    parse_unsigned(key + strlen(KEY), 1, UINT16_MAX, &port) < 0)
                        continue;
                r = take_port(p, a, (uint16_t) port, a->saved->values.v[i]);
                if (r < 0)
                        log_warning_errno(r,
                                          "Proxy=: the relay of tcp/%u and its connections "
                                          "cannot be taken over: %m",
                                          (unsigned) port);
        }
}
