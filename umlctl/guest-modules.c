/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-modules.c - what a guest needs of its kernel's modules. */

#include <stdlib.h>

#include "api/modules-record.h"
#include "basic/fd-util.h"
#include "uml/kernel-probe.h"
#include "umlctl/guest-modules.h"

void guest_modules_done(GuestModules *m) {
        strv_done(&m->wanted.names);
        uml_kernel_free(m->kernel);
        safe_close(m->archive);
        free(m->record);
        *m = GUEST_MODULES_INIT;
}

static int choose(GuestModules *m, const ModulesNeed *need) {
        int r = need->fast_network ? strv_copy(&m->wanted.names, &m->kernel->modules) : 0;

        m->wanted.kernel = m->kernel;
        m->wanted.dir = need->dir;
        m->wanted.ipv6 = need->ipv6;
        if (r >= 0)
                r = strv_copy(&m->wanted.names, need->named);
        if (r < 0)
                return r;
        m->record = modules_record_text(m->kernel->release, need->named);
        return m->record ? 0 : -ENOMEM;
}

int guest_modules_pack(GuestModules *m, const ModulesNeed *need, const Workspace *w,
                       Progress *progress, char **ret_why) {
        int r = uml_kernel_probe(need->kernel, MODULES_PROBE_TIMEOUT, &m->kernel, ret_why);

        if (r >= 0)
                r = choose(m, need);
        if (r < 0 || (m->wanted.names.n == 0 && !m->wanted.ipv6))
                return r;
        r = kernel_modules_pack(&m->wanted, w, progress, &m->archive, ret_why);
        return r < 0 ? r : m->archive >= 0;
}
