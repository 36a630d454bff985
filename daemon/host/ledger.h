/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* RUNTIME/NAME/undo: changes to the host that cannot be derived from the guest's name alone,
 * recorded before each change, so that the next umld can undo them if this one is killed. */

#include <sys/types.h>

#include "basic/string-util.h"

#define LEDGER_OWNERS_MAX 16

typedef struct LedgerOwner {
        char *path; /* of a file that was given to the guest's user */
        uid_t uid;  /* its original owner */
        gid_t gid;
} LedgerOwner;

typedef struct Ledger {
        char *file;
        char *tap;    /* name of the tap that was created, or NULL */
        char *ipv6;   /* the uplink when IPv6 forwarding was joined, or NULL */
        char *ndp;    /* entries of the neighbour proxy table: "ADDRESS UPLINK…", or NULL */
        char *mount;  /* where a tmpfs was mounted, or NULL */
        Strv cgroups; /* directories of the cgroups that were created */
        LedgerOwner owners[LEDGER_OWNERS_MAX];
        size_t n_owners;
        uid_t user;   /* of the guest's processes, which also owns the files given to it; 0 = not
                         recorded */
        bool unsaved; /* the file does not contain all of this yet */
} Ledger;

/* Reads the file; a missing one is an empty ledger. Unknown lines are skipped. */
int ledger_load(const char *file, Ledger *ret);
void ledger_done(Ledger *l);

/* Each records one change and writes the file. */
int ledger_note_tap(Ledger *l, const char *tap);
int ledger_note_cgroup(Ledger *l, const char *path);
int ledger_note_mount(Ledger *l, const char *path);
int ledger_note_ipv6(Ledger *l, const char *uplink);
int ledger_note_ndp(Ledger *l, const char *entries); /* NULL: there are none any more */
int ledger_note_user(Ledger *l, uid_t user);
int ledger_note_owner(Ledger *l, const char *path, uid_t uid, gid_t gid);

/* The original owner of a file that was given to the guest's user; the fallback for any other one.
 */
uid_t ledger_owner(const Ledger *l, const char *path, uid_t fallback);

/* The file has been replaced by another one. */
void ledger_forget_owner(Ledger *l, const char *path);

/* All but the network is undone. The file says so with the next change. */
void ledger_forget_host(Ledger *l);
/* Everything is undone: clears the ledger and removes the file. */
void ledger_clear(Ledger *l);
