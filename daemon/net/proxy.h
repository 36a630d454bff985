/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Ports that systemd-socket-proxyd relays to the guest: umld listens, and starts a relay for a port
 * on the first connection (see proxy.c). */

#include <netinet/in.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "basic/forward.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"

typedef struct Proxies Proxies;

/* What the relays may do. */
typedef enum ProxyPhase {
        PROXY_HOLD,   /* none may run: clients wait */
        PROXY_RELAY,  /* the guest is ready */
        PROXY_FINISH, /* running relays continue, but the guest is shutting down */
} ProxyPhase;

/* init: path of umld-init, borrowed. */
int proxies_new(sd_event *event, const char *init, bool pid_namespaces, Proxies **ret);
Proxies *proxies_free(Proxies *p);
DEFINE_CLEANUP(Proxies *, proxies_free)

/* changed is called when something that proxies_save() saves is different; with now: something is
 * about to depend on that. */
void proxies_on_change(Proxies *p, void (*changed)(bool now, void *userdata), void *userdata);

/* Listens on these ports as well; on failure nothing changes, and *ret_port is the port that cannot
 * be had. -EADDRINUSE: somebody has it. */
int proxies_prepare(Proxies *p, const Forward *list, size_t n, struct in_addr guest,
                    uint16_t *ret_port);
/* Closes the others: ports that stay keep their connections. */
void proxies_commit(Proxies *p);
/* Closes the new ones, so that those from before remain. */
void proxies_abandon(Proxies *p);

/* Ends all relays and closes the sockets. */
void proxies_close(Proxies *p);

void proxies_set_phase(Proxies *p, ProxyPhase phase);

/* How many relays of the previous umld have been told to end and still hold their port; those that
 * are our children are left to children_collect(). */
size_t proxies_ending(Proxies *p);

/* For the next umld, which takes the ports and their relays over: proxy-adopt.c. */
void proxies_save(const Proxies *p, const SavedText *t, Keeper *k);
void proxies_adopt(Proxies *p, Adoption *a);

size_t proxies_count(const Proxies *p);
#define PROXY_TEXT_MAX 96
/* "tcp/8080:80 (running, pid 812)" */
const char *proxies_text(const Proxies *p, size_t i, char buf[static PROXY_TEXT_MAX]);

/* Path of systemd-socket-proxyd, NULL if it is not installed. */
const char *proxy_program(void);
#define PROXY_PROGRAM "/lib/systemd/systemd-socket-proxyd"
