/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process-adopt.c - what umld leaves of a running boot, and takes over from its predecessor. */

#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/process.h"
#include "daemon/boot/process-parts.h"

/* ---- saved ---- */

static void save_layers(const GuestProcess *p, const SavedText *t) {
        char key[32];

        for (int i = 0; i < CONFINE_MAX; i++)
                if (p->layer_errors[i] < 0) {
                        snprintf(key, sizeof(key), "layer.%s.error", confine_table[i].name);
                        saved_put_number(t, key, (uint64_t) -p->layer_errors[i]);
                }
}

int launched_save(const Launched *l, const SavedText *t) {
        uint64_t start;
        int r = process_start_time(l->init, &start);

        if (r < 0)
                return r;
        saved_put_number(t, "init.pid", (uint64_t) l->init);
        saved_put_number(t, "init.start", start);
        saved_put_number(t, "init.pid-namespace", l->pid_namespace);
        return 0;
}

int guest_process_save(const GuestProcess *p, const SavedText *t, Keeper *k) {
        int r = launched_save(&p->launched, t);

        if (r < 0)
                return r;
        saved_put_number(t, "kernel.pid", (uint64_t) MAX(p->pid, 0));
        saved_put_number(t, "kernel.started", p->started);
        saved_put_moment(t, "kernel.start", &p->start);
        saved_put_number(t, "kernel.booted", p->booted);
        saved_put(t, "kernel.mconsole", p->mconsole_path);
        saved_put(t, "kernel.panic", p->panic);
        save_layers(p, t);
        keeper_put(k, "notify", p->notify_fd);
        keeper_put(k, STORE_MCONSOLE, p->mterminal_fd);
        return 0;
}

/* ---- taken over ---- */

static void load_layers(GuestProcess *p, const Saved *s) {
        char key[32];

        for (int i = 0; i < CONFINE_MAX; i++) {
                snprintf(key, sizeof(key), "layer.%s.error", confine_table[i].name);
                p->layer_errors[i] = -(int) saved_number(s, key, 0);
        }
}

static void load(GuestProcess *p, const Adoption *a) {
        const Saved *s = a->saved;

        p->launched.init = a->init;
        p->launched.pid_namespace = saved_flag(s, "init.pid-namespace");
        p->pid = (pid_t) saved_number(s, "kernel.pid", 0);
        p->started = saved_number(s, "kernel.started", now_usec(CLOCK_MONOTONIC));
        p->start = saved_moment(s, "kernel.start", CLOCK_BOOTTIME);
        p->booted = saved_flag(s, "kernel.booted");
        saved_text(s, "kernel.panic", &p->panic);
        load_layers(p, s);
}

/* The names of our predecessor's clients would be used up by many successors. */
static void connect_again(GuestProcess *p, const Adoption *a) {
        const char *path = saved_get(a->saved, "kernel.mconsole");

        (void) clear_directory(p->clients, "notify");
        if (path && guest_process_connect(p, path, strlen(path)) < 0)
                log_warning("cannot connect to the guest's management console: out of memory");
}

int guest_process_adopt(sd_event *event, Adoption *a, const GuestSockets *sockets, uid_t uid,
                        const GuestProcessListener *listener, GuestProcess **ret) {
        _cleanup_(guest_process_freep) GuestProcess *p = guest_process_new(sockets, uid, listener);
        int r;

        if (!p)
                return -ENOMEM;
        load(p, a);
        p->notify_fd = adoption_take(a, "notify");
        p->launched.store_fd = TAKE_FD(a->socket);
        if (p->notify_fd < 0)
                return -ENODATA;
        r = launch_status_again(&p->launched);
        if (r >= 0)
                r = guest_process_watch(event, p);
        if (r < 0)
                return r;
        connect_again(p, a);
        *ret = TAKE_PTR(p);
        return 0;
}
