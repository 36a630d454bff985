/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-http-status.c - any bytes as a web server's answer, whole and in pieces. */

#include "fuzz.h"

#include "daemon/base/probe-http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        int whole = probe_http_status(text, size);

        assert(whole == 0 || whole == -EBADMSG || (whole >= 100 && whole <= 999));
        assert(whole != 0 || size < 13);
        for (size_t i = 0; i < size; i++) {
                int r = probe_http_status(text, i);

                assert(r == 0 || r == whole); /* what is decided stays so */
        }
        return 0;
}
