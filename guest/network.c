/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network.c - brings the network of a guest up. */

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "guest/network.h"

/* As in <linux/ipv6.h>, which does not go together with libc's headers. */
typedef struct Address6 {
        struct in6_addr address;
        uint32_t prefix;
        int interface;
} Address6;

typedef struct Interface {
        const char *name;
        int index;
        int fd, fd6; /* sockets for ioctl() */
} Interface;

static void complain(const char *what) {
        fprintf(stderr, "umld: %s: %m\n", what);
}

char *cmdline_value(const char *cmdline, const char *name) {
        size_t size = strlen(name);

        for (const char *p = cmdline; *p;) {
                p += strspn(p, " \n");
                if (strncmp(p, name, size) == 0 && p[size] == '=')
                        return strndup(p + size + 1, strcspn(p + size + 1, " \n"));
                p += strcspn(p, " \n");
        }
        return NULL;
}

static bool parse_prefix(char *text, uint64_t max, uint64_t *ret) {
        char *slash = strchr(text, '/');

        if (!slash)
                return false;
        *slash = '\0';
        return parse_unsigned(slash + 1, 0, max, ret) >= 0;
}

static void set_name(struct ifreq *r, const Interface *i) {
        *r = (struct ifreq){};
        snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", i->name);
}

static int set_inet(const Interface *i, unsigned long request, uint32_t address) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };
        struct ifreq r;

        set_name(&r, i);
        memcpy(&r.ifr_addr, &in, sizeof(in));
        return ioctl(i->fd, request, &r);
}

static int set_up(const Interface *i) {
        struct ifreq r;

        set_name(&r, i);
        if (ioctl(i->fd, SIOCGIFFLAGS, &r) < 0)
                return -1;
        r.ifr_flags |= IFF_UP;
        return ioctl(i->fd, SIOCSIFFLAGS, &r);
}

static void set_mtu(const Interface *i, const char *text) {
        uint64_t mtu;
        struct ifreq r;

        set_name(&r, i);
        if (!text || parse_unsigned(text, 68, 65535, &mtu) < 0)
                return;
        r.ifr_mtu = (int) mtu;
        if (ioctl(i->fd, SIOCSIFMTU, &r) < 0)
                complain("cannot set the MTU");
}

static void add_route(const Interface *i, const char *gateway) {
        struct sockaddr_in in = { .sin_family = AF_INET };
        struct rtentry r = { .rt_flags = RTF_UP | RTF_GATEWAY };

        memcpy(&r.rt_dst, &in, sizeof(in));
        memcpy(&r.rt_genmask, &in, sizeof(in));
        if (!gateway || inet_pton(AF_INET, gateway, &in.sin_addr) != 1)
                return;
        memcpy(&r.rt_gateway, &in, sizeof(in));
        if (ioctl(i->fd, SIOCADDRT, &r) < 0 && errno != EEXIST)
                complain("cannot set the default route");
}

static void set_address(const Interface *i, char *text, const char *gateway) {
        struct in_addr address;
        uint64_t prefix;

        if (!text || !parse_prefix(text, 32, &prefix) || inet_pton(AF_INET, text, &address) != 1)
                return;
        if (set_inet(i, SIOCSIFADDR, address.s_addr) < 0 ||
            set_inet(i, SIOCSIFNETMASK, htonl(prefix == 0 ? 0 : UINT32_MAX << (32 - prefix))) < 0)
                complain("cannot set the address");
        add_route(i, gateway);
}

static void add_route6(const Interface *i, const char *gateway) {
        struct {
                struct in6_addr destination, source, gateway;
                uint32_t type;
                uint16_t destination_prefix, source_prefix;
                uint32_t metric;
                unsigned long info;
                uint32_t flags;
                int interface;
        } r = { .metric = 1, .flags = RTF_UP | RTF_GATEWAY, .interface = i->index };

        if (gateway && inet_pton(AF_INET6, gateway, &r.gateway) == 1 &&
            ioctl(i->fd6, SIOCADDRT, &r) < 0 && errno != EEXIST)
                complain("cannot set the IPv6 default route");
}

/* Nobody else is on the link: the address need not be tried out first. */
static void set_address6(const Interface *i, char *text, const char *gateway) {
        _cleanup_free_ char *dad = strfmt("/proc/sys/net/ipv6/conf/%s/accept_dad", i->name);
        Address6 a = { .interface = i->index };
        uint64_t prefix;

        if (!text || !parse_prefix(text, 128, &prefix) ||
            inet_pton(AF_INET6, text, &a.address) != 1)
                return;
        a.prefix = (uint32_t) prefix;
        if (dad)
                (void) write_existing(dad, "0");
        if (i->fd6 < 0 || (ioctl(i->fd6, SIOCSIFADDR, &a) < 0 && errno != EEXIST))
                complain("cannot set the IPv6 address");
        add_route6(i, gateway);
}

/* ---- names ---- */

/* What a container's runtime writes as well; an image has links to nowhere in their place. */
static void write_file(const char *path, const char *text) {
        (void) unlink(path);
        if (write_file_atomic(path, text, strlen(text), 0644) < 0)
                complain(path);
}

static void write_hosts(const char *address, const char *name) {
        _cleanup_free_ char *text =
                strfmt("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n%s %s\n",
                       address ?: "127.0.1.1", name ?: "guest");

        if (text)
                write_file("/etc/hosts", text);
}

static void write_resolver(char *servers) {
        char text[512] = "";
        size_t n = 0;

        for (char *s = servers ? strsep(&servers, ",") : NULL; s; s = strsep(&servers, ","))
                n += (size_t) snprintf(text + n, sizeof(text) - n, "nameserver %.64s\n", s);
        write_file("/etc/resolv.conf", text);
}

static void up(const Interface *i, const char *cmdline) {
        _cleanup_free_ char *address = cmdline_value(cmdline, "umld_address"),
                            *gateway = cmdline_value(cmdline, "umld_gateway"),
                            *address6 = cmdline_value(cmdline, "umld_address6"),
                            *gateway6 = cmdline_value(cmdline, "umld_gateway6"),
                            *mtu = cmdline_value(cmdline, "umld_mtu");

        set_mtu(i, mtu);
        if (set_up(i) < 0)
                complain(i->name);
        set_address(i, address, gateway);
        set_address6(i, address6, gateway6);
}

void network_up(const char *cmdline) {
        static const char *const names[] = { "lo", "eth0", "vec0" };
        _cleanup_free_ char *name = cmdline_value(cmdline, "umld_hostname"),
                            *address = cmdline_value(cmdline, "umld_address"),
                            *dns = cmdline_value(cmdline, "umld_dns");
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                            fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (name && sethostname(name, strlen(name)) < 0)
                complain("cannot set the host name");
        FOREACH_ELEMENT (n, names) {
                Interface i = { *n, (int) if_nametoindex(*n), fd, fd6 };

                if (i.index == 0)
                        continue;
                if (streq(*n, "lo"))
                        (void) set_up(&i);
                else
                        up(&i, cmdline);
        }
        if (address)
                address[strcspn(address, "/")] = '\0';
        write_hosts(address, name);
        write_resolver(dns);
}
