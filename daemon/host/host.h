/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host as one guest needs it. host_up() goes through a table of steps, each of which looks
 * first, changes only what differs and may be repeated at any time; host_down() goes through it
 * backwards. */

#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "daemon/base/fault.h"
#include "daemon/host/ledger.h"
#include "daemon/host/memory.h"
#include "host/guard.h"
#include "host/rtnl.h"
#include "nat/nat.h"
#include "uml/kernel.h"

/* How the guest's user gets at /dev/net/tun. */
typedef enum TunAccess {
        TUN_UNKNOWN,
        TUN_OPEN_TO_ALL,  /* it could all along */
        TUN_OWN_NODE,     /* one of its own, in a mount namespace */
        TUN_MODE_CHANGED, /* the host's was opened to all, for as long as a guest needs it */
} TunAccess;

/* What a guest can live without: a sentence where the host does not have it. */
enum {
        HOST_LACKS_MSS,        /* TCP segments made to fit the path */
        HOST_LACKS_IPV6,       /* IPv6, where it is configured */
        HOST_LACKS_CLOSED_TAP, /* a tap by which the guest cannot get at the host with IPv6 */
        HOST_LACKS,
};

/* What makes the guest's rules. */
typedef struct RulesMaker {
        Nat nat;             /* without a backend until that is chosen */
        RulesBackend wanted; /* the setting it was chosen for … */
        const char *why;     /* … and the reason; static */
} RulesMaker;

#define HOST_PUBLIC_MAX 64 /* addresses of the uplink; a provider gives a few */

typedef struct HostAddresses {
        IpAddress list[HOST_PUBLIC_MAX];
        size_t n;
} HostAddresses;

typedef struct Host {
        const Config *config; /* borrowed; host_down() before it is replaced by one with another
                                 host part */
        char *directory;      /* RUNTIME/NAME */
        char *shared;         /* RUNTIME/.shared: settings of the host that guests have in common */
        char *uml_dir;        /* the guest's own directory for its sockets */
        Ledger ledger;
        bool quiet; /* look only: plan, and change nothing */
        bool is_up; /* host_up() has succeeded, and host_down() not come since */

        uid_t uid; /* of the guest's processes */
        UmlKernel *kernel;
        struct stat kernel_stat;
        char *cpu_fix;         /* object that mends the kernel on this CPU, or NULL */
        char *console_fix;     /* object that has it follow its terminal's size, or NULL */
        bool kernel_lacks_fix; /* it would need it, but is static */
        int disk_fds[2 * CONFIG_DISKS_MAX]; /* locks, -EBADF where there is none */
        HostMemory memory;
        Rtnl *rtnl;
        char uplink[NAT_FAMILY_MAX][IFNAMSIZ];
        HostAddresses public[NAT_FAMILY_MAX]; /* their addresses */
        unsigned mtu;                         /* of the tap, 0 = not known yet */
        bool open_tap_said;
        char *lacking[HOST_LACKS]; /* why it must do without, NULL = it has it */
        TunAccess tun_access;
        int mount_ns_fd;  /* what only the guest sees: its tun node, its memory; -EBADF: nothing */
        bool forwarding;  /* ip_forward was joined */
        bool forwarding6; /* … and that of IPv6 */
        bool rules;       /* the guest's rules are, or may be, in the tables */
        RulesMaker maker; /* what makes them */
        struct Proxies *proxies;               /* borrowed; NULL: there will be none */
        Guard guard;                           /* ports that are never forwarded */
        bool rules_stale;                      /* what they follow from has changed since */
        bool network_moved;                    /* the uplink may be another one: to be looked at */
        Masquerade masquerade[NAT_FAMILY_MAX]; /* what it came to: any but auto */
        unsigned repairs;                      /* of rules that somebody else changed */
        usec_t last_repair;                    /* CLOCK_MONOTONIC */
        usec_t locked_out; /* since then somebody else has had the lock of the tables, 0 = no */
        bool locked_out_said;
        char *warned;       /* the last warnings about forwards */
        const Config *held; /* its forwards are kept from other guests, too: those to which a
                               reload may go back; borrowed, or NULL */
        bool reachable;     /* its user was seen to reach all it needs */
        int cgroup_fd;
        bool left_behind; /* not all could be undone: the ledger stays for the next umld */
} Host;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor left noted. */
int host_new(const Config *config, const char *runtime, Host **ret);
/* Frees; undoes nothing. */
Host *host_free(Host *h);
DEFINE_CLEANUP(Host *, host_free)

/* 0, or a negative errno with *fault filled in; what was done stays done, for a retry or
 * host_down(). */
int host_up(Host *h, Fault *fault);

/* The same before another start of the guest. On a host that was set up before, only what the
 * kernel's first steps need is looked at, so that it runs again within a millisecond or two;
 * host_verify() does the rest, and must follow the start: the kernel wants its tap when the guest's
 * init brings the network up. */
int host_up_again(Host *h, Fault *fault);
int host_verify(Host *h, Fault *fault);

/* Looks whether host_up() could work, changing nothing. */
int host_check(Host *h, Fault *fault);

/* Undoes everything, in reverse, also a predecessor's work; each failure is logged and the rest
 * goes on. Where something is left behind, so is the ledger: the next umld tries again. */
void host_down(Host *h);

/* Undoes what a killed predecessor left, its processes first. Nothing to do is the normal case. */
void host_sweep(Host *h);

/* ---- the steps, one file for each subject ---- */

int host_kernel_up(Host *h, Fault *f); /* kernel.c: probe, CPU fix */
int host_user_up(Host *h, Fault *f);   /* user.c: the guest's uid, its directory */
void host_user_down(Host *h);
int host_disks_up(Host *h, Fault *f); /* disks.c: there, locked, the guest's */
void host_disks_down(Host *h);
int host_memory_up(Host *h, Fault *f); /* memory.c: room in the memory file system */
void host_memory_down(Host *h);
int host_tap_up(Host *h, Fault *f); /* net/tap.c */
void host_tap_down(Host *h);
/* Gives the tap the MTU that is asked for, or the uplink's. */
void host_mtu_follow(Host *h);
/* net/ipv6.c: has the guest IPv6? By configuration, and nothing that it needs is lacking. */
bool host_has_ipv6(const Host *h);
/* It has not, from now on: says so, and undoes what was done for it. */
void host_ipv6_lacking(Host *h, const char *what, int error);
/* Gives the tap its IPv6, or takes it away. */
void host_tap_ipv6(Host *h, int index);
int host_forwarding6_up(Host *h, Fault *f);
void host_forwarding6_down(Host *h);
int host_forwarding_up(Host *h, Fault *f);
void host_forwarding_down(Host *h);
/* net/uplink.c: the uplinks and their addresses as they are now. 1 = others than at the last look,
 * 0 = the same. That of IPv6 is that of IPv4 unless the host's way out by it is another one. */
int host_find_uplink(Host *h, Fault *f);
int host_rules_up(Host *h, Fault *f); /* net/rules.c */
void host_rules_down(Host *h);
/* Looks whether the guest's rules are there still, and whether what they follow from has moved:
 * uplink, its addresses, the ports to be guarded. If so makes them anew: 1, else 0. */
int host_rules_follow(Host *h, Fault *f);
/* What makes them less than they should be: one sentence a line, NULL where there is nothing. The
 * caller's to free(). */
char *host_rules_warnings(const Host *h);
/* Of the guest's rules as they are now; another program's edit of this moment is not waited for: */
int host_rules_right(Host *h); /* 1 = as they should be, 0 = not */
/* … how many rules of others come first in FORWARD of that family */
int host_rules_before(Host *h, NatFamily family);
/* … how many calls went by the one for that port. */
int host_rules_packets(Host *h, const Forward *port, uint64_t *ret);
int host_relays_up(Host *h, Fault *f); /* net/relays.c: the ports of Proxy= */
void host_relays_down(Host *h);
int host_reach_up(Host *h, Fault *f); /* user.c: can its user reach all that? */
int host_tun_up(Host *h, Fault *f);   /* tun-node.c: a /dev/net/tun that its user may open */
void host_tun_down(Host *h);
int host_cgroup_up(Host *h, Fault *f); /* containment.c */
void host_cgroup_down(Host *h);

/* Gives the guest's mount namespace up; what was in it is made again by the steps that need it. */
void host_drop_mount_ns(Host *h);

/* ---- net/backend.c: iptables or nftables? ---- */

/* Chooses, unless rules are there already by what was chosen for the same setting. */
void host_backend_choose(Host *h);
/* Was the choice our own, and is there something else to try where the host refused it with that
 * error? Then that is chosen. */
bool host_backend_retry(Host *h, int error);
/* Takes the guest's rules away, also those that a predecessor made by other means. */
void host_backend_remove(Host *h);
/* Says what a refusal means, and what would help. */
int host_backend_fault(const Host *h, int error, const NatRefusal *refusal, Fault *f);
/* Says, one sentence a line, which rules of the host's own ours cannot overrule. */
void host_backend_warnings(const Host *h, FILE *file);

/* ---- net/forwards.c: may the guest have the ports that it wants? Under the lock of the tables.
 * ----
 */

/* Brings h->guard up to date, and refuses what would lock the administrator out or what another
 * guest has. */
int host_forwards_check(Host *h, Fault *f);
/* What is forwarded but better were not: one sentence a line. */
void host_forwards_warnings(const Host *h, FILE *file);
/* Tells the umlds of other guests which ports are taken, and that they are free again. */
int host_forwards_claim(const Host *h);
void host_forwards_release(const Host *h);

/* Is the guest's umld alive? For shared_open(). userdata: RUNTIME. */
bool host_guest_alive(const char *name, void *userdata);
