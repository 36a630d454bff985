/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.c - the processes of one boot and their notifications. */

#include <signal.h>
#include <sys/socket.h>

#include "basic/as-owner.h"
#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/boot/process-parts.h"
#include "uml/mconsole-client.h"

enum {
        TEXT_MAX = 256,              /* of messages from the guest */
        NOTIFICATIONS_PER_TURN = 64, /* then the other event sources have their turn */
        MESSAGES_LOGGED_MAX = 20,    /* per boot, so that a guest cannot flood the host's log */
};

#define RETRY_AFTER   (100 * USEC_PER_MSEC)
#define ORPHANS_PAUSE USEC_PER_MSEC
#define ORPHANS_MAX   (5 * USEC_PER_SEC)

/* ---- messages from umld-init ---- */

static void note_layer(GuestProcess *p, const InitMessage *m) {
        if (m->status < 0 || m->status >= CONFINE_MAX)
                return;
        p->layer_errors[m->status] = -m->error;
        log_notice_errno(m->error, "confinement: the layer %s is not in force: %m",
                         confine_table[m->status].name);
}

static void read_status(GuestProcess *p) {
        InitMessage m;
        pid_t pid;

        while (launch_receive(p->launched.status_fd, &m, &pid) > 0) {
                switch ((InitMessageType) m.type) {
                case INIT_STARTING:
                        p->pid = pid;
                        p->listener.started(p->listener.userdata);
                        break;
                case INIT_EXITED:
                        p->have_status = true;
                        p->status = m.status;
                        p->pid = 0; /* may belong to another process at any moment */
                        p->listener.dying(p->listener.userdata);
                        launch_acknowledge(p->launched.status_fd);
                        break;
                case INIT_LAYER:
                        note_layer(p, &m);
                        break;
                case INIT_ALONE:
                        log_warning_errno(m.error, "the guest will not survive the death of its "
                                                   "umld, whatever AdoptTimeout= says: umld-init "
                                                   "cannot listen: %m");
                        break;
                case INIT_FAILED:
                        p->failed = true;
                        p->failure = m;
                        break;
                }
        }
}

static int on_status(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        GuestProcess *p = userdata;

        read_status(p);
        if (revents &
            (EPOLLHUP |
             EPOLLERR)) /* nothing more will come; the end itself is reported by the child event */
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

/* ---- notifications from the kernel ---- */

/* One datagram of a reply; a long reply has several and may lose its end, so each is passed on. */
static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        GuestProcess *p = userdata;
        char buf[MCONSOLE_DATAGRAM_MAX];
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        _cleanup_free_ char *text = NULL;
        MconsoleReply reply;

        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR) /* the kernel is gone, which the end of its
                                                          process will report */
                        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
                return 0;
        }
        if (mconsole_parse_reply(buf, (size_t) n, &reply) < 0)
                return 0;
        text = escape_text(reply.data, reply.len, TEXT_MAX);
        if (text)
                p->listener.answer(text, p->listener.userdata);
        return 0;
}

static void give_up_mconsole(GuestProcess *p, int error, const char *path) {
        _cleanup_free_ char *text = escape_text(path, strlen(path), TEXT_MAX);

        if (p->messages++ < MESSAGES_LOGGED_MAX)
                log_warning_errno(error, "%s: not the guest's management console, ignoring it: %m",
                                  text ?: "");
}

/* Is it a temporary lack of resources of umld or the host? */
static bool may_try_again(int error) {
        return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
               error == -EAGAIN || error == -EINTR;
}

static void connect_mconsole(GuestProcess *p);

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        connect_mconsole(userdata);
        return 0;
}

/* The kernel announces it only once. */
static int retry_later(GuestProcess *p) {
        p->retry = sd_event_source_disable_unref(p->retry);
        return sd_event_add_time_relative(sd_event_source_get_event(p->notify_source), &p->retry,
                                          CLOCK_MONOTONIC, RETRY_AFTER, 0, on_retry, p);
}

/* Connects to the console at p->wanted_path. */
static void connect_mconsole(GuestProcess *p) {
        int fd = mconsole_connect(p->uml_dir, p->wanted_path, p->uid, p->clients), r;

        if (may_try_again(fd) && retry_later(p) >= 0) {
                log_debug_errno(fd, "cannot connect to the management console yet: %m");
                return;
        }
        if (fd < 0) {
                give_up_mconsole(p, fd, p->wanted_path);
                return;
        }
        p->mconsole_source = sd_event_source_disable_unref(p->mconsole_source);
        (void) mconsole_close(p->mterminal_fd);
        p->mterminal_fd = fd;
        free(p->mconsole_path);
        p->mconsole_path = TAKE_PTR(p->wanted_path);
        r = sd_event_add_io(sd_event_source_get_event(p->notify_source), &p->mconsole_source, fd,
                            EPOLLIN, on_answer, p);
        if (r < 0)
                log_warning_errno(
                        r, "cannot watch the management console, replies will be missing: %m");
        if (!p->booted) {
                p->booted = true;
                p->listener.booted(p->listener.userdata);
        }
}

int guest_process_connect(GuestProcess *p, const char *path, size_t size) {
        char *copy = strndup(path, size);

        if (!copy)
                return -ENOMEM;
        free(p->wanted_path);
        p->wanted_path = copy;
        connect_mconsole(p);
        return 0;
}

static void take_notification(GuestProcess *p, const MconsoleNotify *n) {
        _cleanup_free_ char *text = NULL;

        if (n->type == MCONSOLE_SOCKET) {
                if (guest_process_connect(p, n->data, n->len) < 0)
                        log_warning("cannot connect to the guest's management console: out of "
                                    "memory");
                return;
        }
        text = escape_text(n->data, n->len, TEXT_MAX);
        if (!text)
                return;
        if (n->type == MCONSOLE_PANIC) {
                free(p->panic);
                p->panic = TAKE_PTR(text);
                p->listener.dying(p->listener.userdata);
        } else if (n->type == MCONSOLE_USER) {
                if (p->messages++ < MESSAGES_LOGGED_MAX)
                        log_info("message from the guest: %s", text);
                p->listener.message(text, p->listener.userdata);
        } else if (p->messages++ < MESSAGES_LOGGED_MAX)
                log_warning("the guest's watchdog reports a hang");
}

/* 0 = the queue is empty. */
static int read_notifications(GuestProcess *p, unsigned max) {
        char buf[MCONSOLE_DATAGRAM_MAX];
        int r = 1;

        while (r != 0 && max-- > 0) {
                MconsoleNotify n;

                r = mconsole_notify_receive(p->notify_fd, p->uid, buf, &n);
                if (r > 0)
                        take_notification(p, &n);
                else if (r < 0 && r != -EBADMSG)
                        return r;
        }
        return r;
}

static int on_notify(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        (void) read_notifications(userdata, NOTIFICATIONS_PER_TURN);
        return 0;
}

/* ---- end of the boot ---- */

static void finish(GuestProcess *p) {
        p->listener.ended(p->listener.userdata); /* frees p */
}

/* If umld-init itself was killed from outside, and there is no pid namespace, its children are now
 * ours. The guest has ended only when they have. */
static int on_orphans(sd_event_source *s, uint64_t usec, void *userdata) {
        GuestProcess *p = userdata;
        int n = process_kill_orphans();

        if (n > 0 && now_usec(CLOCK_MONOTONIC) < p->orphans_until &&
            sd_event_source_set_time_relative(s, ORPHANS_PAUSE) >= 0 &&
            sd_event_source_set_enabled(s, SD_EVENT_ONESHOT) >= 0)
                return 0;
        if (n != 0)
                log_warning("%d processes of the guest are still running, continuing", n);
        finish(p);
        return 0;
}

static void on_init_ended(void *userdata) {
        GuestProcess *p = userdata;

        read_status(p);
        (void) read_notifications(
                p, UINT32_MAX); /* a panic message may be queued there; bounded by the queue */
        p->ended = true;
        p->launched.init = 0;
        p->pid = 0;
        p->orphans_until = usec_add(now_usec(CLOCK_MONOTONIC), ORPHANS_MAX);
        if (p->launched.pid_namespace || process_kill_orphans() == 0 ||
            sd_event_add_time_relative(sd_event_source_get_event(p->notify_source), &p->orphans,
                                       CLOCK_MONOTONIC, ORPHANS_PAUSE, 1, on_orphans, p) < 0)
                finish(p);
}

/* ---- life cycle ---- */

GuestProcess *guest_process_free(GuestProcess *p) {
        if (!p)
                return NULL;
        init_end_free(p->init_end);
        sd_event_source_disable_unref(p->status_source);
        sd_event_source_disable_unref(p->notify_source);
        sd_event_source_disable_unref(p->mconsole_source);
        sd_event_source_disable_unref(p->retry);
        sd_event_source_disable_unref(p->orphans);
        launch_cancel(&p->launched);
        safe_close(p->notify_fd);
        (void) mconsole_close(p->mterminal_fd);
        free(p->uml_dir);
        free(p->clients);
        free(p->mconsole_path);
        free(p->wanted_path);
        free(p->panic);
        free(p);
        return NULL;
}

GuestProcess *guest_process_new(const GuestSockets *sockets, uid_t uid,
                                const GuestProcessListener *listener) {
        _cleanup_(guest_process_freep) GuestProcess *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        p->launched = LAUNCHED_NONE;
        p->notify_fd = p->mterminal_fd = -EBADF;
        p->listener = *listener;
        p->uid = uid;
        p->uml_dir = strdup(sockets->uml_dir);
        p->clients = strdup(sockets->clients);
        return p->uml_dir && p->clients ? TAKE_PTR(p) : NULL;
}

int guest_process_watch(sd_event *event, GuestProcess *p) {
        int r;

        if ((r = sd_event_add_io(event, &p->status_source, p->launched.status_fd, EPOLLIN,
                                 on_status, p)) < 0 ||
            (r = sd_event_add_io(event, &p->notify_source, p->notify_fd, EPOLLIN, on_notify, p)) <
                    0 ||
            (r = init_end_new(event, &p->launched, on_init_ended, p, &p->init_end)) < 0)
                return r;
        (void) sd_event_source_set_description(p->status_source, "guest-status");
        (void) sd_event_source_set_description(p->notify_source, "guest-notify");
        return 0;
}

/* By the umld-init that is standing by or, if that was killed, by a new one. */
static int go(const Launch *launch, Launched *standby, int output_fd, int terminal_fd,
              Launched *ret) {
        int r = -EPIPE;

        if (standby->init > 0)
                r = launch_go(standby, output_fd, terminal_fd);
        if (r < 0) {
                launch_cancel(standby);
                r = launch_prepare(launch, standby);
                if (r >= 0)
                        r = launch_go(standby, output_fd, terminal_fd);
                if (r == -EPIPE) /* it has already failed and reported why */
                        r = 0;
        }
        if (r < 0) {
                launch_cancel(standby);
                return r;
        }
        *ret = *standby;
        *standby = LAUNCHED_NONE;
        return 0;
}

int guest_process_start(sd_event *event, const Launch *launch, Launched *standby, int output_fd,
                        int terminal_fd, const GuestSockets *sockets,
                        const GuestProcessListener *listener, GuestProcess **ret) {
        _cleanup_(guest_process_freep) GuestProcess *p =
                guest_process_new(sockets, launch->uid, listener);
        int r;

        if (!p)
                return -ENOMEM;
        p->notify_fd = mconsole_notify_listen(sockets->notify, launch->uid);
        if (p->notify_fd < 0)
                return p->notify_fd;
        p->started = now_usec(CLOCK_MONOTONIC);
        p->start = moment_after(CLOCK_BOOTTIME, 0);
        r = go(launch, standby, output_fd, terminal_fd, &p->launched);
        if (r < 0)
                return r;
        r = guest_process_watch(event, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int guest_process_command(GuestProcess *p, const char *command) {
        return p->mterminal_fd < 0 ? -ENOTCONN : mconsole_send(p->mterminal_fd, command);
}

int guest_process_mconsole(GuestProcess *p) {
        return p->mconsole_path ? mconsole_connect(p->uml_dir, p->mconsole_path, p->uid, p->clients)
                                : -ENOTCONN;
}

int guest_process_signal(GuestProcess *p, int sig) {
        return p->pid <= 0 ? -ESRCH : process_signal(p->pid, sig);
}

void guest_process_kill(GuestProcess *p) {
        if (p->launched.init > 0)
                (void) process_signal(p->launched.init,
                                      p->launched.pid_namespace ? SIGKILL : SIGTERM);
}

pid_t guest_process_pid(const GuestProcess *p) {
        return p->pid;
}

bool guest_process_booted(const GuestProcess *p) {
        return p->booted;
}

usec_t guest_process_started(const GuestProcess *p) {
        return p->started;
}

usec_t guest_process_started_realtime(const GuestProcess *p) {
        return moment_realtime(&p->start);
}

bool guest_process_status(const GuestProcess *p, int *ret) {
        if (p->have_status)
                *ret = p->status;
        return p->have_status;
}

const char *guest_process_panic(const GuestProcess *p) {
        return p->panic;
}

const char *guest_process_failure(const GuestProcess *p, int *ret_errno) {
        if (!p->failed)
                return NULL;
        *ret_errno = p->failure.error;
        return p->failure.step;
}

const Launched *guest_process_containment(const GuestProcess *p) {
        return &p->launched;
}

int guest_process_layer(const GuestProcess *p, ConfineLayer layer) {
        return p->layer_errors[layer];
}

const char *guest_process_refused(const GuestProcess *p) {
        return p->failed && p->failure.status >= 0 && p->failure.status < CONFINE_MAX
                       ? confine_table[p->failure.status].name
                       : NULL;
}
