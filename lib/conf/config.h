/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration of a guest, read from NAME.conf, with all defaults filled in. */

#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/types.h>

#include "basic/confine.h"
#include "basic/forward.h"
#include "basic/ip-address.h"
#include "basic/string-table.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

typedef enum Transport {
        TRANSPORT_AUTO,
        TRANSPORT_TUNTAP, /* eth0=tuntap,TAP */
        TRANSPORT_VECTOR, /* vec0:transport=tap,ifname=TAP */
        TRANSPORT_MAX,
        TRANSPORT_INVALID = -EINVAL,
} Transport;

typedef enum Masquerade {
        MASQUERADE_AUTO,
        MASQUERADE_MASQUERADE,
        MASQUERADE_SNAT,
        MASQUERADE_NO,
        MASQUERADE_MAX,
        MASQUERADE_INVALID = -EINVAL,
} Masquerade;

/* Who configures the guest's network interface. */
typedef enum ConfigureBy {
        CONFIGURE_BY_KERNEL, /* the kernel if it can; else init */
        CONFIGURE_BY_INIT,
        CONFIGURE_BY_MAX,
        CONFIGURE_BY_INVALID = -EINVAL,
} ConfigureBy;

/* Where the guest may begin connections to. */
enum {
        REACH_INTERNET = 1 << 0,
        REACH_LINK = 1 << 1,
        REACH_METADATA = 1 << 2,
        REACH_NEIGHBOURS = 1 << 3,
};

#define CONNECTIONS_ANY UINT_MAX

/* Directions, as the guest sees them. */
enum {
        BANDWIDTH_IN,
        BANDWIDTH_OUT,
        BANDWIDTH_MAX,
};

/* What the guest may reach on the host itself. */
typedef enum HostAccess {
        HOST_ACCESS_NO,
        HOST_ACCESS_ICMP,
        HOST_ACCESS_ALL,
        HOST_ACCESS_MAX,
        HOST_ACCESS_INVALID = -EINVAL,
} HostAccess;

typedef enum MemoryBacking {
        BACKING_AUTO,    /* the first one that works on this host, in this order */
        BACKING_SHM,     /* /dev/shm, enlarged if necessary */
        BACKING_PRIVATE, /* a tmpfs for this guest only */
        BACKING_DIR,     /* a directory set by the user */
        MEMORY_BACKING_MAX,
        MEMORY_BACKING_INVALID = -EINVAL,
} MemoryBacking;

/* Which program interface sets the firewall rules. */
typedef enum RulesBackend {
        RULES_AUTO,
        RULES_IPTABLES,
        RULES_NFTABLES,
        RULES_BACKEND_MAX,
        RULES_BACKEND_INVALID = -EINVAL,
} RulesBackend;

typedef enum BalloonMode {
        BALLOON_NO,   /* only on request */
        BALLOON_AUTO, /* also automatically when the host runs short of memory */
        BALLOON_MODE_MAX,
        BALLOON_MODE_INVALID = -EINVAL,
} BalloonMode;

typedef enum ReadyWhen {
        READY_BOOT,  /* the kernel answers on its management console */
        READY_GUEST, /* the guest wrote READY=1 to /proc/mconsole */
        READY_WHEN_MAX,
        READY_WHEN_INVALID = -EINVAL,
} ReadyWhen;

typedef enum RestartWhen {
        RESTART_NO,
        RESTART_ON_CRASH,
        RESTART_ALWAYS,
        RESTART_WHEN_MAX,
        RESTART_WHEN_INVALID = -EINVAL,
} RestartWhen;

typedef enum CpuAffinity {
        CPU_AFFINITY_AUTO, /* pin a guest with one CPU to one CPU of the host */
        CPU_AFFINITY_ANY,
        CPU_AFFINITY_MAX,
        CPU_AFFINITY_INVALID = -EINVAL,
} CpuAffinity;
typedef enum ProbeKind {
        PROBE_TCP,  /* a connection to the port is accepted */
        PROBE_HTTP, /* an HTTP request for a page is answered */
} ProbeKind;

enum {
        PROBE_PATH_MAX = 128, /* of a path, including the NUL */
        PROBE_TEXT_MAX = PROBE_PATH_MAX + 16,
};

/* A service in the guest that is probed. */
typedef struct Probe {
        ProbeKind kind;
        uint16_t port;
        char path[PROBE_PATH_MAX]; /* for PROBE_HTTP */
} Probe;

/* Formats a probe as in Probe=. Returns buf. */
const char *probe_format(const Probe *p, char buf[static PROBE_TEXT_MAX]);

/* Whether the kernel's system calls are filtered. */
typedef enum SeccompMode {
        SECCOMP_YES,
        SECCOMP_LOG, /* the host's kernel logs what it would refuse */
        SECCOMP_NO,
        SECCOMP_MODE_MAX,
} SeccompMode;

const char *transport_to_string(Transport v);
const char *masquerade_to_string(Masquerade v);
const char *host_access_to_string(HostAccess v);
const char *rules_backend_to_string(RulesBackend v);
DECLARE_STRING_TABLE(memory_backing, MemoryBacking);

typedef struct Disk {
        char *path; /* absolute */
        char *cow;  /* absolute; copy-on-write file on top of path, or NULL */
        bool read_only;
        bool sync;          /* every write of the guest is synced to the host's disk */
        bool adopt;         /* its owner may be changed, wherever it lies */
        bool swap;          /* the guest swaps to it */
        uint64_t swap_size; /* umld makes it, with this many bytes; 0: it exists */
} Disk;

enum {
        CONFIG_DISKS_MAX = 8, /* ubda … ubdh */
        CONFIG_SHARES_MAX = 16,
        CONFIG_DNS_MAX = 3,
        CONFIG_REACHED_MAX = 16,
        CONFIG_UPLINKS_MAX = 4,
        CONFIG_PROBES_MAX = 4,
        CONFIG_MTU_MIN_IPV6 = 1280,
        CONFIG_MTU_MIN = 576, /* works on every path of the Internet */
        CONFIG_MTU_MAX = 65521,
        CONFIG_FORWARDS_MAX = 1000, /* each becomes a firewall rule */
        CONFIG_PROXIES_MAX = 64,    /* each needs a socket, and at times a process */
};

/* Interfaces that lead to the Internet. */
typedef struct Uplinks {
        char list[CONFIG_UPLINKS_MAX][IFNAMSIZ];
        size_t n;
} Uplinks;

bool uplinks_have(const Uplinks *u, const char *ifname);

typedef struct Config {
        char *name; /* name of the guest */
        char *file; /* NAME.conf, from which it was read */
        char *text; /* what it and its drop-ins contain (parts.h) */
        bool held;  /* that has changed since: the new text was tried and not confirmed */

        /* [Guest] */
        char *kernel;
        uint64_t memory; /* bytes */
        unsigned cpus;
        CpuAffinity cpu_affinity;
        unsigned cpu_weight; /* as others have 100; 0 = not set */
        unsigned cpu_quota;  /* per cent of one CPU; 0 = not limited */
        Disk disks[CONFIG_DISKS_MAX];
        size_t n_disks; /* at least 1 after config_load(), but with root_dir */
        char *root_dir; /* a directory of the host to boot from by hostfs, or NULL: the first disk
                         */
        Strv shares, shares_read_only; /* directories of the host that its hostfs shows */
        Strv append;
        bool fast_boot;
        bool fast_network;
        usec_t disk_sync; /* 0 = only when the guest ends */
        char *hostname;

        /* [Network] */
        /* As in the file; "" and 0 are "auto". */
        char wanted_tap[IFNAMSIZ];
        struct in_addr wanted_host_address;
        unsigned wanted_host_prefix;
        struct in_addr wanted_guest_address;
        /* The same in force: what is "auto" is empty until the guest's network is set up
         * (daemon/net/addresses.h). */
        char tap[IFNAMSIZ];
        struct in_addr host_address;
        unsigned host_prefix;
        struct in_addr guest_address;
        struct in6_addr host_address6, guest_address6; /* :: = no IPv6 */
        unsigned host_prefix6;
        IpAddress dns[CONFIG_DNS_MAX];
        size_t n_dns;
        Uplinks uplinks, uplinks6; /* n = 0: auto */
        unsigned mtu;              /* of the tap; 0 = that of the uplink */
        Transport transport;
        ConfigureBy configure_by;
        Masquerade masquerade, masquerade6; /* of IPv6 auto: as of IPv4 */
        IpAddress snat_addresses[2];        /* any = one of the uplink's; one for each family */
        bool one_arm;
        HostAccess host_access;
        unsigned reach; /* REACH_… */
        IpPrefix reached[CONFIG_REACHED_MAX];
        size_t n_reached;
        unsigned connections;              /* 0 = auto, CONNECTIONS_ANY = any number */
        uint64_t bandwidth[BANDWIDTH_MAX]; /* bits a second; 0 = not limited */
        bool hold_connections;
        usec_t hold_timeout;
        usec_t drain; /* 0 = established connections are not waited for */
        RulesBackend backend;
        Forward *forwards;
        size_t n_forwards;
        Forward *proxies; /* relayed in userland; TCP, at most CONFIG_PROXIES_MAX ports in all */
        size_t n_proxies;
        Forward *reserved; /* ports that are never forwarded */
        size_t n_reserved;

        /* [Memory] */
        MemoryBacking backing;
        char *backing_dir; /* for BACKING_DIR */
        BalloonMode balloon;

        /* [Supervise] */
        ReadyWhen ready;
        usec_t start_timeout, stop_timeout;
        usec_t adopt_timeout; /* 0 = the guest ends with its umld */
        RestartWhen restart;
        usec_t hang_check, hang_timeout; /* hang_check 0 = off */
        usec_t restart_delay, restart_delay_max, restart_reset;
        Probe probes[CONFIG_PROBES_MAX];
        size_t n_probes;

        /* [Notify] */
        Strv notify_command; /* empty: nothing is run */
        char *notify_user;
        usec_t notify_timeout;

        /* [Fallback]: another kernel and additional arguments for a guest that fails to boot.
         * Nothing of the file, but set while they are in force: in_fallback. */
        bool in_fallback;
        char *fallback_kernel;   /* NULL = that of [Guest] */
        Strv fallback_append;    /* after those of [Guest] */
        unsigned fallback_after; /* consecutive failed boots */

        /* [Console] */
        bool log;
        uint64_t log_max; /* bytes */
        unsigned log_files;
        bool journal;

        /* [Confine] */
        char *user;               /* "auto", a user name or number */
        bool layers[CONFINE_MAX]; /* those that have a key of their own; ask config_has_layer() */
        SeccompMode seccomp;
        uint32_t required; /* CONFINE_BIT()s of those without which it does not start */
} Config;

static inline bool config_has_ipv6(const Config *c) {
        return !IN6_IS_ADDR_UNSPECIFIED(&c->guest_address6);
}

/* Is it for umld to choose the guest's network? */
static inline bool config_network_is_auto(const Config *c) {
        return c->wanted_host_prefix == 0 && c->wanted_guest_address.s_addr == 0;
}

/* Gives the guest, where it is for umld to choose, the first address that is free in the network of
 * the host's. */
void config_fill_guest_address(Config *c);

Config *config_free(Config *c);
DEFINE_CLEANUP(Config *, config_free)

/* Reads FILE and its drop-ins, FILE.d/NAME.conf, for guest NAME, which must be valid
 * (guest_name_valid()); default_disk is the disk if they have none. Returns -EINVAL for invalid
 * content, the error of reading a file that cannot be read, -ENOENT if it does not exist.
 * *ret_error is set on every failure: "FILE:LINE: KEY: what is wrong; what to do", one line of
 * plain text, which the caller frees; NULL if out of memory. Nothing else on the host is looked at.
 */
int config_load(const char *name, const char *file, const char *default_disk, Config **ret,
                char **ret_error);

/* The kernel of the profile in force, and its additional arguments one by one; NULL: that was all.
 */
const char *config_kernel(const Config *c);
const char *config_argument(const Config *c, size_t i);

/* Reach= in a normal form: "internet link 192.0.2.0/24", or "no". */
#define REACH_TEXT_MAX (64 + CONFIG_REACHED_MAX * (INET6_ADDRSTRLEN + 5))
const char *config_reach_format(const Config *c, char buf[static REACH_TEXT_MAX]);

/* Does the guest see directories of the host by hostfs; and may it write to one? */
static inline bool config_has_hostfs(const Config *c) {
        return c->root_dir || c->shares.n > 0 || c->shares_read_only.n > 0;
}

static inline bool config_hostfs_writes(const Config *c) {
        return c->root_dir || c->shares.n > 0;
}

/* Is that layer of confinement configured? */
bool config_has_layer(const Config *c, ConfineLayer layer);

/* Does [Fallback] have anything to fall back to? */
bool config_has_fallback(const Config *c);

/* The same for text that is already in memory, with its drop-ins (parts.h); file is the name used
 * in errors. */
int config_parse(const char *name, const char *file, const char *text, size_t size,
                 const char *default_disk, Config **ret, char **ret_error);
