/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules.c - has umld-modules put the modules of the guest's kernel into its image. */

#include <stdlib.h>
#include <sys/stat.h>

#include "api/modules-protocol.h"
#include "api/modules-record.h"
#include "basic/log.h"
#include "daemon/base/companions.h"
#include "daemon/base/helper.h"
#include "daemon/host/modules.h"

static_assert((int) MODULES_IMAGE_FD == (int) HELPER_FD, "where it expects the image");

struct ModulesUpdate {
        ModulesDone done;
        void *userdata;
        Helper *helper;
};

/* ---- is it necessary? ---- */

/* Why the modules are not put into this image; NULL: they can be. */
static const char *obstacle(const Host *h) {
        const Disk *d = &h->config->disks[0];
        struct stat st;

        if (h->disk_fds[0] < 0 || fstat(h->disk_fds[0], &st) < 0)
                return "is not open";
        if (d->read_only)
                return "is read-only";
        if (d->cow)
                return "is a backing file";
        return S_ISREG(st.st_mode) ? NULL : "is not a regular file";
}

/* A foreign image is its owner's business; one line tells what may be missing in it. */
static void tell_foreign(const Host *h) {
        const UmlKernel *k = h->kernel.uml;

        if (h->config->fast_network && k->modules.n > 0)
                log_info("Disk=%s: was not made by umlctl create, so it may lack %s and other "
                         "modules of Linux %s; `umlctl modules %s` puts them into it",
                         h->config->disks[0].path, k->modules.v[0], k->release, h->config->name);
}

/* 1 = the image has the modules of another kernel. */
static int is_outdated(const Host *h) {
        _cleanup_free_ char *release = NULL;
        _cleanup_strv_ Strv named = {};
        const char *why;
        int r;

        if (h->config->n_disks == 0)
                return 0;
        r = modules_record_read(h->config->name, &release, &named);
        if (r == -ENOENT)
                tell_foreign(h);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (streq(release, h->kernel.uml->release))
                return 0;
        why = obstacle(h);
        if (why)
                log_notice(
                        "Disk=%s: %s, so the modules of Linux %s are not put into it, continuing",
                        h->config->disks[0].path, why, h->kernel.uml->release);
        return !why;
}

/* ---- doing it ---- */

static void log_line(const char *text, void *userdata) {
        log_notice("%s", text);
}

static void on_ended(int status, void *userdata) {
        ModulesUpdate *u = userdata;

        if (status == HELPER_LATE)
                log_warning("putting the modules of the guest's kernel into its image took longer "
                            "than %s, starting without them",
                            FORMAT_TIMESPAN(MODULES_UPDATE_LIMIT));
        else if (status != 0)
                log_warning("the modules of the guest's kernel are not in its image, starting "
                            "without them; run `umlctl modules` when the guest is stopped");
        u->done(u->userdata);
}

static int start(sd_event *event, const Host *h, ModulesUpdate *u) {
        const Config *c = h->config;
        _cleanup_free_ char *program = NULL;
        _cleanup_strv_ Strv argv = {};
        int r = companion_find(COMPANION_MODULES, &program);

        if (r >= 0)
                r = strv_push(&argv, "umld-modules");
        if (r >= 0)
                r = strv_push(&argv, c->name);
        if (r >= 0)
                r = strv_push(&argv, config_kernel(c));
        if (r >= 0 && c->fast_network)
                r = strv_push(&argv, MODULES_FAST_NETWORK);
        if (r >= 0 && config_has_ipv6(c))
                r = strv_push(&argv, MODULES_IPV6);
        if (r < 0)
                return r;
        return helper_start(event,
                            &(const HelperOrder){ .program = program,
                                                  .argv = argv.v,
                                                  .fd = h->disk_fds[0],
                                                  .limit = MODULES_UPDATE_LIMIT,
                                                  .line = log_line,
                                                  .ended = on_ended,
                                                  .userdata = u },
                            &u->helper);
}

int modules_update_start(sd_event *event, const Host *h, ModulesDone done, void *userdata,
                         ModulesUpdate **ret) {
        _cleanup_(modules_update_freep) ModulesUpdate *u = NULL;
        int r = is_outdated(h);

        if (r <= 0)
                return r;
        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        *u = (ModulesUpdate){ .done = done, .userdata = userdata };
        r = start(event, h, u);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(u);
        return 1;
}

ModulesUpdate *modules_update_free(ModulesUpdate *u) {
        if (!u)
                return NULL;
        helper_free(u->helper);
        free(u);
        return NULL;
}
