/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - reports the state to the service manager. */

#include <inttypes.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/base/notify.h"

typedef enum NoticeKind {
        NOTICE_STATUS,
        NOTICE_READY,
        NOTICE_RELOADING,
        NOTICE_STOPPING,
        NOTICE_EXTEND,
        NOTICE_KINDS,
} NoticeKind;

typedef struct Notice {
        NoticeKind kind;
        char *text;
} Notice;

static struct {
        Notice queue[NOTICE_KINDS]; /* not yet accepted by the manager, oldest first */
        size_t n;
        int fd; /* 0 = not connected */
        sd_event *event;
        sd_event_source *writable, *watchdog;
        usec_t feed_every;
} manager;

/* ---- one datagram ---- */

static int manager_address(struct sockaddr_un *ret, socklen_t *ret_size) {
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;

        if (n == 0)
                return -ENOENT;
        if ((path[0] != '/' && path[0] != '@') || n < 2 || n > sizeof(ret->sun_path))
                return -EPROTO;
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path, path, n);
        *ret_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n);
        if (path[0] == '@')
                ret->sun_path[0] = '\0';
        else if (n < sizeof(ret->sun_path))
                ++*ret_size; /* the NUL */
        return 0;
}

static void hang_up(void) {
        manager.writable = sd_event_source_disable_unref(manager.writable);
        safe_close(manager.fd);
        manager.fd = 0;
}

/* The socket is connected, because only then the kernel reports when the receiver's queue has room
 * again. */
static int connect_manager(void) {
        _cleanup_close_ int fd = -EBADF;
        struct sockaddr_un address;
        socklen_t size;
        int r = manager_address(&address, &size);

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, size) < 0)
                return -errno;
        manager.fd = TAKE_FD(fd);
        return 0;
}

/* -EAGAIN: the manager's queue is full. */
static int transmit(const char *text) {
        int r = 0;

        for (int i = 0; i < 2; i++) {
                if (manager.fd <= 0 && (r = connect_manager()) < 0)
                        return r;
                if (send(manager.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                        return 0;
                r = -errno;
                if (r == -EAGAIN)
                        return r;
                hang_up(); /* there may be a new manager, with a new socket of that name */
        }
        return r;
}

/* ---- the queue ---- */

/* A detached umld reports to umlctl until it is ready; after that nobody is listening. With
 * WatchdogSec= there is always a service manager. */
static bool listener_is_gone(int error) {
        return (error == -ECONNREFUSED || error == -ENOENT) && !getenv("WATCHDOG_USEC");
}

static void log_lost(NoticeKind kind, int error) {
        if (listener_is_gone(error)) {
                log_debug_errno(error, "nobody is listening to notifications any more: %m");
                (void) unsetenv("NOTIFY_SOCKET");
        } else if (kind == NOTICE_READY) {
                log_warning_errno(error,
                                  "cannot notify the service manager that the guest is ready: %m");
        }
}

static void drop(size_t i) {
        free(manager.queue[i].text);
        manager.n--;
        memmove(&manager.queue[i], &manager.queue[i + 1], (manager.n - i) * sizeof(Notice));
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static void watch(void) {
        if (!manager.writable && manager.event)
                (void) sd_event_add_io(manager.event, &manager.writable, manager.fd, EPOLLOUT,
                                       on_writable, NULL);
}

static void flush(void) {
        while (manager.n > 0) {
                int r = transmit(manager.queue[0].text);

                if (r == -EAGAIN) {
                        watch();
                        return;
                }
                if (r < 0)
                        log_lost(manager.queue[0].kind, r);
                drop(0);
        }
        manager.writable = sd_event_source_disable_unref(manager.writable);
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        flush();
        return 0;
}

static void tell(NoticeKind kind, char *text) {
        if (!text || !getenv("NOTIFY_SOCKET")) {
                free(text);
                return;
        }
        for (size_t i = 0; i < manager.n; i++)
                if (manager.queue[i].kind == kind)
                        drop(i);
        manager.queue[manager.n++] = (Notice){ kind, text };
        flush();
}

/* ---- the watchdog ---- */

/* umld-keeper has no watchdog of its own: it starts umld again when that has killed itself. */
static void set_alarm(void) {
        char comm[16];

        if (streq(process_comm(getppid(), comm), "umld-keeper"))
                (void) alarm((unsigned) (2 * manager.feed_every / USEC_PER_SEC) + 1);
        else
                (void) alarm(0); /* nobody would start it */
}

static void feed(void) {
        set_alarm();
        flush();
        if (manager.n == 0)
                (void) transmit("WATCHDOG=1");
}

static int on_watchdog(sd_event_source *s, uint64_t usec, void *userdata) {
        feed();
        (void) sd_event_source_set_time(s, usec_add(now_usec(CLOCK_MONOTONIC), manager.feed_every));
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* Between one half and three quarters of the timeout, so that this may coincide with another
 * wake-up of the loop. */
int notify_attach(sd_event *event) {
        uint64_t limit;
        int r = sd_watchdog_enabled(false, &limit);

        manager.event = sd_event_ref(event);
        if (r <= 0)
                return r;
        manager.feed_every = limit / 2;
        feed();
        r = sd_event_add_time(event, &manager.watchdog, CLOCK_MONOTONIC,
                              usec_add(now_usec(CLOCK_MONOTONIC), manager.feed_every), limit / 4,
                              on_watchdog, NULL);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(manager.watchdog, "watchdog");
        return sd_event_source_set_priority(manager.watchdog, SD_EVENT_PRIORITY_IMPORTANT);
}

void notify_detach(void) {
        flush();
        hang_up();
        manager.watchdog = sd_event_source_disable_unref(manager.watchdog);
        manager.event = sd_event_unref(manager.event);
}

/* ---- the notifications ---- */

void notify_status(const char *text) {
        tell(NOTICE_STATUS, strfmt("STATUS=%s", text));
}

void notify_ready(void) {
        tell(NOTICE_READY, strfmt("READY=1"));
}

void notify_stopping(void) {
        tell(NOTICE_STOPPING, strfmt("STOPPING=1"));
}

void notify_reloading(void) {
        tell(NOTICE_RELOADING,
             strfmt("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_usec(CLOCK_MONOTONIC)));
}

void notify_extend_timeout(usec_t by) {
        tell(NOTICE_EXTEND, strfmt("EXTEND_TIMEOUT_USEC=%" PRIu64, by));
}
