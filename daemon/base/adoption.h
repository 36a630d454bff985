/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A guest whose umld has died, or has executed us: its umld-init (host/init-store.h) is asked for
 * all that our predecessor left with it. Nothing of the guest changes by that, and if we die before
 * adoption_taken() the next one can do the same. */

#include <sys/types.h>

#include "daemon/base/saved.h"
#include "host/init-store.h"

typedef struct AdoptedItem {
        char name[STORE_NAME_MAX];
        int fd;
} AdoptedItem;

typedef struct Adoption {
        int socket;     /* to its store */
        pid_t init;     /* umld-init, which is our child only if we were executed; 0: there is none,
                           for the guest waits for its next start */
        uint64_t start; /* of it, as process_start_time() */
        AdoptedItem items[STORE_ITEMS_MAX];
        size_t n;
        Saved *saved;      /* NULL: what was left cannot be read */
        unsigned attempts; /* umlds that died while they took over */
        bool ending;       /* umld-init has lost patience, and is shutting the guest down */
} Adoption;

/* directory: RUNTIME/NAME. 1 = *ret is the guest that is to be adopted; 0 = there is none; -EBUSY:
 * its umld is alive, or its umld-init is about to exit. Otherwise it cannot be adopted, and
 * *ret_why says why: it is not provably ours (start time, credentials, name), or its state is not
 * readable; then *ret is there for adoption_refuse(). Waits for umld-init, ten seconds at most. */
int adoption_find(const char *name, const char *directory, Adoption **ret, char **ret_why);

/* What the umld that has executed us hands over beside that (handover.h). 1 = *ret is that; saved
 * is set if it is all there is, because no umld-init is there. 0 = nothing. */
int adoption_handed(const char *name, Adoption **ret);
/* Adds it, NULL being nothing, to what umld-init has kept. */
void adoption_join(Adoption *a, Adoption *handed);

/* Ends what is not adopted, and waits for its end, five seconds at most. Frees it. */
int adoption_refuse(Adoption *a);

/* The descriptor of that name, which belongs to the caller; -EBADF: there is none. */
int adoption_take(Adoption *a, const char *name);
int adoption_takef(Adoption *a, const char *format, ...) _printf_(2, 3);

Adoption *adoption_free(Adoption *a);
DEFINE_CLEANUP(Adoption *, adoption_free)
