/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The command line of the guest's kernel. Pure. */

#include <netinet/ether.h>

#include "conf/config.h"
#include "uml/kernel.h"

/* Where this boot's sockets lie. */
typedef struct GuestPaths {
        const char *umid;    /* name of the instance */
        const char *uml_dir; /* the directory that holds UMID/mconsole */
        const char *notify;  /* socket for the kernel's notifications */
} GuestPaths;

/* What the host made of its network. */
typedef struct GuestNet {
        unsigned mtu; /* of the tap, 0 = not known */
        bool ipv6;
} GuestNet;

/* The transport that will be used; TRANSPORT_AUTO where the kernel has none that fits. */
Transport guest_transport(const Config *c, const UmlKernel *k);

/* A locally administered MAC that belongs to this guest's name for ever. */
struct ether_addr guest_mac(const char *name);

/* Appends the kernel's path and arguments. 1 = the arguments of FastNetwork= did not fit and were
 * left out. -EOPNOTSUPP: the kernel cannot do what the configuration asks; -E2BIG: the command line
 * is too long for a kernel. */
int guest_cmdline(const Config *c, const UmlKernel *k, const GuestNet *net, const GuestPaths *paths,
                  Strv *ret);

/* Appends the environment: NAME=VALUE. `tunables` is umld's own GLIBC_TUNABLES, or NULL; the fixes
 * are objects to load into the kernel, or NULL. */
int guest_environment(const char *memory_dir, const char *tunables, const char *cpu_fix,
                      const char *console_fix, Strv *ret);

/* The first word of Append= that this kernel does not know, or NULL. UML hands such words silently
 * to init. Reads the kernel's file, where there is something to look for. */
const char *guest_unknown_argument(const Config *c, const UmlKernel *k);
