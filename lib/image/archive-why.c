/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive-why.c - why libarchive failed. */

#include <errno.h>
#include <string.h>

#include "basic/string-util.h"
#include "image/archive-why.h"

enum {
        SHOWN_MAX = 200,
};

/* The library's own codes are not errno, and some errno stand for what is wrong with an archive. */
static bool is_of_disk(int e) {
        static const int of_disk[] = { EIO, ENOSPC, EDQUOT, EFBIG, EACCES, EPERM, EROFS, ESTALE };

        FOREACH_ELEMENT (known, of_disk)
                if (*known == e)
                        return true;
        return false;
}

char *archive_why(struct archive *a) {
        const char *text = archive_error_string(a) ?: "unknown error", *reason;
        _cleanup_free_ char *shown = escape_text(text, strlen(text), SHOWN_MAX);
        int e = archive_errno(a);

        if (!shown || !is_of_disk(e))
                return TAKE_PTR(shown);
        reason = strerror(e);
        return strstr(shown, reason) ? TAKE_PTR(shown) : strfmt("%s: %s", shown, reason);
}
