/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-fail.c - says why a source of a new guest cannot be used. */

#include <string.h>

#include "api/exit-codes.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

int source_failed(const Source *s, int r, const char *why) {
        if (r == -EINTR)
                return fail_with(EXIT_FAILED, "%s: interrupted, nothing was created", s->guest);
        return fail_with(EXIT_FAILED, "%s: cannot be created from %s: %s", s->guest, s->shown,
                         why ?: strerror(-r));
}

int source_fail_errno(const Source *s, int error) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: %s", s->shown,
                         strerror(-error));
}

int source_fail_sum(const Source *s) {
        return fail_with(EXIT_USAGE, "--sha256: %s is not a file, so it has no checksum", s->shown);
}
