/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listeners.c - listening sockets from /proc/net, and their owners from /proc/PID/fd.
 *
 * Uses the text tables instead of sock_diag, because that would load a module into a host's kernel
 * that does not have it loaded, and is often not available in containers. Listening TCP sockets
 * come first, so that the connections of a busy server, which follow, cost nothing. */

#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>

#include "basic/process.h"

#include "host/listeners.h"

#define STATE_LISTEN  0x0a
#define STATE_UNBOUND 0x07  /* for UDP: bound, but not connected */
#define UDP_PORTS_END 32768 /* start of the kernel's default range of ephemeral ports */

/* Can other machines reach this IPv4 address, as printed in the tables? */
static bool callable4(const char *hex) {
        unsigned word;

        return sscanf(hex, "%8x", &word) == 1 && ntohl(word) >> 24 != IN_LOOPBACKNET;
}

/* The same for either family. Each word of IPv6 is printed as a number, so in host byte order. */
static bool callable(const char *hex, ForwardFamily *ret) {
        size_t n = strlen(hex);
        unsigned word, last;

        if (n == 8) {
                *ret = FORWARD_IPV4;
                return callable4(hex);
        }
        if (n != 32 || sscanf(hex + 16, "%8x%8x", &word, &last) != 2)
                return false;
        *ret = strspn(hex, "0") == n ? FORWARD_BOTH : FORWARD_IPV6;
        if (strncmp(hex, "0000000000000000", 16) != 0 || *ret == FORWARD_BOTH)
                return true;
        if (ntohl(word) != 0xffff)
                return word != 0 || ntohl(last) != 1; /* ::1 */
        *ret = FORWARD_IPV4;                          /* IPv4-mapped */
        return callable4(hex + 24);
}

static int add(Listener **list, size_t *n, const Listener *l) {
        Listener *grown = reallocarray(*list, *n + 1, sizeof(*l));

        if (!grown)
                return -ENOMEM;
        *list = grown;
        grown[(*n)++] = *l;
        return 0;
}

int listeners_parse(FILE *table, unsigned protocol, Listener **list, size_t *n) {
        unsigned wanted = protocol == FORWARD_TCP ? STATE_LISTEN : STATE_UNBOUND;
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        if (getline(&line, &size, table) < 0) /* the header */
                return 0;
        while (getline(&line, &size, table) >= 0) {
                Listener l = { .protocol = protocol };
                unsigned port, state, uid;
                char address[33];
                int r;

                if (sscanf(line,
                           " %*d: %32[0-9A-F]:%4x %*32[0-9A-F]:%*4x %2x %*s %*s %*s %u %*s "
                           "%" SCNu64,
                           address, &port, &state, &uid, &l.inode) != 5)
                        continue;
                if (state != wanted && protocol == FORWARD_TCP)
                        return 0; /* connections from here on */
                if (state != wanted || !callable(address, &l.family) || port == 0 ||
                    (protocol == FORWARD_UDP && port >= UDP_PORTS_END))
                        continue;
                l.port = (uint16_t) port;
                l.uid = uid;
                r = add(list, n, &l);
                if (r < 0)
                        return r;
        }
        return 0;
}

int listeners_read(Listener **ret, size_t *ret_n) {
        static const struct {
                const char *path;
                unsigned protocol;
        } tables[] = {
                { "/proc/self/net/tcp", FORWARD_TCP },
                { "/proc/self/net/tcp6", FORWARD_TCP },
                { "/proc/self/net/udp", FORWARD_UDP },
                { "/proc/self/net/udp6", FORWARD_UDP },
        };
        _cleanup_free_ Listener *list = NULL;
        size_t n = 0;

        FOREACH_ELEMENT (t, tables) {
                _cleanup_fclose_ FILE *f = fopen(t->path, "re");
                int r;

                if (!f && errno == ENOENT && t->path[strlen(t->path) - 1] == '6')
                        continue; /* a kernel without IPv6 */
                if (!f)
                        return -errno;
                r = listeners_parse(f, t->protocol, &list, &n);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

/* Searches the descriptors of one process. Returns how many owners were found. */
static size_t look_into(pid_t pid, const char *comm, const Listener *list, size_t n,
                        Owner *owners) {
        _cleanup_closedir_ DIR *d = NULL;
        char path[32], link[64];
        struct dirent *de;
        uint64_t inode;
        size_t found = 0;

        snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        d = opendir(path);
        while (d && (de = readdir(d))) {
                ssize_t k = readlinkat(dirfd(d), de->d_name, link, sizeof(link) - 1);

                if (k <= 0)
                        continue;
                link[k] = '\0';
                if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
                        continue;
                for (size_t i = 0; i < n; i++)
                        if (list[i].inode == inode && owners[i].pid == 0) {
                                owners[i].pid = pid;
                                strcpy(owners[i].comm, comm);
                                found++;
                        }
        }
        return found;
}

int listeners_owners(const Listener *list, size_t n, bool (*wanted)(pid_t pid, const char *comm),
                     Owner *owners) {
        _cleanup_closedir_ DIR *d = opendir("/proc");
        struct dirent *de;
        size_t left = n;

        if (!d)
                return -errno;
        memset(owners, 0, n * sizeof(*owners));
        while (left > 0 && (de = readdir(d))) {
                char comm[16];
                pid_t pid;

                if (!isdigit((unsigned char) de->d_name[0]))
                        continue;
                pid = (pid_t) atoi(de->d_name);
                process_comm(pid, comm);
                for (char *c = comm; *c; c++) /* any process may call itself anything */
                        if (*c < ' ' || *c > '~')
                                *c = '?';
                if (!wanted || wanted(pid, comm))
                        left -= look_into(pid, comm, list, n, owners);
        }
        return 0;
}
