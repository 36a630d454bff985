/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-client.c - talks to umld over a guest's control socket. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/peer.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/bus-value.h"
#include "umlctl/say.h"
#include "umlctl/ssh-session.h"

/* The address of a socket. A path that is too long for it is reached through its directory in
 * *ret_dir, which has to stay open until connect(). */
static int socket_address(const char *path, struct sockaddr_un *ret, int *ret_dir) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int dir = -EBADF;

        if (strlen(path) >= sizeof(sa.sun_path)) {
                _cleanup_free_ char *parent = strdup(path);
                char *slash = parent ? strrchr(parent, '/') : NULL;

                if (!slash)
                        return -ENOMEM;
                *slash = '\0';
                dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        return -errno;
                snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir, slash + 1);
        } else
                strcpy(sa.sun_path, path);
        *ret = sa;
        *ret_dir = TAKE_FD(dir);
        return 0;
}

static int connect_socket(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        _cleanup_close_ int dir = -EBADF;
        struct sockaddr_un sa;
        int r;

        if (fd < 0)
                return -errno;
        r = socket_address(path, &sa, &dir);
        if (r < 0)
                return r;
        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0) {
                if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
                        return -ENOENT;
                if (errno == EPERM)
                        return -EACCES;
                return errno == EINTR ? -EAGAIN : -errno;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int bus_begin(const char *name, sd_bus **ret, pid_t *ret_pid) {
        _cleanup_free_ char *path = umld_path(DIR_RUNTIME, name, "bus");
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!path)
                return -ENOMEM;
        r = connect_socket(path, &fd);
        if (r >= 0) {
                *ret_pid = peer_of(fd).pid;
                r = sd_bus_new(&bus);
        }
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0)
                return r;
        (void) TAKE_FD(fd);
        /* Otherwise ending the event loop would wait for a reply that a silent umld never sends. */
        r = sd_bus_set_close_on_exit(bus, false);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* Maps the many ways in which the peer can be gone to one error. */
int bus_fold_hangup(int r) {
        return r == -EPIPE || r == -ENOTCONN || r == -ECONNREFUSED ? -ECONNRESET : r;
}

int bus_connect(const char *name, usec_t limit, sd_bus **ret, pid_t *ret_pid) {
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), limit);
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        *ret_pid = 0;
        while ((r = bus_begin(name, &bus, ret_pid)) == -EAGAIN) {
                if (now_usec(CLOCK_MONOTONIC) >= deadline)
                        return -ETIMEDOUT;
                usleep(BUS_RETRY);
        }
        if (r < 0)
                return bus_fold_hangup(r);
        /* sd_bus_call() would wait for the authentication with a timeout of its own, so it is done
         * here. */
        while ((r = sd_bus_is_ready(bus)) == 0) {
                usec_t now;

                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return bus_fold_hangup(r);
                if (r > 0)
                        continue;
                now = now_usec(CLOCK_MONOTONIC);
                if (now >= deadline)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, deadline - now);
                if (r < 0 && r != -EINTR)
                        return bus_fold_hangup(r);
        }
        if (r < 0)
                return bus_fold_hangup(r);
        *ret = TAKE_PTR(bus);
        return 0;
}

int bus_new_get_all(sd_bus *bus, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH,
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", UMLD_BUS_INTERFACE);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

int bus_get_properties(sd_bus *bus, usec_t limit, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = bus_new_get_all(bus, &m);
        if (r >= 0)
                r = sd_bus_call(bus, m, limit, NULL, &reply);
        return r < 0 ? bus_fold_hangup(r) : bus_read_properties(reply, ret);
}

int bus_call_method(sd_bus *bus, const char *method, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           method);
        if (r >= 0)
                r = sd_bus_call(bus, m, BUS_ORDER_LIMIT, ret_error, NULL);
        return r < 0 ? bus_fold_hangup(r) : 0;
}

void bus_hand_over_session(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *session = ssh_session_find();
        int r;

        if (!session)
                return;
        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_GUARD);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", session);
        /* The request itself is what matters, and sshd's ports are guarded anyway. */
        if (r >= 0)
                (void) sd_bus_call(bus, m, BUS_ORDER_LIMIT, NULL, NULL);
}

int bus_error_exit_code(const sd_bus_error *error, int r) {
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) ||
            r == -EACCES || r == -EPERM)
                return EXIT_NOT_PERMITTED;
        return sd_bus_error_has_name(error, UMLD_ERROR_BAD_CONFIG) ? EXIT_USAGE : EXIT_FAILED;
}

char *bus_connect_error_text(int r, pid_t pid) {
        _cleanup_free_ char *who =
                pid > 0 ? strfmt("umld (process %d)", (int) pid) : strdup("umld");

        if (!who)
                return NULL;
        if (r == -EACCES)
                return strdup("permission denied: the control socket is open to root and group "
                              "umld only");
        if (r == -ETIMEDOUT)
                return pid > 0 ? strfmt("umld does not respond on the control socket; to replace "
                                        "it: kill -KILL %d (under systemd, that also restarts the "
                                        "guest)",
                                        (int) pid)
                               : strdup("umld does not respond on the control socket");
        if (r == -ECONNRESET)
                return strfmt("%s closed the connection on the control socket", who);
        return strfmt("cannot talk to %s: %s", who, strerror(-r));
}

int bus_connect_fail(const char *name, int r, pid_t pid) {
        _cleanup_free_ char *text = bus_connect_error_text(r, pid);

        return fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: %s", name,
                         text ?: "out of memory");
}

const char *prop_string(const json_t *props, const char *name) {
        return json_string_value(json_object_get(props, name));
}

uint64_t prop_number(const json_t *props, const char *name) {
        return (uint64_t) json_integer_value(json_object_get(props, name));
}
