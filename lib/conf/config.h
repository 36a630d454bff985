/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration of one guest, as NAME.conf gives it and with all defaults filled in. */

#include <net/if.h>
#include <netinet/in.h>
#include <sys/types.h>

#include "basic/forward.h"
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

/* What of the host itself the guest may reach. */
/* Who sets up the guest's interface. */
typedef enum ConfigureBy {
        CONFIGURE_BY_KERNEL, /* where it can; else init */
        CONFIGURE_BY_INIT,
        CONFIGURE_BY_MAX,
        CONFIGURE_BY_INVALID = -EINVAL,
} ConfigureBy;

typedef enum HostAccess {
        HOST_ACCESS_NO,
        HOST_ACCESS_ICMP,
        HOST_ACCESS_ALL,
        HOST_ACCESS_MAX,
        HOST_ACCESS_INVALID = -EINVAL,
} HostAccess;

typedef enum MemoryBacking {
        BACKING_AUTO,    /* the first that the host allows, in this order */
        BACKING_SHM,     /* /dev/shm, made to fit */
        BACKING_PRIVATE, /* a tmpfs for this guest alone */
        BACKING_DIR,     /* a directory that the user names */
        MEMORY_BACKING_MAX,
        MEMORY_BACKING_INVALID = -EINVAL,
} MemoryBacking;

/* What makes the host's rules. */
typedef enum RulesBackend {
        RULES_AUTO,
        RULES_IPTABLES,
        RULES_NFTABLES,
        RULES_BACKEND_MAX,
        RULES_BACKEND_INVALID = -EINVAL,
} RulesBackend;

typedef enum BalloonMode {
        BALLOON_NO,   /* only by order */
        BALLOON_AUTO, /* also by umld when the host runs short of memory */
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
        CPU_AFFINITY_AUTO, /* one of the host's CPUs for a guest that has one */
        CPU_AFFINITY_ANY,
        CPU_AFFINITY_MAX,
        CPU_AFFINITY_INVALID = -EINVAL,
} CpuAffinity;
typedef enum ProbeKind {
        PROBE_TCP,  /* a connection to the port is accepted */
        PROBE_HTTP, /* … and the request of a page answered */
} ProbeKind;

enum {
        PROBE_PATH_MAX = 128, /* of a page, with its NUL */
        PROBE_TEXT_MAX = PROBE_PATH_MAX + 16,
};

/* A service in the guest that must answer. */
typedef struct Probe {
        ProbeKind kind;
        uint16_t port;
        char path[PROBE_PATH_MAX]; /* of PROBE_HTTP */
} Probe;

/* As in Probe=. Returns buf. */
const char *probe_format(const Probe *p, char buf[static PROBE_TEXT_MAX]);

DECLARE_STRING_TABLE(transport, Transport);
DECLARE_STRING_TABLE(masquerade, Masquerade);
DECLARE_STRING_TABLE(host_access, HostAccess);
DECLARE_STRING_TABLE(rules_backend, RulesBackend);
DECLARE_STRING_TABLE(memory_backing, MemoryBacking);
DECLARE_STRING_TABLE(balloon_mode, BalloonMode);
DECLARE_STRING_TABLE(ready_when, ReadyWhen);
DECLARE_STRING_TABLE(restart_when, RestartWhen);
DECLARE_STRING_TABLE(cpu_affinity, CpuAffinity);

typedef struct Disk {
        char *path; /* absolute */
        char *cow;  /* absolute; copy-on-write file over path, or NULL */
        bool read_only;
        bool sync; /* every write of the guest is durable on the host */
} Disk;

enum {
        CONFIG_DISKS_MAX = 8, /* ubda … ubdh */
        CONFIG_DNS_MAX = 3,
        CONFIG_PROBES_MAX = 4,
        CONFIG_MTU_MIN_IPV6 = 1280,
        CONFIG_MTU_MIN = 576, /* what every host of the Internet takes */
        CONFIG_MTU_MAX = 65521,
        CONFIG_FORWARDS_MAX = 1000, /* each is a rule of the host's tables */
        CONFIG_PROXIES_MAX = 64,    /* each is a socket, and at times a process */
};

typedef struct Config {
        char *name; /* of the guest */
        char *file; /* the file it was read from */
        char *text; /* … and all that was in it */
        bool held;  /* the file has another text by now, which was tried and not confirmed */

        /* [Guest] */
        char *kernel;
        uint64_t memory; /* bytes */
        unsigned cpus;
        CpuAffinity cpu_affinity;
        Disk disks[CONFIG_DISKS_MAX];
        size_t n_disks; /* at least 1 after config_load() */
        Strv append;
        bool fast_boot;
        usec_t disk_sync; /* 0 = only at its end */
        char *hostname;

        /* [Network] */
        char tap[IFNAMSIZ];
        struct in_addr host_address;
        unsigned host_prefix;
        struct in_addr guest_address;
        struct in6_addr host_address6, guest_address6; /* :: = no IPv6 */
        unsigned host_prefix6;
        struct in_addr dns[CONFIG_DNS_MAX];
        size_t n_dns;
        char uplink[IFNAMSIZ]; /* "" = auto */
        unsigned mtu;          /* of the tap; 0 = the uplink's */
        Transport transport;
        ConfigureBy configure_by;
        Masquerade masquerade;
        bool one_arm;
        HostAccess host_access;
        RulesBackend backend;
        Forward *forwards;
        size_t n_forwards;
        Forward *proxies; /* relayed by a program; TCP, at most CONFIG_PROXIES_MAX ports in all */
        size_t n_proxies;
        Forward *reserved; /* ports that are never forwarded */
        size_t n_reserved;

        /* [Memory] */
        MemoryBacking backing;
        char *backing_dir; /* of BACKING_DIR */
        BalloonMode balloon;

        /* [Supervise] */
        ReadyWhen ready;
        usec_t start_timeout, stop_timeout;
        RestartWhen restart;
        usec_t hang_check, hang_timeout; /* hang_check 0 = off */
        usec_t restart_delay, restart_delay_max, restart_reset;
        Probe probes[CONFIG_PROBES_MAX];
        size_t n_probes;

        /* [Fallback], filled up from [Guest]: another kernel and more arguments for a guest that
         * does not come up. While it is in force it has changed places with kernel and append. */
        bool has_fallback, in_fallback;
        char *fallback_kernel;
        Strv fallback_append;
        unsigned fallback_after; /* failed boots in a row */

        /* [Console] */
        bool log;
        uint64_t log_max; /* bytes */
        unsigned log_files;
        bool journal;

        /* [Confine] */
        char *user; /* "auto", a user's name or a number */
} Config;

static inline bool config_has_ipv6(const Config *c) {
        return !IN6_IS_ADDR_UNSPECIFIED(&c->guest_address6);
}

Config *config_free(Config *c);
DEFINE_CLEANUP(Config *, config_free)

/* Reads FILE for guest NAME, a valid one (guest_name_valid()); default_disk is the disk where the
 * file names none. On bad content -EINVAL, on a file that cannot be read the reason of that,
 * -ENOENT where there is no such file. *ret_error is set on every failure: "FILE:LINE: KEY: what is
 * wrong, what would be right", one line of plain text, the caller's to free(); NULL when memory is
 * out. Nothing else on the host is looked at. */
int config_load(const char *name, const char *file, const char *default_disk, Config **ret,
                char **ret_error);

/* Goes over from the normal profile to the fallback, or back. */
void config_switch_profile(Config *c);

/* What the normal profile has, whichever is in force. */
static inline const char *config_normal_kernel(const Config *c) {
        return c->in_fallback ? c->fallback_kernel : c->kernel;
}
static inline const Strv *config_normal_append(const Config *c) {
        return c->in_fallback ? &c->fallback_append : &c->append;
}

/* The same for a text that is already in memory; file is what errors call it. */
int config_parse(const char *name, const char *file, const char *text, size_t size,
                 const char *default_disk, Config **ret, char **ret_error);
