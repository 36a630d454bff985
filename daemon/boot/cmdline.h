/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The command line of the guest's kernel. Pure. */

#include <netinet/ether.h>

#include "conf/config.h"
#include "uml/kernel.h"

/* The sockets of this boot. */
typedef struct GuestPaths {
        const char *umid;    /* name of the instance */
        const char *uml_dir; /* the directory that contains UMID/mconsole */
        const char *notify;  /* socket for the kernel's notifications */
        const char *hostfs;  /* all that its hostfs may show, or NULL */
} GuestPaths;

/* What has been set up for the network. */
typedef struct GuestNet {
        unsigned mtu; /* of the tap, 0 = unknown */
        bool ipv6;
} GuestNet;

/* The transport that will be used; TRANSPORT_AUTO if the kernel has none that fits. */
Transport guest_transport(const Config *c, const UmlKernel *k);

/* A locally administered MAC address, derived from the guest's name, so that it never changes. */
struct ether_addr guest_mac(const char *name);

/* Appends the kernel's path and arguments. 1 = the arguments of FastNetwork= did not fit and were
 * left out. -EOPNOTSUPP: the kernel cannot do what the configuration asks; -E2BIG: the command line
 * is too long for a kernel. */
int guest_cmdline(const Config *c, const UmlKernel *k, const GuestNet *net, const GuestPaths *paths,
                  Strv *ret);

typedef struct GuestEnvironment {
        const char *memory;     /* the directory for its memory file */
        const char *objects;    /* the directory of its shared objects; NULL: those of the host */
        const char *tunables;   /* umld's own GLIBC_TUNABLES, or NULL */
        bool dumpable;          /* what is preloaded leaves it as the exec made it */
        const char *preload[3]; /* objects to preload into it, the first one first; NULL: none */
} GuestEnvironment;

/* Appends the environment: NAME=VALUE. */
int guest_environment(const GuestEnvironment *e, Strv *ret);

/* The first word of Append= that this kernel does not know, or NULL. UML silently passes such words
 * to init. Reads the kernel's file if necessary. */
const char *guest_unknown_argument(const Config *c, UmlKernel *k);
