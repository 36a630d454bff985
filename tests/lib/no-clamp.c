/* SPDX-License-Identifier: GPL-2.0-or-later */
/* no-clamp.c - preloaded: what makes TCP segments fit the path is asked for by names that no kernel
 * knows, so that this one answers as one does that lacks it: the legacy tables "mangle", and the
 * expression of nf_tables that writes options of TCP. */

#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TABLE      "mangle"
#define EXPRESSION "exthdr"

/* Of all names of that length, the one that nobody has. */
static const char nobodys[] = "xxxxxx";

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size) {
        int tables = (level == IPPROTO_IP || level == IPPROTO_IPV6) &&
                     (option == IPT_SO_GET_INFO || option == IPT_SO_GET_ENTRIES) &&
                     strcmp(value, TABLE) == 0;
        int r;

        if (tables)
                memcpy(value, nobodys, strlen(nobodys));
        r = (int) syscall(SYS_getsockopt, fd, level, option, value, size);
        if (tables)
                memcpy(value, TABLE, strlen(TABLE));
        return r;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        for (size_t i = 0; i < message->msg_iovlen; i++) {
                char *at = message->msg_iov[i].iov_base, *end = at + message->msg_iov[i].iov_len;

                while ((at = memmem(at, (size_t) (end - at), EXPRESSION, sizeof(EXPRESSION))))
                        memcpy(at, nobodys, strlen(nobodys));
        }
        return syscall(SYS_sendmsg, fd, message, flags);
}
