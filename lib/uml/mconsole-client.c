/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mconsole-client.c - sockets for the management console. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "basic/cleanup.h"
#include "basic/peer.h"
#include "uml/mconsole-client.h"

int mconsole_notify_listen(const char *path, uid_t owner) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int on = 1;

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        (void) unlink(path);
        if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 || chmod(path, 0600) < 0 ||
            chown(path, owner, owner) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int mconsole_notify_receive(int fd, uid_t sender, char buf[static MCONSOLE_DATAGRAM_MAX],
                            MconsoleNotify *ret) {
        struct ucred cred;
        ssize_t n = receive_from_peer(fd, buf, MCONSOLE_DATAGRAM_MAX, &cred);
        int r;

        if (n < 0)
                return n == -EAGAIN ? 0 : (int) n;
        if (cred.uid != sender)
                return -EBADMSG;
        r = mconsole_parse_notify(buf, (size_t) n, ret);
        return r < 0 ? r : 1;
}

/* Opens path below directory, component by component. */
static int open_below(const char *directory, const char *path) {
        const char *rest = startswith(path, directory);
        _cleanup_free_ char *copy = rest && *rest == '/' ? strdup(rest) : NULL;
        _cleanup_close_ int fd = -EBADF;
        char *state = NULL;

        if (!copy)
                return rest && *rest == '/' ? -ENOMEM : -EXDEV;
        fd = open(directory, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (const char *word = strtok_r(copy, "/", &state); word;
             word = strtok_r(NULL, "/", &state)) {
                int next;

                if (streq(word, ".."))
                        return -EXDEV;
                next = openat(fd, word, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                safe_close(fd);
                fd = next;
        }
        return TAKE_FD(fd);
}

enum {
        CLIENTS_MAX = 256,
};

/* Replies are sent to the sender's address, so a client needs one. An abstract one would be unknown
 * in the kernel's network namespace; a path has to be the same in both mount namespaces. */
static int bind_client(int fd, const char *clients, uid_t owner) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        for (unsigned i = 0; i < CLIENTS_MAX; i++) {
                if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%u", clients, i) >=
                    (int) sizeof(sa.sun_path))
                        return -ENAMETOOLONG;
                if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) >= 0)
                        return RET_NERRNO(lchown(sa.sun_path, owner, owner));
                if (errno != EADDRINUSE)
                        return -errno;
        }
        return -EMFILE;
}

int mconsole_close(int fd) {
        struct sockaddr_un sa = {};
        socklen_t size = sizeof(sa) - 1;

        if (fd >= 0 && getsockname(fd, (struct sockaddr *) &sa, &size) >= 0 && sa.sun_path[0])
                (void) unlink(sa.sun_path);
        return safe_close(fd);
}

static void mconsole_closep(const int *fd) {
        (void) mconsole_close(*fd);
}

int mconsole_connect(const char *directory, const char *path, uid_t owner, const char *clients) {
        _cleanup_(mconsole_closep) int fd =
                socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        _cleanup_close_ int target = -EBADF;
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        target = open_below(directory, path);
        if (target < 0)
                return target;
        if (fstat(target, &st) < 0)
                return -errno;
        if (!S_ISSOCK(st.st_mode))
                return -ENOTSOCK;
        if (st.st_uid != owner)
                return -EPERM;
        r = bind_client(fd, clients, owner);
        if (r < 0)
                return r;
        snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d", target);
        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int mconsole_send(int fd, const char *command) {
        MconsoleRequest request;
        ssize_t size = mconsole_build_request(command, &request);

        if (size < 0)
                return (int) size;
        return send(fd, &request, (size_t) size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
