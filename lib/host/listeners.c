/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listeners.c - listening sockets, and their owners from /proc/PID/fd.
 *
 * sock_diag walks listening sockets only. The text tables in /proc/net, which are the fallback for
 * kernels and containers without it, walk the hash of all connections of the machine as well: with
 * much memory that hash is large, and reading an empty table takes milliseconds. */

#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>

#include "basic/process.h"

#include "host/listeners.h"
#include "host/sock-diag.h"

#define STATE_LISTEN  0x0a
#define STATE_UNBOUND 0x07  /* for UDP: bound, but not connected */
#define UDP_PORTS_END 32768 /* start of the kernel's default range of ephemeral ports */

/* Can other machines reach it? */
static bool callable4(struct in_addr a) {
        return ntohl(a.s_addr) >> 24 != IN_LOOPBACKNET;
}

/* The same for IPv6; also says which families reach it. */
static bool callable6(const struct in6_addr *a, ForwardFamily *ret) {
        *ret = IN6_IS_ADDR_UNSPECIFIED(a) ? FORWARD_BOTH : FORWARD_IPV6;
        if (!IN6_IS_ADDR_V4MAPPED(a))
                return !IN6_IS_ADDR_LOOPBACK(a);
        *ret = FORWARD_IPV4;
        return callable4((struct in_addr){ a->s6_addr32[3] });
}

/* Parses an address as printed in the tables: each word as a number, so in host byte order. */
static bool callable(const char *hex, ForwardFamily *ret) {
        struct in6_addr a;
        uint32_t *word = a.s6_addr32;

        if (strlen(hex) == 8 && sscanf(hex, "%8" SCNx32, word) == 1) {
                *ret = FORWARD_IPV4;
                return callable4((struct in_addr){ word[0] });
        }
        return sscanf(hex, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32, word, word + 1,
                      word + 2, word + 3) == 4 &&
               callable6(&a, ret);
}

static int add(Listener **list, size_t *n, const Listener *l) {
        Listener *grown;

        if (l->port == 0 || (l->protocol == FORWARD_UDP && l->port >= UDP_PORTS_END))
                return 0;
        grown = reallocarray(*list, *n + 1, sizeof(*l));
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
                if (state != wanted || !callable(address, &l.family))
                        continue;
                l.port = (uint16_t) port;
                l.uid = uid;
                r = add(list, n, &l);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- sources ---- */

typedef struct Source {
        int family;
        unsigned protocol;
        const char *table;
} Source;

/* TCP first, see listeners_read(). */
static const Source sources[] = {
        { AF_INET, FORWARD_TCP, "/proc/self/net/tcp" },
        { AF_INET6, FORWARD_TCP, "/proc/self/net/tcp6" },
        { AF_INET, FORWARD_UDP, "/proc/self/net/udp" },
        { AF_INET6, FORWARD_UDP, "/proc/self/net/udp6" },
};

typedef struct Collection {
        unsigned protocol;
        Listener **list;
        size_t *n;
} Collection;

static int on_socket(const struct inet_diag_msg *m, uint64_t cgroup, void *userdata) {
        const Collection *c = userdata;
        Listener l = { .protocol = c->protocol,
                       .family = FORWARD_IPV4,
                       .port = ntohs(m->id.idiag_sport),
                       .uid = m->idiag_uid,
                       .inode = m->idiag_inode,
                       .cgroup = cgroup };
        struct in6_addr a;

        memcpy(&a, m->id.idiag_src, sizeof(a));
        if (m->idiag_family == AF_INET6 ? !callable6(&a, &l.family)
                                        : !callable4((struct in_addr){ a.s6_addr32[0] }))
                return 0;
        return add(c->list, c->n, &l);
}

static int read_table(const Source *s, Listener **list, size_t *n) {
        _cleanup_fclose_ FILE *f = fopen(s->table, "re");

        if (!f) /* kernels without IPv6 */
                return errno == ENOENT && s->family == AF_INET6 ? 0 : -errno;
        return listeners_parse(f, s->protocol, list, n);
}

static int read_source(const Source *s, Listener **list, size_t *n) {
        bool tcp = s->protocol == FORWARD_TCP;
        Collection c = { s->protocol, list, n };
        size_t before = *n;
        int r;

        r = sock_diag_foreach(s->family, tcp ? IPPROTO_TCP : IPPROTO_UDP,
                              1U << (tcp ? STATE_LISTEN : STATE_UNBOUND), on_socket, &c);
        if (r >= 0 || r == -ENOMEM)
                return r;
        *n = before;
        return read_table(s, list, n);
}

int listeners_read(unsigned protocols, Listener **ret, size_t *ret_n) {
        _cleanup_free_ Listener *list = NULL;
        size_t n = 0;

        FOREACH_ELEMENT (s, sources) {
                int r = s->protocol & protocols ? read_source(s, &list, &n) : 0;

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

/* ---- owners ---- */

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

int listeners_owners(const Listener *list, size_t n, OwnerWanted wanted, Owner *owners) {
        _cleanup_closedir_ DIR *d = opendir("/proc");
        bool hidden = false;
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
                if (wanted && !wanted(pid, comm))
                        continue;
                if (process_is_hidden(pid))
                        hidden = true;
                else
                        left -= look_into(pid, comm, list, n, owners);
        }
        return left > 0 && hidden ? listener_units(list, n, wanted, owners) : 0;
}
