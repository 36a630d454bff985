/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-guest-init.c - what umld-guest-init reads: its service, tables of the kernel, indices of
 * modules, the command line. */

#include "fuzz.h"

#include <signal.h>
#include <stdlib.h>

#include "guest/modprobe.h"
#include "guest/network.h"
#include "guest/service.h"

static void check_service(const char *text) {
        _cleanup_(service_done) Service s = {};
        unsigned line = 0;

        if (service_parse(text, &s, &line) < 0) {
                assert(!s.argv.v && !s.environment.v);
                return;
        }
        assert(s.argv.n > 0 && s.n_ports <= SERVICE_PORTS_MAX && s.stop_signal > 0);
        (void) service_listens(&s, text);
}

static void check_modules(const char *text, const char *name) {
        _cleanup_strv_ Strv files = {};

        if (modprobe_files(text, text, name, &files) >= 0)
                for (size_t i = 0; i < files.n; i++)
                        assert(*files.v[i] && !strpbrk(files.v[i], " \n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size), *value = NULL;

        assert(text);
        check_service(text);
        check_modules(text, "tcp_bbr");
        check_modules(text, "tcp");
        value = cmdline_value(text, "umld_dns");
        assert(!value || !strpbrk(value, " \n"));
        return 0;
}
