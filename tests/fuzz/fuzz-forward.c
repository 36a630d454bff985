/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-forward.c - any text as a forward: refused with a reason, or its own shortest text means the
 * same. */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size);
        char text[FORWARD_TEXT_MAX], again_text[FORWARD_TEXT_MAX];
        const char *why = NULL;
        Forward f = { .protocols = 99 }, again;

        assert(s);
        if (forward_parse(s, &f, &why) < 0) {
                assert(why && f.protocols == 99);
                return 0;
        }
        assert(!why);
        assert((f.protocols & ~(FORWARD_TCP | FORWARD_UDP)) == 0
                       ? f.protocols != 0
                       : f.protocols == FORWARD_OTHER && f.host_first <= 255);
        assert(f.host_first >= 1 && f.host_first <= f.host_last);
        assert(f.guest_first >= 1 && f.guest_first + (f.host_last - f.host_first) <= UINT16_MAX);
        assert(f.family == FORWARD_BOTH
                       ? ip_address_is_any(&f.address)
                       : ip_address_is_any(&f.address) ||
                                 ip_address_is_v6(&f.address) == (f.family == FORWARD_IPV6));
        assert(forward_overlaps(&f, &f));
        assert(forward_common_port(&f, &f, NULL, 0, &again) && again.host_first == f.host_first);
        assert(!forward_common_port(&f, &f, &f, 1, &again));

        forward_format(&f, text);
        assert(strlen(text) < sizeof(text));
        /* libc spells some IPv6 addresses with more characters than were given: it writes a single
         * group of zeros as 0, and ::a:b as ::0.10.0.11. */
        assert(f.protocols == FORWARD_OTHER || ip_address_is_v6(&f.address) ||
               strlen(text) <= strlen(s));
        assert(forward_parse(text, &again, &why) == 0);
        assert(streq(text, forward_format(&again, again_text)));
        assert(again.family == f.family && ip_address_equal(&again.address, &f.address));
        assert(again.host_last == f.host_last && again.guest_first == f.guest_first);
        return 0;
}
