/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy.c - listening sockets, and a systemd-socket-proxyd for each while it is needed.
 *
 * umld holds the socket for as long as the host is set up for the guest. While no relay is running
 * it waits for a connection there; the relay then inherits the socket (LISTEN_FDS), accepts this
 * and all later connections itself, and exits after it has been idle for a while, so that an idle
 * port costs no memory. A connection made while the guest is not ready waits in the socket's
 * backlog: to a client a restart is a delay. When the guest ends, the relays end.
 *
 * A relay runs under an umld-init of its own, like the guest's kernel: an unprivileged user, which
 * is not the guest's, no capabilities, no_new_privs, a PID namespace. One that fails is restarted
 * with increasing delays; the socket is kept. It outlives umld as the guest does, and no longer
 * than that: proxy-adopt.c. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "basic/as-owner.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/sandbox.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/net/proxy-parts.h"
#include "host/init-protocol.h"

#define IDLE_TIME "30s" /* for --exit-idle-time */

const char *proxy_program(void) {
        static const char *const places[] = { PROXY_PROGRAM,
                                              "/usr/lib/systemd/systemd-socket-proxyd" };

        FOREACH_ELEMENT (p, places)
                if (access(*p, X_OK) >= 0)
                        return *p;
        return NULL;
}

/* ---- the relay's process ---- */

/* now: what is kept of them has to be up to date before anything else happens. */
static void tell_of_change(const Proxies *all, bool now) {
        if (all->changed)
                all->changed(now, all->userdata);
}

static bool is_there(pid_t init, uint64_t start) {
        uint64_t found;

        return process_start_time(init, &found) >= 0 && found == start;
}

/* Its number may be another process's by now, which a child's cannot be. */
static void end_foreign(Proxy *p) {
        Proxies *all = p->all;

        if (is_there(p->launched.init, p->start)) {
                (void) process_signal(p->launched.init,
                                      p->launched.pid_namespace ? SIGKILL : SIGTERM);
                (void) proxies_ending(all);
                if (all->n_ending < ARRAY_SIZE(all->ending)) {
                        all->ending[all->n_ending].init = p->launched.init;
                        all->ending[all->n_ending++].start = p->start;
                }
        }
        p->launched.init = 0;
}

static void end_relay(Proxy *p) {
        bool had = p->launched.init > 0;

        p->status = sd_event_source_disable_unref(p->status);
        if (p->foreign)
                end_foreign(p);
        launch_cancel(&p->launched);
        p->foreign = false;
        p->pid = 0;
        if (had)
                tell_of_change(p->all, false);
}

size_t proxies_ending(Proxies *p) {
        for (size_t i = p->n_ending; i-- > 0;)
                if (!is_there(p->ending[i].init, p->ending[i].start))
                        p->ending[i] = p->ending[--p->n_ending];
        return p->n_ending;
}

static void set_calls(Proxy *p, bool wanted) {
        (void) sd_event_source_set_enabled(p->waiting, wanted ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void wait_for_calls(Proxy *p) {
        p->again = 0;
        set_calls(p, p->all->phase == PROXY_RELAY && p->launched.init == 0);
}

static int on_pause_over(sd_event_source *s, uint64_t usec, void *userdata) {
        wait_for_calls(userdata);
        return 0;
}

static void pause_after(Proxy *p, const char *why) {
        static const RestartRule rule = { .delay_max = 5 * USEC_PER_MINUTE,
                                          .reset = 10 * USEC_PER_MINUTE };
        usec_t now = now_usec(CLOCK_MONOTONIC),
               delay = restart_delay(&p->history, &rule, usec_sub(now, p->started));
        char text[FORWARD_TEXT_MAX];

        log_warning("Proxy=%s: systemd-socket-proxyd %s; retrying %s%s",
                    forward_format(&p->port, text), why,
                    delay > 0 ? "in " : "on the next connection",
                    delay > 0 ? FORMAT_TIMESPAN(delay) : "");
        p->again = usec_add(now, delay);
        set_calls(p, false);
        if (sd_event_source_set_time(p->pause, p->again) < 0 ||
            sd_event_source_set_enabled(p->pause, SD_EVENT_ONESHOT) < 0)
                wait_for_calls(p);
}

static void on_ended(Proxy *p, const InitMessage *m) {
        char why[80];

        end_relay(p);
        if (m->type == INIT_EXITED && WIFEXITED(m->status) && WEXITSTATUS(m->status) == 0) {
                p->history = (DeathHistory){};
                wait_for_calls(p); /* it was idle */
                return;
        }
        if (m->type == INIT_FAILED)
                snprintf(why, sizeof(why), "cannot be started: %s: %s", m->step,
                         strerror(m->error));
        else if (WIFSIGNALED(m->status))
                snprintf(why, sizeof(why), "was killed by signal %d", WTERMSIG(m->status));
        else
                snprintf(why, sizeof(why), "exited with status %d", WEXITSTATUS(m->status));
        pause_after(p, why);
}

static int on_status(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Proxy *p = userdata;
        InitMessage m;
        pid_t pid;
        int r;

        while ((r = launch_receive(fd, &m, &pid)) > 0) {
                if (m.type == INIT_STARTING) {
                        p->pid = pid;
                        tell_of_change(p->all, false);
                }
                if (m.type != INIT_EXITED && m.type != INIT_FAILED)
                        continue;
                on_ended(p, &m);
                return 0;
        }
        if (r < 0) { /* umld-init was killed */
                m = (InitMessage){ .type = INIT_EXITED, .status = SIGKILL };
                on_ended(p, &m);
        }
        return 0;
}

int proxy_follow(Proxy *p) {
        int r = sd_event_add_io(p->all->event, &p->status, p->launched.status_fd, EPOLLIN,
                                on_status, p);

        if (r >= 0)
                (void) sd_event_source_set_description(p->status, "proxy-status");
        return r;
}

/* Before a client's connection is accepted the next umld has to know of the relay, or it would end
 * with us, and the connection with it. */
static int launch(Proxy *p, const Launch *l) {
        int r = launch_prepare(l, &p->launched);

        if (r < 0)
                return r;
        (void) process_start_time(p->launched.init, &p->start);
        tell_of_change(p->all, true);
        r = launch_go(&p->launched, STDERR_FILENO, p->fd);
        if (r >= 0)
                r = proxy_follow(p);
        if (r < 0)
                end_relay(p);
        return r;
}

static int start_relay(Proxy *p) {
        const Proxies *all = p->all;
        const char *program = proxy_program();
        _cleanup_strv_ Strv argv = {}, environment = {};
        const Launch l = {
                .init = all->init,
                .argv = &argv,
                .environment = &environment,
                .uid = RELAY_UID,
                .directory = "/",
                .cgroup_fd = -EBADF,
                .mount_ns_fd = -EBADF,
                .net_ns_fd = -EBADF,
                .layers = all->pid_namespaces ? CONFINE_ALL
                                              : CONFINE_ALL & ~CONFINE_BIT(CONFINE_PID_NAMESPACE) &
                                                        ~CONFINE_BIT(CONFINE_IPC_NAMESPACE),
                .service = true,
                .outlives = true,
        };
        char address[INET_ADDRSTRLEN];
        int r;

        if ((r = strv_push(&argv, program ?: PROXY_PROGRAM)) < 0 ||
            (r = strv_push(&argv, "--exit-idle-time=" IDLE_TIME)) < 0 ||
            (r = strv_pushf(&argv, "%s:%u",
                            inet_ntop(AF_INET, &all->guest, address, sizeof(address)),
                            p->port.guest_first)) < 0 ||
            (r = strv_push(&environment, "SYSTEMD_LOG_TARGET=console")) < 0)
                return r;
        p->started = now_usec(CLOCK_MONOTONIC);
        return launch(p, &l);
}

static int on_waiting(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Proxy *p = userdata;
        int r;

        set_calls(p, false);
        r = start_relay(p);
        if (r < 0)
                pause_after(p, strerror(-r));
        return 0;
}

/* ---- ports ---- */

Proxy *proxy_free(Proxy *p) {
        if (!p)
                return NULL;
        end_relay(p);
        sd_event_source_disable_unref(p->waiting);
        sd_event_source_disable_unref(p->pause);
        safe_close(p->fd);
        free(p);
        return NULL;
}

/* For both families if the host has IPv6: then a guest without it can be reached by it as well. */
static int open_socket(uint16_t port) {
        const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
        const struct {
                const void *address;
                socklen_t size;
                int family;
        } ways[] = { { &any6, sizeof(any6), AF_INET6 }, { &any, sizeof(any), AF_INET } };
        int r = -EAFNOSUPPORT, on = 1, off = 0;

        FOREACH_ELEMENT (w, ways) {
                _cleanup_close_ int fd =
                        socket(w->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
                    (w->family == AF_INET6 &&
                     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
                    bind(fd, w->address, w->size) < 0 || listen(fd, SOMAXCONN) < 0)
                        r = -errno;
                else
                        return TAKE_FD(fd);
                if (r == -EADDRINUSE || r == -EACCES)
                        break;
        }
        return r;
}

static Proxy *find_port(Proxy *const *list, size_t n, uint16_t host_port) {
        for (size_t i = 0; i < n; i++)
                if (list[i]->port.host_first == host_port)
                        return list[i];
        return NULL;
}

static int make_sources(Proxy *p) {
        sd_event *event = p->all->event;
        int r;

        if ((r = sd_event_add_io(event, &p->waiting, p->fd, EPOLLIN, on_waiting, p)) < 0 ||
            (r = sd_event_add_time(event, &p->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over, p)) <
                    0 ||
            (r = sd_event_source_set_enabled(p->pause, SD_EVENT_OFF)) < 0)
                return r;
        (void) sd_event_source_set_description(p->waiting, "proxy-clients");
        (void) sd_event_source_set_description(p->pause, "proxy-pause");
        wait_for_calls(p);
        return 0;
}

int proxy_open(Proxies *all, const Forward *port, int fd, Proxy **ret) {
        _cleanup_close_ int owned = fd;
        _cleanup_(proxy_freep) Proxy *p = fd < 0 ? NULL : calloc(1, sizeof(*p));
        int r;

        if (!p)
                return fd < 0 ? fd : -ENOMEM;
        p->all = all;
        p->port = *port;
        p->launched = LAUNCHED_NONE;
        p->fd = TAKE_FD(owned);
        r = make_sources(p);
        if (r >= 0)
                *ret = TAKE_PTR(p);
        return r;
}

/* If only the destination changes, the socket is kept. */
static int proxy_new(Proxies *all, const Forward *port, const Proxy *before, Proxy **ret) {
        int fd = before ? RET_NERRNO(fcntl(before->fd, F_DUPFD_CLOEXEC, 0))
                        : open_socket(port->host_first);

        return proxy_open(all, port, fd, ret);
}

/* The new list of ports: for each the existing one, or a new one. */
static int make_ports(Proxies *all, const Forward *list, size_t n, Proxy **next, size_t *ret_n,
                      uint16_t *ret_port) {
        for (size_t i = 0; i < n; i++)
                for (unsigned k = 0; k <= list[i].host_last - (unsigned) list[i].host_first; k++) {
                        uint16_t host = (uint16_t) (list[i].host_first + k),
                                 guest = (uint16_t) (list[i].guest_first + k);
                        const Forward port = { FORWARD_TCP, host, host, guest };
                        Proxy *before = find_port(all->ports, all->n, host);
                        int r;

                        if (before && before->port.guest_first == guest)
                                next[*ret_n] = before;
                        else if ((r = proxy_new(all, &port, before, &next[*ret_n])) < 0) {
                                *ret_port = host;
                                return r;
                        }
                        (*ret_n)++;
                }
        return 0;
}

/* Frees what is in list and not in others. */
static void free_ports(Proxy **list, size_t n, Proxy *const *others, size_t n_others) {
        for (size_t i = 0; i < n; i++) {
                bool kept = false;

                for (size_t k = 0; k < n_others && !kept; k++)
                        kept = others[k] == list[i];
                if (!kept)
                        proxy_free(list[i]);
        }
        free(list);
}

int proxies_prepare(Proxies *p, const Forward *list, size_t n, struct in_addr guest,
                    uint16_t *ret_port) {
        size_t room = 1, n_next = 0;
        Proxy **next;
        int r;

        for (size_t i = 0; i < n; i++)
                room += list[i].host_last - list[i].host_first + 1U;
        next = calloc(room, sizeof(*next));
        if (!next)
                return -ENOMEM;
        p->guest = guest;
        r = make_ports(p, list, n, next, &n_next, ret_port);
        if (r < 0) {
                free_ports(next, n_next, p->ports, p->n);
                return r;
        }
        p->next = next;
        p->n_next = n_next;
        return 0;
}

/* The guest's umld-init has these sockets as well, and closes them a moment later: nobody is to
 * find the ports in use until then. A relay takes this for a fault; its end is waited for anyway.
 */
static void stop_listening(const Proxies *p) {
        for (size_t i = 0; i < p->n; i++) {
                const Proxy *port = p->ports[i];

                if (port->launched.init == 0 &&
                    !find_port(p->next, p->n_next, port->port.host_first))
                        (void) shutdown(port->fd, SHUT_RDWR);
        }
}

void proxies_commit(Proxies *p) {
        stop_listening(p);
        free_ports(p->ports, p->n, p->next, p->n_next);
        p->ports = TAKE_PTR(p->next);
        p->n = p->n_next;
        p->n_next = 0;
        tell_of_change(p, false);
}

void proxies_abandon(Proxies *p) {
        free_ports(p->next, p->n_next, p->ports, p->n);
        p->next = NULL;
        p->n_next = 0;
}

void proxies_close(Proxies *p) {
        proxies_abandon(p);
        proxies_commit(p);
}

void proxies_set_phase(Proxies *p, ProxyPhase phase) {
        p->phase = phase;
        for (size_t i = 0; i < p->n; i++) {
                Proxy *port = p->ports[i];

                if (phase == PROXY_HOLD)
                        end_relay(port);
                if (port->again == 0 || phase != PROXY_RELAY)
                        wait_for_calls(port);
        }
}

size_t proxies_count(const Proxies *p) {
        return p->n;
}

const char *proxies_text(const Proxies *p, size_t i, char buf[static PROXY_TEXT_MAX]) {
        const Proxy *port = p->ports[i];
        char text[FORWARD_TEXT_MAX], state[40] = "waiting for a connection";

        if (port->pid > 0)
                snprintf(state, sizeof(state), "running, pid %d", (int) port->pid);
        else if (p->phase != PROXY_RELAY)
                snprintf(state, sizeof(state), "waiting for the guest");
        else if (port->again > 0)
                snprintf(state, sizeof(state), "failed, retrying in %s",
                         FORMAT_TIMESPAN(usec_sub(port->again, now_usec(CLOCK_MONOTONIC)) /
                                         USEC_PER_SEC * USEC_PER_SEC));
        snprintf(buf, PROXY_TEXT_MAX, "%s (%s)", forward_format(&port->port, text), state);
        return buf;
}

void proxies_on_change(Proxies *p, void (*changed)(bool now, void *userdata), void *userdata) {
        p->changed = changed;
        p->userdata = userdata;
}

int proxies_new(sd_event *event, const char *init, bool pid_namespaces, Proxies **ret) {
        Proxies *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(event);
        p->init = init;
        p->pid_namespaces = pid_namespaces;
        *ret = p;
        return 0;
}

Proxies *proxies_free(Proxies *p) {
        if (!p)
                return NULL;
        p->changed = NULL;
        proxies_close(p);
        sd_event_unref(p->event);
        free(p);
        return NULL;
}
