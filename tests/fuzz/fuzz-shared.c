/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-shared.c - any files as the record of a setting that guests share: whoever joins is there
 * with its claim, and when the last one has left, the original is restored or nothing is recorded.
 *
 * The input is the content of the four files, separated by NUL bytes. */

#include "fuzz.h"

#include "host/shared.h"
#include "scratch.h"

static const char *const files[] = { "original", "ours", "ours.before", "user.other" };

static void write_record(const char *dir, const uint8_t *data, size_t size) {
        _cleanup_free_ char *setting = strfmt("%s/setting", dir);

        assert(setting && rm_rf(setting) >= 0 && mkdir_p(setting, 0755) >= 0);
        FOREACH_ELEMENT (f, files) {
                const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
                size_t n = end ? (size_t) (end - data) : size;
                _cleanup_free_ char *name = strfmt("setting/%s", *f);

                assert(name);
                if (n > 0)
                        free(scratch_file(name, data, n));
                data += n + (end ? 1 : 0);
                size -= n + (end ? 1 : 0);
        }
}

static bool other_lives(const char *name, void *userdata) {
        return !streq(name, "other") || *(bool *) userdata;
}

static void join(SharedSetting *s) {
        _cleanup_free_ char *claim = NULL;

        if (shared_join(s, "one", "a claim", "1") < 0) /* a file is too large */
                return;
        assert(shared_claim(s, "one", &claim) >= 0 && streq(claim, "a claim"));
        assert(shared_set_ours(s, "2") >= 0);
        assert(shared_is_ours(s, "2") == 1);
}

static void leave(SharedSetting *s, bool other) {
        _cleanup_free_ char *original = NULL, *ours = NULL, *claim = NULL;
        int r = shared_leave(s, "one", &original, &ours);

        assert(shared_claim(s, "one", &claim) == -ENOENT);
        if (r == 1) {
                assert(original && ours && !other);
                assert(shared_forget(s) >= 0);
        } else
                assert(!original && !ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *dir = scratch();

        for (int i = 0; i < 2; i++) {
                _cleanup_(shared_closep) SharedSetting *s = NULL;
                _cleanup_strv_ Strv names = {}, claims = {};
                bool lives = i == 1, other;

                write_record(dir, data, size);
                assert(shared_open(dir, "setting", other_lives, &lives, &s) >= 0);
                if (shared_users(s, NULL, &names, &claims) >= 0)
                        assert(names.n == claims.n && (lives || names.n == 0));
                other = names.n > 0;
                join(s);
                leave(s, other);
        }
        return 0;
}
