/* SPDX-License-Identifier: GPL-2.0-or-later */
/* no-feature.c - preloaded: what a feature needs is asked for by names that no kernel knows, so
 * that this one answers as one does that lacks it. Built for each feature: a legacy table or match,
 * an expression of nf_tables, and the list of tracked connections. */

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TABLE
        #define TABLE "none"
#endif
#ifndef MATCH
        #define MATCH "none"
#endif

/* Of all names of that length, the one that nobody has. */
static const char nobodys[] = "xxxxxxxxxxxxxxxx";

static int is_tables(int level) {
        return level == IPPROTO_IP || level == IPPROTO_IPV6;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size) {
        const char *name = !is_tables(level)                                           ? NULL
                           : option == IPT_SO_GET_REVISION_MATCH                       ? MATCH
                           : option == IPT_SO_GET_INFO || option == IPT_SO_GET_ENTRIES ? TABLE
                                                                                       : NULL;
        size_t length = name && strcmp(value, name) == 0 ? strlen(name) : 0;
        int r;

        memcpy(value, nobodys, length);
        r = (int) syscall(SYS_getsockopt, fd, level, option, value, size);
        if (length > 0)
                memcpy(value, name, length);
        return r;
}

static void rename_all(char *at, size_t size, const char *name) {
        char *end = at + size;

        /* What is before a name is the upper byte of a small number. */
        for (; (at = memmem(at, (size_t) (end - at), name, strlen(name) + 1)); at++)
                if (at[-1] == '\0')
                        memcpy(at, nobodys, strlen(name));
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
        if (is_tables(level) && option == IPT_SO_SET_REPLACE)
                rename_all((char *) value, size, MATCH);
        return (int) syscall(SYS_setsockopt, fd, level, option, value, size);
}

/* Something about tracked connections, as long as the file is there that NO_LIST names. */
ssize_t send(int fd, const void *message, size_t size, int flags) {
        const struct nlmsghdr *h = message;
        const char *file = getenv("NO_LIST");
        union {
                struct nlmsghdr header;
                char bytes[512];
        } other;

        if (file && access(file, F_OK) >= 0 && size >= sizeof(*h) && size <= sizeof(other) &&
            h->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK) {
                memcpy(&other, message, size);
                other.header.nlmsg_type = NFNL_SUBSYS_COUNT << 8;
                message = &other;
        }
        return syscall(SYS_sendto, fd, message, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        for (size_t i = 0; i < message->msg_iovlen; i++)
                rename_all(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len, EXPRESSION);
        return syscall(SYS_sendmsg, fd, message, flags);
}
