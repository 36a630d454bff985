/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-is.c - is-active and is-enabled: one word for each guest, as systemctl says it. */

#include <stdio.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "api/guest-state.h"
#include "umlctl/bus-client.h"
#include "umlctl/columns.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/verbs.h"

/* What systemd calls a service in that state. */
static const char *const words[GUEST_STATE_MAX] = {
        [GUEST_STOPPED] = "inactive",      [GUEST_PREPARING] = "activating",
        [GUEST_BOOTING] = "activating",    [GUEST_RUNNING] = "active",
        [GUEST_STOPPING] = "deactivating", [GUEST_BACKOFF] = "activating",
        [GUEST_FAILED] = "failed",
};

/* Nobody supervises a guest that has lost its umld: it is to be started, as after a failure. */
static const char *word_of(const Snapshot *s) {
        const char *word = prop_string(s->props, UMLD_PROP_STATE) ?: "";
        GuestState state =
                streq(word, SNAPSHOT_STATE_ORPHAN) ? GUEST_FAILED : guest_state_from_string(word);

        return s->error < 0 || state < 0 ? "unknown" : words[state];
}

/* As of systemctl, it is enough that one of them is. */
int verb_is_active(const Options *o, const char *guest) {
        _cleanup_strv_ Strv only = {};
        Snapshot *s = NULL;
        int r = columns_needs(NULL, 0, &only), code = EXIT_NOT_RUNNING;

        if (r >= 0)
                r = snapshots_take(o->guests, &only, &s);
        for (size_t i = 0; r >= 0 && i < o->guests->n; i++) {
                const char *word = word_of(&s[i]);

                if (!o->quiet)
                        puts(word);
                if (streq(word, words[GUEST_RUNNING]))
                        code = EXIT_DONE;
        }
        if (r < 0)
                code = fail_with(EXIT_FAILED, "cannot ask the guests: %s", strerror(-r));
        snapshots_free(s, o->guests->n);
        return code;
}

int verb_is_enabled(const Options *o, const char *guest) {
        _cleanup_free_ bool *enabled = calloc(o->guests->n + 1, sizeof(bool));
        int code = EXIT_FAILED, r;

        if (!enabled)
                return fail_with(EXIT_FAILED, "out of memory");
        r = boot_get_enabled(o->guests, enabled);
        if (r != 0)
                return r;
        for (size_t i = 0; i < o->guests->n; i++) {
                if (!o->quiet)
                        puts(enabled[i] ? "enabled" : "disabled");
                if (enabled[i])
                        code = EXIT_DONE;
        }
        return code;
}
