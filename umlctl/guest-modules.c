/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-modules.c - what a guest needs of its kernel's modules. */

#include <netinet/in.h>
#include <stdlib.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "uml/kernel-probe.h"
#include "umlctl/guest-modules.h"

enum {
        RECORD_MAX = 64 * 1024,
};

void guest_modules_done(GuestModules *m) {
        strv_done(&m->wanted.names);
        uml_kernel_free(m->kernel);
        safe_close(m->archive);
        free(m->record);
        *m = GUEST_MODULES_INIT;
}

static int choose(GuestModules *m, const Config *c, const Strv *named) {
        int r = c->fast_network ? strv_copy(&m->wanted.names, &m->kernel->modules) : 0;

        m->wanted.kernel = m->kernel;
        m->wanted.ipv6 = !IN6_IS_ADDR_UNSPECIFIED(&c->host_address6);
        return r < 0 ? r : strv_copy(&m->wanted.names, named);
}

static int make_record(GuestModules *m, const Strv *named) {
        m->record = strfmt("%s\n", m->kernel->release);
        for (size_t i = 0; m->record && i < named->n; i++) {
                char *longer = strfmt("%s%s\n", m->record, named->v[i]);

                free(m->record);
                m->record = longer;
        }
        return m->record ? 0 : -ENOMEM;
}

int guest_modules_pack(GuestModules *m, const Config *c, const char *dir, const Strv *named,
                       const Workspace *w, Progress *progress, char **ret_why) {
        int r = uml_kernel_probe(config_kernel(c), MODULES_PROBE_TIMEOUT, &m->kernel, ret_why);

        m->wanted.dir = dir;
        if (r >= 0)
                r = choose(m, c, named);
        if (r >= 0)
                r = make_record(m, named);
        if (r < 0 || (m->wanted.names.n == 0 && !m->wanted.ipv6))
                return r;
        r = kernel_modules_pack(&m->wanted, w, progress, &m->archive, ret_why);
        return r < 0 ? r : m->archive >= 0;
}

int guest_modules_remembered(const char *guest, char **ret_release, Strv *named) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, guest, GUEST_MODULES_FILE), *text = NULL,
                            *release = NULL;
        char *save = NULL, *line;
        ssize_t n = path ? read_file(path, RECORD_MAX, &text) : -ENOMEM;
        int r = 0;

        if (n < 0)
                return (int) n;
        line = strtok_r(text, "\n", &save);
        release = line ? strdup(line) : NULL;
        if (!release)
                return line ? -ENOMEM : -ENOENT;
        while (r >= 0 && (line = strtok_r(NULL, "\n", &save)))
                r = strv_push(named, line);
        if (r >= 0)
                *ret_release = TAKE_PTR(release);
        return r;
}
