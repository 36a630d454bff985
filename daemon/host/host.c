/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.c - creates and frees what the steps of the host share. */

#include "daemon/host/host.h"
#include "basic/string-util.h"

Host *host_free(Host *h) {
        if (!h)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                safe_close(h->disk_fds[i]);
        kernel_done(&h->kernel);
        child_done(&h->look);
        job_free(h->returning);
        jail_done(&h->jail);
        memory_done(&h->memory);
        ledger_done(&h->ledger);
        free(h->runtime);
        free(h->directory);
        free(h->shared);
        free(h->uml_dir);
        free(h->sockets);
        free(h);
        return NULL;
}

int host_new(Config *config, const char *runtime, Host **ret) {
        _cleanup_(host_freep) Host *h = calloc(1, sizeof(*h));
        _cleanup_free_ char *undo = NULL;
        int r;

        if (!h)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                h->disk_fds[i] = -EBADF;
        jail_init(&h->jail);
        h->config = config;
        h->runtime = strdup(runtime);
        h->directory = strfmt("%s/%s", runtime, config->name);
        h->shared = strfmt("%s/.shared", runtime);
        h->uml_dir = strfmt("%s/%s/uml", runtime, config->name);
        h->sockets = strfmt("%s/%s/sockets", runtime, config->name);
        undo = strfmt("%s/%s/undo", runtime, config->name);
        if (!h->runtime || !h->directory || !h->shared || !h->uml_dir || !h->sockets || !undo)
                return -ENOMEM;
        r = ledger_load(undo, &h->ledger);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}
